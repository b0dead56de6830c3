package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plan returns a plan for a server with the handler: about 40 readers in 0.2 s.
func plan(t *testing.T, handler http.HandlerFunc) Plan {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p := validPlan()
	p.Target, p.Rate, p.Duration, p.Timeout = server.URL, 200, 200*time.Millisecond, time.Minute
	return p
}

func run(t *testing.T, p Plan) Result {
	t.Helper()
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Requests+r.Unsent != len(p.arrivals()) {
		t.Errorf("%d requests and %d unsent of %d arrivals", r.Requests, r.Unsent, len(p.arrivals()))
	}
	return r
}

func TestRunCounts(t *testing.T) {
	pages := map[string]struct {
		status int
		body   string
	}{
		"/posts/a": {200, `<main data-part="post" class=x data-state="fresh"><p>data-part="no" data-state="tag"</p></main><aside class=y data-part="comments" data-state="cached">`},
		"/posts/b": {200, `<main data-part="post" data-state="cached"></main><i data-part="comments" data-state="missing"></i><aside data-part="comments" data-state="stale">`},
		"/posts/c": {503, `<main data-part="post" data-state="missing">`},
	}
	var mu sync.Mutex
	served := map[string]int{}
	p := plan(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		served[r.URL.Path]++
		mu.Unlock()
		w.WriteHeader(pages[r.URL.Path].status)
		fmt.Fprint(w, pages[r.URL.Path].body)
	})
	planned := map[string]int{}
	for _, a := range p.arrivals() {
		planned[a.path]++
	}
	got := run(t, p)
	if !maps.Equal(served, planned) {
		t.Errorf("served %v, planned %v", served, planned)
	}
	a, b, c := planned["/posts/a"], planned["/posts/b"], planned["/posts/c"]
	if a == 0 || b == 0 || c == 0 {
		t.Fatal("the seed leaves a page out")
	}
	want := Result{
		Requests: a + b + c, Success: a + b, Complete: a, Offered: float64(a+b+c) / 0.2,
		Statuses: map[int]int{200: a + b, 503: c}, Errors: map[string]int{},
		Parts: map[string]map[string]int{"post": {"fresh": a, "cached": b, "missing": c}, "comments": {"cached": a, "stale": b}},
		P50:   got.P50, P99: got.P99, Max: got.Max, Mean: got.Mean,
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got\n%v\nwant\n%v", got, want)
	}
	if got.P50 <= 0 || got.P50 > got.P99 || got.P99 > got.Max || got.Mean > got.Max {
		t.Errorf("latencies p50 %v, p99 %v, max %v, mean %v", got.P50, got.P99, got.Max, got.Mean)
	}
}

// TestOpenLoop holds every reply back until all readers have come, which a
// closed loop would wait for in vain.
func TestOpenLoop(t *testing.T) {
	var all sync.WaitGroup
	p := plan(t, func(http.ResponseWriter, *http.Request) {
		all.Done()
		all.Wait()
	})
	all.Add(len(p.arrivals()))
	if r := run(t, p); r.Success != len(p.arrivals()) {
		t.Errorf("%d of %d readers answered", r.Success, len(p.arrivals()))
	}
}

// TestLatencyCountsFromTheDueTime has readers queue for a single worker: a
// reply takes 20 ms, but the last reader was due long before its turn.
func TestLatencyCountsFromTheDueTime(t *testing.T) {
	const replyTime = 20 * time.Millisecond
	p := plan(t, func(http.ResponseWriter, *http.Request) { time.Sleep(replyTime) })
	p.MaxWorkers = 1
	r := run(t, p)
	if atLeast := time.Duration(r.Requests)*replyTime - p.Duration; r.Requests < 20 || r.Max < atLeast {
		t.Errorf("the longest of %d waits is %v, want at least %v", r.Requests, r.Max, atLeast)
	}
}

