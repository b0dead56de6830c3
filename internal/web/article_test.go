package web

import (
	"bufio"
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"afloat"
	"afloat/internal/fault"
	"afloat/internal/resilience"
	"afloat/internal/widgets"
)

const cdn = "Surrogate-Capability"

func TestWholePage(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	path := "/posts/" + w.articles[0].Slug
	b.warm(t, path)

	whole := b.get(t, path)
	whole.wantStatus(t, 200)
	whole.wantHeaders(t, "Content-Length", strconv.Itoa(len(whole.body)), "Content-Type", "text/html; charset=utf-8",
		"Cache-Control", "public, max-age=0, s-maxage=1, stale-while-revalidate=1, stale-if-error=86400")
	lacks(t, whole.body, "shadowrootmode", "slot=", " old</time>") // an age would be wrong on the page's next use
	wants(t, whole.body, "</html>")

	again := b.get(t, path, "If-None-Match", whole.header.Get("Etag"))
	if again.status != 304 || again.body != "" {
		t.Errorf("status %d with %d bytes for a page that the reader has, want 304", again.status, len(again.body))
	}
	b.get(t, path, "If-None-Match", `"another"`).wantStatus(t, 200)

	head := b.do(t, "HEAD", path, "")
	head.wantStatus(t, 200)
	head.wantHeaders(t, "Content-Length", whole.header.Get("Content-Length"))
	if head.body != "" {
		t.Error("HEAD has a body")
	}
}

// TestWholeForACDN: a CDN can't use a page in pieces, so it waits for all of them.
func TestWholeForACDN(t *testing.T) {
	w := newWorld(t)
	path := "/posts/" + w.articles[0].Slug
	for _, request := range [][]string{{"GET", cdn, `cdn="Surrogate/1.0"`}, {"HEAD", "Accept", "*/*"}} {
		a := w.start(t).do(t, request[0], path, "", request[1], request[2]) // a new server, with nothing in memory
		a.wantStatus(t, 200)
		if a.header.Get("Etag") == "" || a.header.Get("Content-Length") == "" {
			t.Errorf("%s: Etag %q, Content-Length %q", request[0], a.header.Get("Etag"), a.header.Get("Content-Length"))
		}
		lacks(t, a.body, "shadowrootmode")
	}
}

// TestStreamedPageSendsThePostFirst holds the recommendations back until the
// post has been read, so that it can only pass if the post does not wait.
func TestStreamedPageSendsThePostFirst(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	held := w.recommendations
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		<-release
		http.Redirect(rw, r, held+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	t.Cleanup(proxy.Close)
	w.recommendations = proxy.URL
	b := w.start(t, func(s *setup) {
		s.lab = false // its probe would wait as well
		s.table.Page.Slot = time.Minute
		s.table.Recommendations.AttemptDeadline, s.table.Recommendations.Deadline = time.Minute, time.Minute
		s.table.Recommendations.Retry = resilience.RetryPolicy{}
	})

	req := must(http.NewRequestWithContext(t.Context(), "GET", b.URL+"/posts/"+w.articles[0].Slug, nil))(t)
	res := must(b.client.Do(req))(t)
	defer res.Body.Close()
	first := answer{status: res.StatusCode, header: res.Header}
	first.wantStatus(t, 200)
	first.wantHeaders(t, "Etag", "", "Content-Length", "", "Cache-Control", "no-store")
	page := bufio.NewReader(res.Body)
	for !strings.Contains(first.body, `data-part="comments"`) || !strings.Contains(first.body, `data-part="popular"`) {
		line, err := page.ReadString('\n')
		if first.body += line; err != nil {
			t.Fatalf("the page ended before its parts: %v", err)
		}
	}
	if !first.has(w.articles[0]) {
		t.Error("the article isn't in what came first")
	}
	wants(t, first.body, `<template shadowrootmode="open">`, `<slot name="recommendations">`)
	lacks(t, first.body, `data-part="recommendations"`)

	close(release)
	rest := string(must(io.ReadAll(page))(t))
	wants(t, rest, `data-part="recommendations" data-state="fresh" slot="recommendations"`, "</html>")
}

// TestSlotsClose: a part that hangs is a placeholder when the slots close, and
// the page ends complete.
func TestSlotsClose(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { // so that nothing but the slots bounds it
		s.table.Recommendations.AttemptDeadline, s.table.Recommendations.Deadline = time.Minute, time.Minute
	})
	b.get(t, "/posts/"+w.articles[1].Slug).wantStatus(t, 200) // leaves a connection, so that no dial's timeout bounds it either
	b.breakLink("recommendations", fault.Hang)
	got := b.get(t, "/posts/"+w.articles[0].Slug)
	if got.took > pageBound {
		t.Errorf("the page took %v, over %v", got.took, pageBound)
	}
	if got.parts()["recommendations"] != "missing" || !got.has(w.articles[0]) {
		t.Errorf("parts: %v", got.parts())
	}
	wants(t, got.body, "Similar articles are out of reach. The archive lists everything.", "</html>")
}

