package main

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The client finds the end of every kind of answer, and goes on after it.
func TestClientReadsWholeAnswers(t *testing.T) {
	long := strings.Repeat("0123456789", 30_000) // more than any buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/length":
			_, _ = w.Write([]byte("short"))
		case "/chunks":
			_, _ = w.Write([]byte("first, "))
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write([]byte(long))
		case "/empty":
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	c, err := dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []struct {
		path   string
		status int
		body   string
	}{{"/chunks", 200, "first, " + long}, {"/length", 200, "short"}, {"/empty", 404, ""}, {"/chunks", 200, "first, " + long}} {
		var body bytes.Buffer
		got, err := c.get(getRequest(addr, want.path), &body)
		if err != nil {
			t.Fatalf("%s: %v", want.path, err)
		}
		if got.status != want.status || body.String() != want.body || got.bytes != len(want.body) {
			t.Errorf("%s: status %d and %d bytes, %d of them kept; want %d and %d", want.path, got.status, got.bytes, body.Len(), want.status, len(want.body))
		}
		if skipped, err := c.get(getRequest(addr, want.path), nil); err != nil || skipped != got {
			t.Errorf("%s, not kept: %+v, %v; want %+v", want.path, skipped, err, got)
		}
	}
}

func TestDegradedPagesAreNoticed(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`<div data-part="comments" data-state="missing">`))
	_ = z.Close()
	for page, want := range map[string]bool{
		`<div data-part="post" data-state="fresh">`:      false,
		`<div data-part="post" data-state="stale">`:      true,
		`<p>a stale word in the text, or missing</p>`:    false,
		`<div data-part="popular" data-state="fallback"`: true,
		zipped.String(): true,
	} {
		if got := degraded([]byte(page)); got != want {
			t.Errorf("degraded(%.60q) is %v", page, got)
		}
	}
}