func TestUnsentReadersAreCounted(t *testing.T) {
	p := plan(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p.MaxWorkers, p.Timeout = 1, 100*time.Millisecond
	if r := run(t, p); r.Unsent == 0 || r.Errors["timeout"] != r.Requests {
		t.Errorf("%d unsent, errors %v of %d requests", r.Unsent, r.Errors, r.Requests)
	}
}

func TestErrorClasses(t *testing.T) {
	tests := map[string]http.HandlerFunc{
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, `<main data-part="post" data-state="fresh">`)
		},
		"timeout": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "the first half")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"refused": nil,
	}
	for class, handler := range tests {
		t.Run(class, func(t *testing.T) {
			p := plan(t, handler)
			switch class {
			case "refused":
				gone := httptest.NewServer(nil)
				p.Target = gone.URL
				gone.Close()
			case "timeout":
				p.Timeout = 50 * time.Millisecond
			}
			r := run(t, p)
			if r.Requests == 0 || r.Errors[class] != r.Requests || len(r.Parts) > 0 || r.Success > 0 {
				t.Errorf("errors %v, parts %v, %d successes of %d", r.Errors, r.Parts, r.Success, r.Requests)
			}
		})
	}
	for text, want := range map[string]string{"read tcp: connection reset by peer": "reset", "something new": "other"} {
		if got := errorClass(text); got != want {
			t.Errorf("errorClass(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	p := plan(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/posts/a?again", http.StatusSeeOther)
	})
	if r := run(t, p); r.Statuses[303] != r.Requests || r.Success != 0 {
		t.Errorf("statuses %v of %d requests", r.Statuses, r.Requests)
	}
}

func TestRunStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests atomic.Int32
	p := plan(t, func(_ http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 1 {
			return
		}
		cancel()
		<-r.Context().Done()
	})
	p.MaxWorkers, p.Duration = 1, 10*time.Minute
	r, err := Run(ctx, p)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if r.Requests != 1 || r.Success != 1 || len(r.Errors) > 0 {
		t.Errorf("measured %+v, want the one reply before the end", r)
	}
}

func TestPacerStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	inAnHour := pacer{ctx: ctx, arrivals: []arrival{{at: time.Hour}}, giveUp: time.Hour}
	if wait, stop := inAnHour.Pace(0, 0); wait != 0 || !stop {
		t.Errorf("wait %v, stop %v; want to stop at once", wait, stop)
	}
}

func TestQuantile(t *testing.T) {
	var sorted []time.Duration
	for i := range 200 {
		sorted = append(sorted, time.Duration(i+1))
	}
	for percent, want := range map[int]time.Duration{1: 2, 50: 100, 99: 198, 100: 200} {
		if got := quantile(sorted, percent); got != want {
			t.Errorf("p%d = %d, want %d", percent, got, want)
		}
	}
	if got := quantile(sorted[:1], 50); got != 1 {
		t.Errorf("p50 of one = %d, want it", got)
	}
}

func TestNobodyCame(t *testing.T) {
	r := newTally(nil).result(0, time.Second)
	if r.Max != 0 || !strings.Contains(r.String(), "0 of 0") {
		t.Errorf("%v", r)
	}
}

func TestResultJSON(t *testing.T) {
	b, err := json.Marshal(Result{P99: time.Millisecond, Statuses: map[int]int{200: 1}})
	if err != nil || !strings.Contains(string(b), `"p99_ns":1000000`) || !strings.Contains(string(b), `"statuses":{"200":1}`) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestDiscover(t *testing.T) {
	lists := map[string]string{
		"/archive":  `<a href="/posts/b">B</a> <a href="/tags/x">x</a> <a href="/posts/a">A</a>`,
		"/feed.xml": `<entry><link href="https://blog.example/posts/a"/></entry><entry><link href="http://blog.example/posts/c"/></entry>`,
	}
	for name, tt := range map[string]struct {
		missing []string
		want    string
	}{
		"both":    {nil, "[/posts/b /posts/a /posts/c]"},
		"archive": {[]string{"/feed.xml"}, "[/posts/b /posts/a]"},
		"feed":    {[]string{"/archive"}, "[/posts/a /posts/c]"},
		"neither": {[]string{"/archive", "/feed.xml"}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if slices.Contains(tt.missing, r.URL.Path) {
					http.Error(w, `<a href="/posts/error">`, http.StatusServiceUnavailable)
					return
				}
				fmt.Fprint(w, lists[r.URL.Path])
			}))
			defer server.Close()
			paths, err := Discover(t.Context(), server.Client(), server.URL+"/")
			if fmt.Sprint(paths) != tt.want {
				t.Errorf("paths %v, want %s", paths, tt.want)
			}
			if (err != nil) != (len(paths) == 0) {
				t.Errorf("error %v", err)
			}
			if err != nil && !strings.Contains(err.Error(), "503") {
				t.Errorf("error %v doesn't say why", err)
			}
		})
	}
}

