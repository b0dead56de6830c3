package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/fault"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// meterBook is a Meter that remembers.
type meterBook struct {
	mu       sync.Mutex
	requests map[string]int // "METHOD route status"
	parts    map[string]int // "part state source"
	pages    [5]int         // by outcome
}

func (m *meterBook) Request(route, method string, status int, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[strings.Join([]string{method, route, http.StatusText(status)}, " ")]++
}

func (m *meterBook) Part(part string, p resilience.Provenance) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts[strings.Join([]string{part, string(p.State), string(p.Source)}, " ")]++
}

func (m *meterBook) Page(o telemetry.Outcome, _ time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pages[o]++
}

// counted waits for an entry: a reader may have the answer before it is counted.
func (m *meterBook) counted(t *testing.T, in map[string]int, entry string) {
	t.Helper()
	eventually(t, entry+" is counted", func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return in[entry] > 0
	})
}

func metered(m *meterBook) func(*setup) {
	m.requests, m.parts = map[string]int{}, map[string]int{}
	return func(s *setup) { s.options = func(o *Options) { o.Meter = m } }
}

// TestProbes: a live server is alive whatever is down, and ready while any rung
// can serve articles.
func TestProbes(t *testing.T) {
	w := newWorld(t)
	stopping, stop := context.WithCancel(t.Context())
	b := w.start(t, func(s *setup) { s.options = func(o *Options) { o.Stopping = stopping } })
	rungs := func(want int) map[string]bool {
		t.Helper()
		got := b.get(t, "/readyz")
		got.wantStatus(t, want)
		got.wantHeaders(t, "Content-Type", "application/json", "Cache-Control", "no-store")
		leaksNothing(t, b, got)
		answer := decode[readiness](t, got.body)
		if answer.Ready != (want == 200) {
			t.Errorf("%d says ready: %v", want, answer.Ready)
		}
		rungs := map[string]bool{}
		for _, r := range answer.Reasons {
			rungs[string(r.Name)] = r.OK
			if r.Detail == "" {
				t.Errorf("%s: no reason", r.Name)
			}
		}
		return rungs
	}
	alive := func() {
		t.Helper()
		got := b.get(t, "/livez")
		got.wantStatus(t, 200)
		got.wantHeaders(t, "Cache-Control", "no-store")
		if got.body != "ok\n" {
			t.Errorf("%q", got.body)
		}
	}

	eventually(t, "the database is seen", func() bool { return rungs(200)["postgres"] })
	for _, d := range dependencies {
		b.breakLink(d, fault.Hang)
	}
	eventually(t, "the outage is seen", func() bool {
		b.get(t, "/posts/"+w.articles[0].Slug)
		r := rungs(200)
		return !r["postgres"] && !r["redis"] && r["snapshot"]
	})
	alive()
	b.heal()
	eventually(t, "the recovery is seen", func() bool {
		b.get(t, "/posts/"+w.articles[0].Slug)
		r := rungs(200)
		return r["postgres"] && r["redis"]
	})

	stop()
	if got := rungs(503); len(got) != 1 || got["server"] {
		t.Errorf("while shutting down: %v", got)
	}
	alive()
	c := dial(t, b.Listener.Addr().String())
	fmt.Fprint(c, "GET /about HTTP/1.1\r\nHost: a\r\n\r\n")
	if said := string(ends(t, c)); !strings.HasPrefix(said, "HTTP/1.1 200") || !strings.Contains(said, "\r\nConnection: close\r\n") {
		t.Errorf("a server that stops keeps its clients' connections: %.500s", said)
	}
}

// TestNotReady: with no rung left there is no point in sending readers.
func TestNotReady(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.table.Fallback, s.table.Copies.Fresh = false, 0 })
	b.breakLink("postgres", fault.Refuse)
	eventually(t, "it isn't ready", func() bool {
		got := b.get(t, "/readyz")
		leaksNothing(t, b, got)
		return got.status == 503 && !strings.Contains(got.body, "shutting down")
	})
	b.get(t, "/livez").wantStatus(t, 200)
	b.heal()
	eventually(t, "it is ready again", func() bool { return b.get(t, "/readyz").status == 200 })
}

// TestNaiveIsReady: nothing watches the twin's database, so nothing is known
// against it.
func TestNaiveIsReady(t *testing.T) {
	b := newWorld(t).start(t, naive, func(s *setup) { s.idle = true })
	b.get(t, "/readyz").wantStatus(t, 200)
}

func TestMeterIsTold(t *testing.T) {
	w := newWorld(t)
	var m meterBook
	b := w.start(t, metered(&m))
	path := "/posts/" + w.articles[0].Slug
	b.warm(t, path)
	b.get(t, "/nothing/at/all")
	b.do(t, http.MethodHead, "/about", "")
	b.do(t, "BREW", "/about", "")
	m.counted(t, m.requests, "GET /posts/{slug} OK")
	m.counted(t, m.requests, "GET other Not Found")
	m.counted(t, m.requests, "HEAD /about OK")
	m.counted(t, m.requests, "other other Method Not Allowed")
	eventually(t, "a page kept whole is counted as often as it is read", func() bool {
		b.do(t, http.MethodHead, path, "")
		b.get(t, path)
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.requests["GET /posts/{slug} OK"] > m.parts["post fresh postgres"]+m.parts["post fresh memory"]+m.parts["post cached memory"]+20
	})
	m.counted(t, m.requests, "HEAD /posts/{slug} OK")
	if m.requests["HEAD /posts/{slug} "] > 0 {
		t.Error("an answer without a body is taken for none")
	}
	m.counted(t, m.parts, "post fresh postgres")
	m.counted(t, m.parts, "popular fresh redis")

	b.breakLink("postgres", fault.Refuse)
	eventually(t, "a stale article", func() bool { return b.get(t, path).parts()["post"] == "stale" })
	m.counted(t, m.parts, "post stale memory")
	b.get(t, "/posts/"+w.articles[1].Slug+"?xray=1") // no copy of its comments
	m.counted(t, m.parts, "comments missing placeholder")
	b.get(t, "/")
	m.counted(t, m.parts, "list fallback snapshot")
	b.get(t, "/search?q=retry")
	m.counted(t, m.parts, "results fallback snapshot")
	b.get(t, "/posts/never-was")
	m.counted(t, m.requests, "GET /posts/{slug} Service Unavailable")
	m.counted(t, m.parts, "page missing placeholder")
}

// TestMeterSeesFewLabels: what strangers ask for makes no new names.
func TestMeterSeesFewLabels(t *testing.T) {
	w := newWorld(t)
	var m meterBook
	b := w.start(t, metered(&m))
	known := map[string]bool{"GET": true, "HEAD": true, "POST": true, "DELETE": true, OtherRoute: true}
	routes := map[string]bool{OtherRoute: true}
	_ = chi.Walk(b.Config.Handler.(*Server).handler.(chi.Routes), func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes[route] = true
		return nil
	})
	for _, h := range hostileRequests(w.articles[0].Slug) {
		send(t, b, h)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for entry := range m.requests {
		method, rest, _ := strings.Cut(entry, " ")
		route, _, _ := strings.Cut(rest, " ")
		if !known[method] || !routes[route] && route != "/lab/*" {
			t.Errorf("%q is counted by itself", entry)
		}
	}
	if len(m.requests) < 5 {
		t.Errorf("only %d kinds of answers", len(m.requests))
	}
}
