package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"afloat/internal/policy"
)

// slowed makes a finished page last, so that the tests need not hurry; and waits for the database, however busy the
// machine: a degraded page would last as well.
func slowed(s *setup) {
	s.table.Page.Hot, s.table.Page.Slot = time.Hour, time.Minute
	for _, row := range []*policy.Row{&s.table.PostReads, &s.table.CommentReads} {
		row.AttemptDeadline, row.Deadline, row.Stale.Patience = time.Minute, time.Minute, time.Minute
	}
}

// hot is the finished page that is kept of a path; nil: none.
func (b *blog) hot(path string) *hotPage {
	p, _ := b.Config.Handler.(*Server).hot.pages.GetIfPresent(hotKey(httptest.NewRequest(http.MethodGet, b.URL+path, nil)))
	return p
}

func TestHotPageIsSentAsItIs(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, slowed)
	path := "/posts/" + w.articles[0].Slug
	b.warm(t, path)
	plain := b.get(t, path, "Accept-Encoding", "identity")
	made := b.hot(path)
	if made == nil {
		t.Fatal("no finished page is kept")
	}

	zipped := b.get(t, path, "Accept-Encoding", "gzip")
	zipped.wantHeaders(t, "Content-Encoding", "gzip", "Vary", "Accept-Encoding", "Etag", strings.TrimSuffix(plain.header.Get("Etag"), `"`)+`-gzip"`)
	for name := range plain.header {
		if name != "Etag" && name != "Content-Length" && name != "Date" && zipped.header.Get(name) != plain.header.Get(name) {
			t.Errorf("%s is %q compressed and %q plain", name, zipped.header.Get(name), plain.header.Get(name))
		}
	}
	if got := string(must(io.ReadAll(must(gzip.NewReader(strings.NewReader(zipped.body)))(t)))(t)); got != plain.body {
		t.Error("the compressed page is another")
	}
	if a := b.get(t, path, "Accept-Encoding", "gzip", "If-None-Match", zipped.header.Get("Etag")); a.status != 304 {
		t.Errorf("status %d for the compressed page that the reader has, want 304", a.status)
	}
	if a := b.do(t, "HEAD", path, "", "Accept-Encoding", "gzip"); a.body != "" || a.header.Get("Content-Length") != zipped.header.Get("Content-Length") {
		t.Errorf("HEAD has %d bytes and Content-Length %s, want none and %s", len(a.body), a.header.Get("Content-Length"), zipped.header.Get("Content-Length"))
	}
	if again := b.get(t, path, "Accept-Encoding", "identity"); again.body != plain.body || b.hot(path) != made {
		t.Error("a finished page was made again within its time")
	}
}

// TestHotPageEnds: whatever makes the page another one ends it at once,
// however long finished pages last.
func TestHotPageEnds(t *testing.T) {
	w := newWorld(t, manyArticles(t, 2)...) // its own, since it changes one
	b := w.start(t, slowed)
	path := "/posts/" + w.articles[0].Slug
	b.warm(t, path)

	wants(t, b.get(t, path+"?xray=1").body, `class="xray"`)
	b.do(t, "POST", "/lab/faults", "link=redis&kind=refuse", "Content-Type", isForm).wantStatus(t, 200)
	wants(t, b.get(t, path).body, "Redis refuses connections")
	b.do(t, "DELETE", "/lab/faults", "").wantStatus(t, 200)

	w.articles[0].HTML, w.articles[0].Hash = "<p>Another text.</p>", "another"
	w.publish(t)
	eventually(t, "the new text", func() bool { return strings.Contains(b.get(t, path).body, "Another text.") })
}
