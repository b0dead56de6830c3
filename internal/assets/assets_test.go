package assets

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

var style = strings.Repeat("a { color: red }\n", 200)

func newSet(t *testing.T, files fstest.MapFS) *Set {
	t.Helper()
	if files == nil {
		noise := make([]byte, 500) // what compression would only make larger
		_, _ = rand.Read(noise)
		files = fstest.MapFS{"app.css": {Data: []byte(style)}, "fonts/noise.png": {Data: noise}, "mark.svg": {Data: []byte("<svg/>")}}
	}
	s, err := New(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(s *Set, method, name string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "/"+name, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	var r io.Reader = res.Body
	switch res.Header.Get("Content-Encoding") {
	case "br":
		r = brotli.NewReader(r)
	case "gzip":
		zip, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = zip
	}
	all, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func compressed(t *testing.T, s *Set) *Set {
	t.Helper()
	if err := s.Compress(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNames(t *testing.T) {
	s := newSet(t, nil)
	hashed := s.Name("app.css")
	if !otherHash.MatchString(hashed) || !strings.HasPrefix(hashed, "app.") || !strings.HasSuffix(hashed, ".css") {
		t.Errorf("the name is %q", hashed)
	}
	changed := newSet(t, fstest.MapFS{"app.css": {Data: []byte(style + " ")}})
	if changed.Name("app.css") == hashed {
		t.Error("another content has the same name")
	}
	if newSet(t, nil).Name("app.css") != hashed {
		t.Error("the same content has another name")
	}
	if name := s.Name("fonts/noise.png"); !strings.HasPrefix(name, "fonts/noise.") {
		t.Errorf("a file in a directory is called %q", name)
	}
	defer func() {
		if recover() == nil {
			t.Error("a file that doesn't exist has a name")
		}
	}()
	s.Name("nothing.css")
}

func TestFilesNeedAType(t *testing.T) {
	if _, err := New(fstest.MapFS{"LICENSE": {Data: []byte("x")}}); err == nil {
		t.Error("a file without a known type is taken")
	}
}

func TestLifetimes(t *testing.T) {
	s := newSet(t, nil)
	const forEver = "public, max-age=31536000, immutable"
	for name, want := range map[string]string{
		"app.css": "no-cache", s.Name("app.css"): forEver, s.Name("fonts/noise.png"): forEver,
		"app.0123456789ab.css": "no-cache", // of another release
	} {
		res := ask(s, http.MethodGet, name)
		if got := res.Header.Get("Cache-Control"); res.StatusCode != 200 || got != want {
			t.Errorf("%s: %d, %q; want %q", name, res.StatusCode, got, want)
		}
	}
	for _, name := range []string{"", "nothing.css", "fonts", "fonts/", "../assets.go", "app.0123456789ab.js", "app..css", "app.0123456789ab.0123456789ab.css"} {
		res := ask(s, http.MethodGet, name)
		if res.StatusCode != 404 || res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %d, %q; want 404, no-store", name, res.StatusCode, res.Header.Get("Cache-Control"))
		}
	}
}

func TestEncodings(t *testing.T) {
	s := newSet(t, nil)
	before := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "br, gzip")
	if before.Header.Get("Content-Encoding") != "" || body(t, before) != style {
		t.Error("a file that isn't compressed yet is not served as it is")
	}
	compressed(t, s)
	etags := map[string]string{}
	for accept, want := range map[string]string{
		"": "", "br": "br", "gzip": "gzip", "gzip, br": "br", "gzip, deflate, br, zstd": "br", "GZIP": "gzip", "deflate": "", "identity": "",
		"br;q=0, gzip": "gzip", "br;q=0, gzip;q=0": "", "gzip;q=0.5": "gzip", "*": "br", "*;q=0": "", "*;q=0, gzip": "gzip", "br;q=0, *": "gzip",
		"gzip ; q=1": "gzip", "gzip;q=x": "", "gzip;q=NaN": "", "xgzip": "", "brr": "", ";;;,,,": "",
	} {
		res := ask(s, http.MethodGet, "app.css", "Accept-Encoding", accept)
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, got, want)
		}
		if body(t, res) != style {
			t.Errorf("Accept-Encoding %q: another body", accept)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("Content-Type") != "text/css; charset=utf-8" {
			t.Errorf("Accept-Encoding %q: Vary %q, Content-Type %q", accept, res.Header.Get("Vary"), res.Header.Get("Content-Type"))
		}
		etags[want] = res.Header.Get("Etag")
	}
	if len(etags) != 3 || etags[""] == etags["br"] || etags["br"] == etags["gzip"] || etags[""] == etags["gzip"] {
		t.Errorf("encodings share a tag: %v", etags)
	}
	two := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "deflate", "Accept-Encoding", "gzip")
	if two.Header.Get("Content-Encoding") != "gzip" {
		t.Error("a second Accept-Encoding line is not read")
	}
	noise := ask(s, http.MethodGet, "fonts/noise.png", "Accept-Encoding", "br, gzip")
	if noise.Header.Get("Content-Encoding") != "" || noise.Header.Get("Vary") != "" {
		t.Error("what compression makes larger is served compressed, or said to vary")
	}
}

// TestHeadAndConditionsAgree: with GET, in every encoding.
func TestHeadAndConditionsAgree(t *testing.T) {
	s := compressed(t, newSet(t, nil))
	for _, name := range []string{"app.css", s.Name("app.css")} {
		for _, accept := range []string{"", "gzip", "br"} {
			get := ask(s, http.MethodGet, name, "Accept-Encoding", accept)
			head := ask(s, http.MethodHead, name, "Accept-Encoding", accept)
			if head.StatusCode != 200 || len(body(t, &http.Response{Body: head.Body, Header: http.Header{}})) != 0 {
				t.Errorf("%s %s: HEAD is %d, or has a body", name, accept, head.StatusCode)
			}
			for _, h := range []string{"Etag", "Content-Type", "Content-Encoding", "Content-Length", "Cache-Control", "Vary", "Accept-Ranges"} {
				if get.Header.Get(h) != head.Header.Get(h) {
					t.Errorf("%s %s: %s is %q, by HEAD %q", name, accept, h, get.Header.Get(h), head.Header.Get(h))
				}
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				same := ask(s, method, name, "Accept-Encoding", accept, "If-None-Match", get.Header.Get("Etag"))
				if same.StatusCode != 304 || same.Header.Get("Etag") != get.Header.Get("Etag") || same.Header.Get("Cache-Control") != get.Header.Get("Cache-Control") || same.Header.Get("Vary") != get.Header.Get("Vary") {
					t.Errorf("%s %s: unchanged is %d, %v", name, accept, same.StatusCode, same.Header)
				}
			}
			other := ask(s, http.MethodGet, name, "Accept-Encoding", accept, "If-None-Match", `"other"`)
			if other.StatusCode != 200 {
				t.Errorf("%s %s: changed is %d", name, accept, other.StatusCode)
			}
		}
	}
}

// TestRangesAreOfTheFileItself, whatever encodings the client takes besides.
func TestRangesAreOfTheFileItself(t *testing.T) {
	s := compressed(t, newSet(t, nil))
	res := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "br, gzip", "Range", "bytes=2-8")
	if res.StatusCode != 206 || res.Header.Get("Content-Encoding") != "" || body(t, res) != style[2:9] || res.Header.Get("Content-Range") != "bytes 2-8/3400" {
		t.Errorf("%d, %v", res.StatusCode, res.Header)
	}
	if res := ask(s, http.MethodGet, "app.css", "Range", "bytes=99999-"); res.StatusCode != 416 {
		t.Errorf("a range behind the end: %d", res.StatusCode)
	}
	zipped := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "gzip").Header.Get("Etag")
	whole := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "gzip", "Range", "bytes=2-8", "If-Range", zipped)
	if whole.StatusCode != 200 || body(t, whole) != style {
		t.Errorf("a range of another encoding's tag: %d", whole.StatusCode)
	}
}

func TestCompressStops(t *testing.T) {
	s := newSet(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Compress(ctx); err != nil {
		t.Fatal(err)
	}
	if res := ask(s, http.MethodGet, "app.css", "Accept-Encoding", "br"); res.Header.Get("Content-Encoding") != "" || body(t, res) != style {
		t.Error("it went on after its context had ended")
	}
}
