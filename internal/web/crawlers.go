package web

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/store"
)

// sitemapSize is the number of articles in one sitemap. The protocol allows
// 50,000 addresses (sitemaps.org/protocol.html); a tenth keeps each file, and
// what has to be read for it, small.
const sitemapSize = 5000

// sitemap is a urlset or a sitemapindex.
type sitemap struct {
	XMLName xml.Name
	URLs    []sitemapURL `xml:"url"`
	Maps    []sitemapURL `xml:"sitemap"`
}

type sitemapURL struct {
	Loc     string `xml:"loc"`
	LastMod string `xml:"lastmod,omitempty"`
}

const sitemapSpace = "http://www.sitemaps.org/schemas/sitemap/0.9"

// sitemap is GET /sitemap.xml: everything there is, or, where that is much, an
// index of the files that hold it.
func (s *Server) sitemap(w http.ResponseWriter, r *http.Request) error {
	contents, prov, err := s.Posts.Contents(r.Context())
	if err != nil {
		return err
	}
	s.note(r, "contents", prov)
	n := pages(contents.Total, sitemapSize)
	if n == 1 {
		return s.sitemapPage(w, r, 1)
	}
	index := sitemap{XMLName: xml.Name{Space: sitemapSpace, Local: "sitemapindex"}}
	for page := range n {
		index.Maps = append(index.Maps, sitemapURL{Loc: absolute(r, sitemapPageURL(page+1))})
	}
	return serveXML(w, r, index, !prov.State.Degraded(), named{"contents", prov})
}

// sitemapFile is GET /sitemap-N.xml.
func (s *Server) sitemapFile(w http.ResponseWriter, r *http.Request) error {
	page, err := strconv.Atoi(chi.URLParam(r, "page"))
	if err != nil {
		return store.ErrNotFound
	}
	return s.sitemapPage(w, r, page)
}

// sitemapPage serves articles, newest first; the first page also has the pages
// that lead to them.
func (s *Server) sitemapPage(w http.ResponseWriter, r *http.Request, page int) error {
	contents, prov, err := s.Posts.Contents(r.Context())
	if err != nil {
		return err
	}
	parts := []named{{"contents", prov}}
	urls := sitemap{XMLName: xml.Name{Space: sitemapSpace, Local: "urlset"}}
	add := func(path string, modified time.Time) {
		u := sitemapURL{Loc: absolute(r, path)}
		if !modified.IsZero() {
			u.LastMod = modified.UTC().Format(time.RFC3339)
		}
		urls.URLs = append(urls.URLs, u)
	}
	if page == 1 {
		for _, path := range []string{"/", "/lessons", "/glossary", "/teach", archiveURL(0, 1), "/about"} {
			add(path, time.Time{})
		}
		for _, y := range contents.Years {
			add(archiveURL(y.Year, 1), time.Time{})
		}
		for _, t := range contents.Tags {
			add(listURL(t.Tag, 1), time.Time{})
		}
	}
	if page != 1 || contents.Total > 0 {
		addresses, prov, err := s.Posts.Addresses(r.Context(), page, sitemapSize)
		if err != nil {
			return err
		}
		parts = append(parts, named{"addresses", prov})
		for _, a := range addresses {
			add(postURL(a.Slug), a.Updated)
		}
	}
	keep := true
	for _, p := range parts {
		s.note(r, p.name, p.Provenance)
		keep = keep && !p.State.Degraded()
	}
	return serveXML(w, r, urls, keep, parts...)
}

func serveXML(w http.ResponseWriter, r *http.Request, v any, keep bool, parts ...named) error {
	b := bytes.NewBufferString(xml.Header)
	if err := xml.NewEncoder(b).Encode(v); err != nil {
		return err
	}
	provenanceHeaders(w.Header(), keep, parts...)
	serveWhole(w, r, "application/xml; charset=utf-8", b.Bytes(), keep)
	return nil
}

// robots keeps crawlers from what is of this reader and this moment only: the
// lab, forms, searches, X-rays. Highlighted source is no answer to any search,
// and costly. The twin is a copy on purpose.
func (s *Server) robots(w http.ResponseWriter, r *http.Request) {
	rules := "User-agent: *\nDisallow: /lab/\nDisallow: /search?\nDisallow: /source/\nDisallow: /posts/*/comment\n" +
		"Disallow: /*?comment=\nDisallow: /*xray=\n\nSitemap: " + absolute(r, "/sitemap.xml") + "\n"
	if s.isTwin() {
		rules = "User-agent: *\nDisallow: /\n"
	}
	serveWhole(w, r, "text/plain; charset=utf-8", []byte(rules), true)
}

// favicon is for those who ask without looking at the page, which names it.
func (s *Server) favicon(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache") // the mark's own address changes with the mark
	http.Redirect(w, r, staticURL(s.assets, "mark.svg"), http.StatusFound)
}
