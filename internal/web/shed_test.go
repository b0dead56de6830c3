package web

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// TestShedsTheLeastImportantFirst: as the server fills up, searches go first,
// then lists, then articles; the lab, the health checks and writers never.
func TestShedsTheLeastImportantFirst(t *testing.T) {
	w := newWorld(t)
	counted := &requestMeter{}
	b := w.start(t, func(s *setup) {
		if !testenv.Off(policy.Shedding) {
			s.table.Shed = resilience.ShedPolicy{Limit: 3, Normal: 0.6, Low: 0.3} // 3, 2, 1
		}
		s.table.Page.Hot = 0 // finished pages cost nothing, and are never refused
		s.options = func(o *Options) { o.Meter = counted }
	})
	shedder := b.Config.Handler.(*Server).shedder
	post := "/posts/" + w.articles[0].Slug
	for _, step := range []struct {
		held   int
		status map[string]int
	}{
		{0, map[string]int{"/search?q=retry": 200, "/source": 200, "/": 200, "/archive": 200, post: 200, "/no-such-page": 404}},
		{1, map[string]int{"/search?q=retry": 503, "/source": 503, "/": 200, "/archive": 200, post: 200, "/no-such-page": 503}},
		{2, map[string]int{"/search?q=retry": 503, "/": 503, "/feed.xml": 503, "/archive": 503, post: 200}},
		{3, map[string]int{"/search?q=retry": 503, "/": 503, post: 503, post + "/comment": 503,
			"/livez": 200, "/readyz": 200, "/lab/status": 200, "/lab/bar": 200, "/robots.txt": 200}},
	} {
		var held []func()
		for range step.held {
			held = append(held, must(shedder.Acquire(resilience.High))(t))
		}
		for path, want := range step.status {
			got := b.get(t, path)
			if got.status != want {
				t.Errorf("%d requests in flight, %s: status %d, want %d", step.held, path, got.status, want)
			}
			if want != 503 {
				continue
			}
			if got.header.Get("Retry-After") != "5" || got.header.Get("Cache-Control") != "no-store" || got.header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: headers %v", path, got.header)
			}
			wants(t, got.body, "Too many readers at once", "Trying again makes sense in 5 seconds")
		}
		if got := b.do(t, "POST", post+"/comments", fmt.Sprintf("author=Ada&body=Hello&key=0123456789abcdef%d", step.held), "Content-Type", isForm); got.status != 303 {
			t.Errorf("%d requests in flight, a comment: status %d", step.held, got.status)
		}
		for _, release := range held {
			release()
		}
	}
	if n := shedder.InFlight(); n != 0 {
		t.Errorf("%d requests in flight when all have ended", n)
	}
	if counted.of("/search", 503) != 3 || counted.of("/posts/{slug}", 503) != 1 {
		t.Errorf("refusals are not counted by route: %v", &counted.counts)
	}
	if lines := b.log.with("error_class=shed"); len(lines) != 1 {
		t.Errorf("%d warnings of shedding, want one", len(lines))
	}
}

// requestMeter counts answers by route and status.
type requestMeter struct {
	noMeter
	counts sync.Map
}

func (m *requestMeter) Request(route, _ string, status int, _ time.Duration) {
	n, _ := m.counts.LoadOrStore(fmt.Sprint(route, status), new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

func (m *requestMeter) of(route string, status int) int64 {
	n, ok := m.counts.Load(fmt.Sprint(route, status))
	if !ok {
		return 0
	}
	return n.(*atomic.Int64).Load()
}

// TestNothingIsShedAt200ReadersASecond, neither on a healthy day nor while all
// dependencies hang and each page takes its whole budget.
func TestNothingIsShedAt200ReadersASecond(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.table.Page.Hot = 0 })
	paths := []string{"/", "/archive", "/search?q=retry", "/tags/retries"}
	for _, a := range w.articles {
		paths = append(paths, "/posts/"+a.Slug, "/posts/"+a.Slug) // as readers do: mostly articles
	}
	for _, day := range []string{"healthy", "everything hangs"} {
		if day != "healthy" {
			for _, d := range dependencies {
				b.breakLink(d, fault.Hang)
			}
		}
		var readers sync.WaitGroup
		var refused atomic.Int64
		for i := range 400 {
			time.Sleep(testenv.Slowed(time.Second / 200))
			readers.Go(func() {
				got, err := b.try(t.Context(), http.MethodGet, paths[i%len(paths)], "")
				if err != nil {
					t.Error(err)
				}
				if got.status == http.StatusServiceUnavailable {
					refused.Add(1)
				}
			})
		}
		readers.Wait()
		if n := refused.Load(); n != 0 {
			t.Errorf("%s: %d of 400 refused", day, n)
		}
	}
}
