package web

import (
	"bytes"
	"context"
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
	"afloat/internal/telemetry"
)

// hotPages are finished pages, kept for a moment: what many readers ask for
// within it is rendered once, compressed once, and sent as it is. Only whole
// pages are kept; degraded ones too, since an outage is no time to work more.
//
// The moment is so short that nobody need be told of a change: freshness is the
// parts' own business, and this adds Table.Page.Hot to it at the most.
type hotPages struct {
	pages *otter.Cache[string, *hotPage] // nil: none are kept
	fresh time.Duration
}

type hotPage struct {
	header http.Header // whole, as sent
	plain  []byte
	tag    string // "" for a degraded page, which has none
	until  time.Time
	made   moment
	seen   func()            // counts a view; nil counts none
	route  string            // for the meter
	again  telemetry.Outcome // of its later readers

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
func hotKey(r *http.Request) string { return hotKeyOf(r, r.URL.Path) }

func hotKeyOf(r *http.Request, path string) string {
	return r.Header.Get("X-Forwarded-Proto") + " " + r.Host + path
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
	if p.made != s.moment() || p.tag == "" && s.critical.any() { // what it lacks may be critical by now
		return false
	}
	if p.seen != nil && r.Method == http.MethodGet {
		p.seen()
	}
	status := &sentWriter{ResponseWriter: w}
	p.serve(status, r, "")
	took := time.Since(began)
	s.answered(r, p.route, status.status, took)
	if readerRoutes[p.route] {
		s.Meter.Page(p.again, took)
	}
	return true
}

// moment is what all pages show of the system: when it changes, a page that
// was finished before is another one.
type moment struct {
	version int64 // of the site
	vouched bool  // whether somebody can vouch for it
	faults  int64 // revision of the lab's faults; 0 while none is on
	heard   int64 // how often this server was told that comments have changed
	waiting int64 // version of the comments that wait to be written
}

// momentKey finds in a request's context the moment at which it came. A page is
// of that moment, and not of the one at which it was finished: what it shows
// may have been read just before a change.
type momentKey struct{}

// noteMoment is called before anything is read that the page will show.
func (s *Server) noteMoment(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), momentKey{}, s.moment()))
}

func (s *Server) moment() (m moment) {
	m.version, m.vouched = s.Posts.Version()
	m.heard = s.heard.Load()
	m.waiting = s.Comments.Outbox().Version()
	for _, l := range s.Links {
		if _, on := l.Current(); on && s.Lab != nil {
			m.faults = s.Lab.Status().Rev
			break
		}
	}
	return m
}

// serveFinished answers with a whole page and keeps it for the next readers. A
// complete and healthy one a CDN may keep too, and serve it through an outage
// of ours; a degraded one must not take its place there. seen counts a view by
// each reader; nil counts none.
func (s *Server) serveFinished(w http.ResponseWriter, r *http.Request, body []byte, healthy bool, seen func()) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding")
	noStore(w)
	p := &hotPage{header: h.Clone(), plain: body, seen: seen, until: time.Now().Add(s.hot.fresh)}
	p.header.Set("Content-Length", strconv.Itoa(len(body)))
	if healthy {
		sum := sha256.Sum256(body)
		p.tag = hex.EncodeToString(sum[:12])
		p.header.Set("Etag", `"`+p.tag+`"`)
		mayKeep(p.header, r)
	}
	first := h.Get("Cache-Status")
	if healthy {
		p.header.Set("Cache-Status", hitMemory) // what it is for all but the first
	}
	var asked bool
	if p.made, asked = r.Context().Value(momentKey{}).(moment); asked && s.hot.pages != nil && r.URL.RawQuery == "" {
		p.route, p.again = chi.RouteContext(r.Context()).RoutePattern(), visitOf(r).again()
		s.hot.pages.Set(hotKey(r), p)
	}
	p.serve(w, r, first)
}

// forgetHot makes the next reader's page anew, for a writer who looks whether
// the comment is there.
func (s *Server) forgetHot(r *http.Request, path string) {
	if s.hot.pages != nil {
		s.hot.pages.Invalidate(hotKeyOf(r, path))
	}
}

// serve sends the page; cacheStatus replaces its own, unless it is "".
func (p *hotPage) serve(w http.ResponseWriter, r *http.Request, cacheStatus string) {
	header, body := p.header, p.plain
	if assets.Accepts(r.Header.Get("Accept-Encoding"), "gzip") {
		header, body = p.gzip()
	}
	maps.Copy(w.Header(), header)
	if cacheStatus != "" {
		w.Header().Set("Cache-Status", cacheStatus)
	}
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
		if p.tag != "" {
			p.zippedHeader.Set("Etag", `"`+p.tag+`-gzip"`) // another representation, another tag
		}
	})
	return p.zippedHeader, p.zipped
}