func ExampleResult_String() {
	fmt.Print(Result{
		Offered: 20, Requests: 200, Success: 200, Complete: 150,
		P50: 4 * time.Millisecond, P99: 310 * time.Millisecond, Max: 312 * time.Millisecond, Mean: 21 * time.Millisecond,
		Statuses: map[int]int{200: 200},
		Parts:    map[string]map[string]int{"post": {"cached": 200}, "comments": {"fresh": 150, "missing": 50}},
	})
	// Output:
	// offered        20.0 requests/s
	// requests       200 (0 unsent)
	// answered 200   200 of 200 (100.00 %)
	// complete       150 of 200 (75.00 %)
	// latency        p50 4ms, p99 310ms, max 312ms, mean 21ms
	// status 200     200 of 200 (100.00 %)
	// part comments  fresh 150, missing 50
	// part post      cached 200
}

// TestSamples: each reader's fate is told once, also of those who were never sent, and adds up to the result.
func TestSamples(t *testing.T) {
	for name, workers := range map[string]int{"all sent": 0, "some unsent": 1} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, func(w http.ResponseWriter, r *http.Request) {
				if workers == 1 {
					<-r.Context().Done()
				}
				if r.URL.Path == "/posts/c" {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				fmt.Fprintf(w, `<main data-part="post" data-state="%s">`, map[bool]string{true: "fresh", false: "stale"}[r.URL.Path == "/posts/a"])
			})
			p.MaxWorkers, p.Timeout = workers, map[int]time.Duration{0: time.Minute, 1: 100 * time.Millisecond}[workers]
			due := map[time.Duration]string{}
			for _, a := range p.arrivals() {
				due[a.at] = a.path
			}
			var ok, complete, unsent, timeouts int
			p.Each = func(s Sample) {
				if due[s.Due] != s.Path {
					t.Errorf("%+v is no arrival, or is told twice", s)
				}
				delete(due, s.Due)
				if s.OK(time.Minute) {
					ok++
				}
				if s.Complete {
					complete++
				}
				switch s.Error {
				case Unsent:
					unsent++
				case "timeout":
					timeouts++
				}
				if s.Latency <= 0 || s.Complete && (s.Path != "/posts/a" || s.Status != 200) {
					t.Errorf("%+v", s)
				}
			}
			r := run(t, p)
			if len(due) > 0 {
				t.Errorf("nothing is told of %v", due)
			}
			if ok != r.Success || complete != r.Complete || unsent != r.Unsent || timeouts != r.Errors["timeout"] {
				t.Errorf("told %d ok, %d complete, %d unsent, %d timeouts of\n%v", ok, complete, unsent, timeouts, r)
			}
			if (r.Unsent > 0) != (workers == 1) || (r.Success == 0) != (workers == 1) {
				t.Errorf("%v", r)
			}
		})
	}
}

func TestCheckRefusesPages(t *testing.T) {
	p := plan(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "the page of "+r.URL.Path) })
	p.Check = func(path string, body []byte) error {
		if string(body) == "the page of /posts/a" {
			return errors.New("wrong")
		}
		return nil
	}
	wrong := 0
	p.Each = func(s Sample) {
		if s.OK(time.Minute) == (s.Path == "/posts/a") {
			t.Errorf("OK is %v of %+v", s.OK(time.Minute), s)
		}
		if s.Error == Wrong {
			wrong++
		}
	}
	got := run(t, p)
	if wrong == 0 || got.Errors[Wrong] != wrong || got.Success != got.Requests-wrong {
		t.Errorf("%d wrong pages, and the result is %+v", wrong, got)
	}
}

func TestFreshReadersShareNoConnection(t *testing.T) {
	var mu sync.Mutex
	from := map[string]int{}
	p := plan(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr]++
	})
	p.Fresh = true
	if got := run(t, p); len(from) != got.Requests {
		t.Errorf("%d connections for %d readers", len(from), got.Requests)
	}
}
