package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"afloat/internal/fault"
)

// How an answer may be kept.
var kept = cacheable // whole, complete and healthy: by a CDN, also through an outage of ours

const (
	notKept    = "no-store"
	revalidate = "no-cache"
)

// reads is an example of each route that is read: its pattern, and the
// addresses with what may be kept of them.
var reads = map[string]map[string]string{
	"/":                               {"/": kept, "/?xray=1": notKept, "/?page=99": notKept},
	"/posts/{slug}":                   {"/posts/SLUG": kept, "/posts/SLUG?xray=1": notKept, "/posts/SLUG?comment=1": notKept, "/posts/nothing": notKept},
	"/posts/{slug}/comment":           {"/posts/SLUG/comment": notKept},
	"/tags/{tag}":                     {"/tags/TAG": kept, "/tags/nothing": notKept},
	"/archive":                        {"/archive": kept, "/archive?xray=1": notKept},
	"/archive/{year:[0-9]{4}}":        {"/archive/YEAR": kept, "/archive/1000": notKept},
	"/lessons":                        {"/lessons": kept, "/lessons?xray=1": notKept},
	"/glossary":                       {"/glossary": kept, "/glossary?xray=1": notKept},
	"/teach":                          {"/teach": kept, "/teach?xray=1": notKept},
	"/search":                         {"/search": notKept, "/search?q=retry": notKept},
	"/feed.xml":                       {"/feed.xml": kept},
	"/feed.json":                      {"/feed.json": kept},
	"/sitemap.xml":                    {"/sitemap.xml": kept},
	"/sitemap-{page:[1-9][0-9]*}.xml": {"/sitemap-1.xml": kept, "/sitemap-9.xml": notKept},
	"/robots.txt":                     {"/robots.txt": kept},
	"/favicon.ico":                    {"/favicon.ico": revalidate},
	"/about":                          {"/about": notKept}, // it says how things are right now
	"/source":                         {"/source": kept},
	"/source/*":                       {"/source/embed.go": kept, "/source/embed.go?xray=1": notKept, "/source/nothing": notKept},
	"/static/*":                       {"/static/app.css": revalidate, "/static/nothing.css": notKept},
	"/livez":                          {"/livez": notKept},
	"/readyz":                         {"/readyz": notKept},
	"/lab/bar":                        {"/lab/bar?back=/": notKept},
	"/lab/critical":                   {"/lab/critical": notKept},
	"/lab/faults":                     {"/lab/faults": notKept},
	"/lab/status":                     {"/lab/status": notKept},
	"/lab/timeline.json":              {"/lab/timeline.json": notKept, "/lab/timeline.json?seconds=0": notKept},
	"/lab/events":                     {}, // has no end; TestEvents reads it
}

// TestEveryRouteIsKeptAsItMayBe, and HEAD and conditional requests agree with
// GET, compressed or not.
func TestEveryRouteIsKeptAsItMayBe(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	s := b.Config.Handler.(*Server)
	if err := s.CompressStatic(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := chi.Walk(s.handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodGet && reads[route] == nil {
			t.Errorf("%s is in no row of this test", route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("SLUG", w.articles[0].Slug, "TAG", w.articles[0].Tags[0], "YEAR", w.articles[0].Published.Format("2006"))
	for _, paths := range reads {
		for path, want := range paths {
			path = fill.Replace(path)
			t.Run(strings.Trim(path, "/"), func(t *testing.T) {
				if want == kept {
					b.warm(t, path)
				}
				for _, accept := range []string{"identity", "gzip", "gzip, br"} {
					agree(t, b, path, want, accept)
				}
			})
		}
	}
}

// agree compares what different ways of asking for a page get.
func agree(t *testing.T, b *blog, path, want, accept string) {
	t.Helper()
	get := b.get(t, path, "Accept-Encoding", accept)
	get.wantHeaders(t, "Cache-Control", want, "X-Content-Type-Options", "nosniff")
	etag := get.header.Get("Etag")
	if (want == kept) != (etag != "") && want != revalidate {
		t.Errorf("the ETag is %q", etag)
	}
	if get.header.Get("Content-Encoding") != "" && get.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("compressed, but Vary is %q", get.header.Get("Vary"))
	}
	head := b.do(t, http.MethodHead, path, "", "Accept-Encoding", accept)
	if head.status != get.status || head.body != "" {
		t.Errorf("GET is %d, HEAD %d with %d bytes", get.status, head.status, len(head.body))
	}
	same := []string{"Cache-Control", "Etag", "Content-Type", "Content-Encoding", "Vary", "Last-Modified", "Location", "Content-Security-Policy"}
	for _, name := range same {
		if g, h := get.header.Get(name), head.header.Get(name); g != h {
			t.Errorf("%s: GET has %q, HEAD %q", name, g, h)
		}
	}
	if length := head.header.Get("Content-Length"); want == kept && length != get.header.Get("Content-Length") {
		t.Errorf("GET has %s bytes, HEAD says %s", get.header.Get("Content-Length"), length)
	}
	if etag == "" {
		return
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		for _, tag := range []string{etag, `"x", ` + etag, "W/" + etag} {
			unchanged := b.do(t, method, path, "", "Accept-Encoding", accept, "If-None-Match", tag)
			if unchanged.status != http.StatusNotModified || unchanged.body != "" {
				t.Errorf("%s with If-None-Match %s: %d", method, tag, unchanged.status)
			}
			unchanged.wantHeaders(t, "Etag", etag, "Cache-Control", want, "Vary", get.header.Get("Vary"))
		}
		changed := b.do(t, method, path, "", "Accept-Encoding", accept, "If-None-Match", `"other"`)
		if changed.status != get.status || changed.header.Get("Etag") != etag || method == http.MethodGet && changed.body != get.body {
			t.Errorf("%s of a page that has changed: %d", method, changed.status)
		}
	}
}

// TestNothingDegradedIsKept: not any part of it, on any page.
func TestNothingDegradedIsKept(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	fill := strings.NewReplacer("SLUG", w.articles[0].Slug, "TAG", w.articles[0].Tags[0], "YEAR", w.articles[0].Published.Format("2006"))
	var paths []string
	for _, examples := range reads {
		for path, want := range examples {
			if want == kept {
				paths = append(paths, fill.Replace(path))
			}
		}
	}
	for _, path := range paths {
		b.warm(t, path)
	}
	for _, d := range dependencies {
		b.breakLink(d, fault.Refuse)
	}
	eventually(t, "the feed is stale", func() bool { return b.get(t, "/feed.xml").header.Get("Etag") == "" })
	for _, path := range paths {
		if path == "/robots.txt" || path == "/glossary" || path == "/teach" || strings.HasPrefix(path, "/source") {
			continue // these depend on nothing
		}
		got := b.get(t, path)
		got.wantStatus(t, 200)
		if got.header.Get("Cache-Control") != notKept || got.header.Get("Etag") != "" || got.header.Get("Last-Modified") != "" {
			t.Errorf("%s in an outage: %v", path, got.header)
		}
	}
}
