package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/klauspost/compress/gzip"
	"github.com/maypok86/otter/v2"

	"afloat/internal/assets"
)

// hotPages are finished pages, kept for a moment: what many readers ask for
// within it is rendered once, compressed once, and sent as it is. Only whole,
// complete and healthy pages are kept, so a hit has nothing to decide.
//
// The moment is so short that nobody need be told of a change: freshness is the
// parts' own business, and this adds Table.Page.Hot to it at the most.
type hotPages struct {
	pages *otter.Cache[string, *hotPage] // nil: none are kept
	fresh time.Duration
}

type hotPage struct {
	header  http.Header // whole, as sent
	plain   []byte
	tag     string
	until   time.Time
	version int64  // of the site, when it was made
	seen    func() // counts a view
	route   string // for the meter

	once         sync.Once
	zipped       []byte
	zippedHeader http.Header
}

func newHotPages(entries int, fresh time.Duration) (*hotPages, error) {
	if fresh == 0 {
		return &hotPages{}, nil
	}
	pages, err := otter.New(&otter.Options[string, *hotPage]{MaximumSize: entries})
	return &hotPages{pages, fresh}, err
}

// hotKey names a page as this reader sees it: its links carry the Host.
func hotKey(r *http.Request) string {
	return r.Header.Get("X-Forwarded-Proto") + " " + r.Host + r.URL.Path
}

// serveHot answers from the finished pages, or reports that it can't. It runs
// before routing: a hit passes no middleware, no guard and no template.
func (s *Server) serveHot(w http.ResponseWriter, r *http.Request) bool {
	began := time.Now()
	if s.hot.pages == nil || r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.RawQuery != "" {
		return false
	}
	p, ok := s.hot.pages.GetIfPresent(hotKey(r))
	if !ok || began.After(p.until) {
		return false
	}
	if version, vouched := s.Posts.Version(); !vouched || version != p.version || s.anyFault() {
		return false
	}
	if p.seen != nil && r.Method == http.MethodGet {
		p.seen()
	}
	status := &sentWriter{ResponseWriter: w}
	p.serve(status, r)
	s.answered(r, p.route, status.status, time.Since(began))
	return true
}

// anyFault reports whether the lab has broken a link: then pages say so.
func (s *Server) anyFault() bool {
	for _, l := range s.Links {
		if _, on := l.Current(); on {
			return true
		}
	}
	return false
}

// serveFinished answers with a whole, complete and healthy page, which a CDN
// may keep through an outage of ours, and keeps it for the next readers. seen
// counts a view by each of them; nil counts none.
func (s *Server) serveFinished(w http.ResponseWriter, r *http.Request, body []byte, seen func()) {
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", cacheable)
	h.Set("Vary", "Accept-Encoding")
	p := &hotPage{header: h.Clone(), plain: body, seen: seen, tag: hex.EncodeToString(sum[:12]), until: time.Now().Add(s.hot.fresh)}
	p.header.Set("Content-Length", strconv.Itoa(len(body)))
	p.header.Set("Etag", `"`+p.tag+`"`)
	var vouched bool
	if p.version, vouched = s.Posts.Version(); vouched && s.hot.pages != nil && r.URL.RawQuery == "" {
		p.route = chi.RouteContext(r.Context()).RoutePattern()
		s.hot.pages.Set(hotKey(r), p)
	}
	p.serve(w, r)
}

func (p *hotPage) serve(w http.ResponseWriter, r *http.Request) {
	header, body := p.header, p.plain
	if assets.Accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		header, body = p.gzip()
	}
	maps.Copy(w.Header(), header)
	if conditional(r) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
		return
	}
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // an error here means that the reader has left
	}
}

// conditional reports whether the standard library has to look closer.
func conditional(r *http.Request) bool {
	h := r.Header
	return h["If-None-Match"] != nil || h["If-Match"] != nil || h["Range"] != nil || h["If-Range"] != nil ||
		h["If-Modified-Since"] != nil || h["If-Unmodified-Since"] != nil
}

// gzip is the compressed page, made for the first reader who takes it.
func (p *hotPage) gzip() (http.Header, []byte) {
	p.once.Do(func() {
		p.zippedHeader, p.zipped = p.header, p.plain
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := w.Write(p.plain); err != nil || w.Close() != nil || b.Len() >= len(p.plain) {
			return
		}
		p.zipped, p.zippedHeader = b.Bytes(), p.header.Clone()
		p.zippedHeader.Set("Content-Encoding", "gzip")
		p.zippedHeader.Set("Content-Length", strconv.Itoa(b.Len()))
		p.zippedHeader.Set("Etag", `"`+p.tag+`-gzip"`) // another representation, another tag
	})
	return p.zippedHeader, p.zipped
}