func TestDegradedPagesAreNotKept(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	b.breakLink("recommendations", fault.Refuse)
	got := b.get(t, "/posts/"+w.articles[0].Slug, cdn, "x")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")

	// Nor is one that tells of a fault of the lab, though all its parts are well.
	if got := b.get(t, "/archive"); got.header.Get("Etag") == "" {
		t.Error("a healthy list isn't kept")
	}
	b.do(t, "POST", "/lab/faults", "link=recommendations&kind=refuse", "Content-Type", isForm).wantStatus(t, 200)
	got = b.get(t, "/archive")
	wants(t, got.body, "Recommendations refuse connections")
	got.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")
}

func TestXRay(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	b.warm(t, "/posts/"+w.articles[0].Slug)
	for _, path := range []string{"/posts/" + w.articles[0].Slug, "/", "/archive", "/search?q=retry"} {
		lacks(t, b.get(t, path).body, `class="xray"`)
		sep := "?"
		if strings.Contains(path, "?") {
			sep = "&"
		}
		got := b.get(t, path+sep+"xray=1", cdn, "x")
		got.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")
		wants(t, got.body, `class="xray"`, "/source/internal/policy/policy.go#L")
	}
	// Its links lead to the lines they name.
	got := b.get(t, "/posts/"+w.articles[0].Slug+"?xray=1")
	for part, ref := range map[string]string{"comments": "internal/widgets/comments.go", "recommendations": "internal/widgets/recommendations.go", "popular": "internal/widgets/popular.go", "post": "internal/store/ladder.go"} {
		wants(t, got.body, part+" · ", "/source/"+ref+"#L")
		b.get(t, "/source/"+ref).wantStatus(t, 200)
	}
	// Classes, never texts.
	b.breakLink("recommendations", fault.Refuse)
	other := b.get(t, "/posts/"+w.articles[1].Slug+"?xray=1")
	wants(t, other.body, "<dt>error</dt><dd>refused</dd>")
	lacks(t, other.body, "dial tcp", "connect: connection refused", strings.TrimPrefix(w.recommendations, "http://"))
}

// TestPanicsStayInTheirPart: in what loads a part, in its view and in its
// template, streamed and whole.
func TestPanicsStayInTheirPart(t *testing.T) {
	w := newWorld(t)
	path := "/posts/" + w.articles[0].Slug
	complete := func(t *testing.T, b *blog) {
		t.Helper()
		for _, header := range []string{"X-Nothing", cdn} {
			got := b.get(t, path, header, "x")
			got.wantStatus(t, 200)
			if !got.has(w.articles[0]) || got.parts()["recommendations"] != "missing" || !good(got.parts()["comments"]) {
				t.Errorf("parts: %v", got.parts())
			}
			wants(t, got.body, "</html>")
			lacks(t, got.body, "panic", "HALF", "boom")
			got.wantHeaders(t, "Cache-Control", "no-store")
		}
	}
	t.Run("load", func(t *testing.T) {
		complete(t, w.start(t, func(s *setup) {
			s.options = func(o *Options) {
				row := s.table.Recommendations
				o.Recommendations = must(widgets.New(widgets.Spec[[]widgets.Suggestion]{
					Name: "recommendations", Source: resilience.FromService, Row: row,
					Key:  func(r widgets.Request) string { return r.Slug },
					Load: func(context.Context, widgets.Request) ([]widgets.Suggestion, error) { panic("boom") },
				}, widgets.Deps{Entries: 10}))(t)
			}
		}))
	})
	t.Run("template", func(t *testing.T) {
		complete(t, w.start(t, func(s *setup) {
			s.options = func(o *Options) {
				o.Templates = templatesWith(t, `{{define "part-recommendations"}}<p>HALF{{(index .V 99).Slug}}</p>{{end}}`)
			}
		}))
	})
	t.Run("view", func(t *testing.T) {
		b := w.start(t)
		s := b.Config.Handler.(*Server)
		r := httptest.NewRequest("GET", path, nil)
		broken := newSlot(s, r, widgets.Request{Slug: w.articles[0].Slug}, slotSpec[[]widgets.Suggestion, []suggestionView]{
			widget: s.Recommendations, view: func([]widgets.Suggestion) []suggestionView { panic("boom") },
		})
		for _, streamed := range []bool{true, false} {
			got, ok := s.renderPart(broken.get(t.Context()), streamed)
			if ok {
				t.Error("a panic is said to be well")
			}
			wants(t, string(got), `data-part="recommendations" data-state="missing"`)
			lacks(t, string(got), "boom")
		}
	})
}

// templatesWith are the blog's templates with one of them replaced.
func templatesWith(t testing.TB, replacement string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{"zz-replacement.html": {Data: []byte(replacement)}}
	for _, entry := range must(fs.ReadDir(afloat.Templates(), "."))(t) {
		files[entry.Name()] = &fstest.MapFile{Data: must(fs.ReadFile(afloat.Templates(), entry.Name()))(t)}
	}
	return files
}
