package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

const csp = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors "

// everyRoute makes a request for each route that there is, and some for none.
// A route that it has no example of fails the test: whoever adds one says how
// it is asked.
func everyRoute(t *testing.T, b *blog) []string {
	t.Helper()
	slug := b.articles[0].Slug
	examples := map[string]string{
		"{slug}": slug, "{tag}": b.articles[0].Tags[0], "{year:[0-9]{4}}": fmt.Sprint(b.articles[0].Published.Year()), "{link}": "redis",
		"/sitemap-{page:[1-9][0-9]*}.xml": "/sitemap-1.xml", "/source/*": "/source/go.mod", "/static/*": "/static/app.css",
	}
	var requests []string
	err := chi.Walk(b.Config.Handler.(*Server).handler.(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		for pattern, example := range examples {
			route = strings.ReplaceAll(route, pattern, example)
		}
		if strings.ContainsAny(route, "{*") {
			t.Errorf("no example of the route %s", route)
		}
		requests = append(requests, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(requests) < 15 {
		t.Fatalf("only %d routes: %q", len(requests), requests)
	}
	return append(requests, "GET /nothing", "BREW /", "GET /static/nothing", "GET /posts/nothing", "POST /about", "HEAD /posts/"+slug,
		"GET /?page=0", "GET /search?q=retry", "GET /lab/faults?after=x", "GET /posts/"+slug+"?xray=1")
}

// inline is what the policy would refuse, and hence what must not be there.
var inline = regexp.MustCompile(`(?i)<style|<script(?: [^>]*)?>[^<]|<[a-z][^<>]* (?:style|on[a-z]+)\s*=|javascript:`)

func TestEveryAnswerIsProtected(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.options = func(o *Options) { o.Metrics = http.NotFoundHandler() } })
	check := func(request string, got answer) {
		t.Helper()
		got.wantHeaders(t, "Content-Security-Policy", csp+"'self'", "X-Content-Type-Options", "nosniff", "Referrer-Policy", "same-origin",
			"Cross-Origin-Opener-Policy", "same-origin", "Cross-Origin-Resource-Policy", "same-origin")
		if !strings.HasPrefix(got.header.Get("Permissions-Policy"), "camera=(), microphone=(), geolocation=()") {
			t.Errorf("%s: Permissions-Policy %q", request, got.header.Get("Permissions-Policy"))
		}
		if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			if found := inline.FindString(got.body); found != "" {
				t.Errorf("%s: inline in the page: %.200s", request, found)
			}
		}
		if t.Failed() {
			t.Fatalf("%s (%d)", request, got.status)
		}
	}
	for _, request := range everyRoute(t, b) {
		method, path, _ := strings.Cut(request, " ")
		if path == "/lab/events" {
			method = http.MethodHead // its body has no end
		}
		check(request, b.do(t, method, path, ""))
	}
	b.warm(t, "/posts/"+w.articles[0].Slug)
	for range 3 { // from memory too
		check("a page from memory", b.get(t, "/posts/"+w.articles[0].Slug))
		check("a compressed one", b.get(t, "/posts/"+w.articles[0].Slug, "Accept-Encoding", "gzip"))
	}
	etag := b.get(t, "/posts/"+w.articles[0].Slug).header.Get("Etag")
	check("a page that has not changed", b.get(t, "/posts/"+w.articles[0].Slug, "If-None-Match", etag))
	check("a form from another site", b.do(t, "POST", "/posts/"+w.articles[0].Slug+"/comments", "", "Sec-Fetch-Site", "cross-site", "Content-Type", isForm))
}

// TestFrames: the blog is shown in frames of its own pages only, the twin in
// those of its blog only.
func TestFrames(t *testing.T) {
	w := newWorld(t)
	twin := w.start(t, naive, func(s *setup) { s.options = func(o *Options) { o.Other = Other{"the protected blog", "8080"} } })
	for host, want := range map[string]string{
		"127.0.0.1:8081":   "http://127.0.0.1:8080",
		"localhost":        "http://localhost:8080",
		"LAB.example:8081": "http://lab.example:8080",
		"[::1]:8081":       "'none'",
		"evil.example":     "'none'",
		"a;script-src*":    "'none'",
	} {
		got := twin.get(t, "/about", "Host", host)
		got.wantHeaders(t, "Content-Security-Policy", csp+want)
	}
	alone := w.start(t, naive)
	alone.get(t, "/about").wantHeaders(t, "Content-Security-Policy", csp+"'none'")
}
