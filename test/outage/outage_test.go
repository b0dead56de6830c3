package outage

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/load"
)

// What a reader of the blog may be made to wait: the page's budget of 300 ms,
// and for the slowest of all something for rendering. A busy machine comes on
// top: readers of a server that depends on nothing measure it at the same time.
const (
	p99Bound     = 300 * time.Millisecond
	slowestBound = 500 * time.Millisecond
	healBound    = 2 * time.Second
	commentBound = 800 * time.Millisecond // in which a writer hears
)

// Readers come for this long, which at 20 a second is over a hundred, so that
// the p99 is not the slowest of them.
const (
	lasts        = 5500 * time.Millisecond
	patience     = 3 * time.Second        // then a reader gives up
	healthyFirst = 300 * time.Millisecond // so that the outage begins under readers' feet
)

// An outage is one way of losing a dependency.
type outage struct {
	dependency, fault string
	begin, end        func(t *testing.T)
	total             bool // nothing gets through, so what needs the dependency must say so
}

// machine is a server that can be broken from outside.
type machine interface {
	Pause()
	Resume()
	Kill()
	Restart()
}

func (f *fleet) outages() []outage {
	var all []outage
	for _, d := range []struct {
		name   string
		server machine
	}{{"postgres", f.postgres}, {"redis", f.redis}, {"recommendations", f.recommendations}} {
		by := func(do func()) func(*testing.T) { return func(*testing.T) { do() } }
		all = append(all,
			outage{d.name, "SIGSTOP", by(d.server.Pause), by(d.server.Resume), true},
			outage{d.name, "SIGKILL", by(d.server.Kill), by(d.server.Restart), true})
		for _, fault := range []struct {
			name  string
			order url.Values
			total bool
		}{
			{"refused", url.Values{"kind": {"refuse"}}, true},
			{"hang", url.Values{"kind": {"hang"}}, true},
			{"slow 2 s", url.Values{"kind": {"slow"}, "latency": {"2s"}}, true},
			{"flaky 30 %", url.Values{"kind": {"flaky"}, "rate": {"0.3"}}, false},
			{"reset", url.Values{"kind": {"reset"}}, true},
		} {
			all = append(all, outage{d.name, fault.name,
				func(t *testing.T) { f.order(t, d.name, fault.order) },
				func(t *testing.T) { f.heal(t, d.name) }, fault.total})
		}
	}
	return all
}

// order sets a fault on a link of the blog; the twin follows.
func (f *fleet) order(t *testing.T, link string, order url.Values) {
	t.Helper()
	order.Set("link", link)
	if p := post(f.blog.url+"/lab/faults", order); p.status != http.StatusOK {
		t.Fatalf("fault %v refused: %d %s", order, p.status, p.text)
	}
}

func (f *fleet) heal(t *testing.T, link string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, f.blog.url+"/lab/faults/"+link, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := read(browser.Do(req)); p.status != http.StatusOK {
		t.Fatalf("the fault is not taken back: %d %s", p.status, p.text)
	}
}

func TestReadersThroughOutages(t *testing.T) {
	f := startFleet(t)
	defer report.write(t)
	if _, ok := f.untilWhole(f.blog.url, 30*time.Second); !ok {
		t.Fatalf("the healthy blog is not whole:\n%s", f.describe(f.blog.url))
	}
	if _, ok := f.untilWhole(f.twin, 30*time.Second); !ok {
		t.Fatalf("the healthy twin is not whole:\n%s", f.describe(f.twin))
	}
	f.measure(t, outage{"none", "healthy", func(*testing.T) {}, func(*testing.T) {}, false})
	for _, o := range f.outages() {
		t.Run(o.dependency+"/"+o.fault, func(t *testing.T) { f.measure(t, o) })
	}
	t.Run("comment", f.commentThroughOutage)
	t.Run("all/SIGSTOP and the blog killed", f.restartWithoutDependencies)
}

// measure sends the same readers to the blog and to its twin while an outage
// begins, lasts and ends.
func (f *fleet) measure(t *testing.T, o outage) {
	row := row{dependency: o.dependency, fault: o.fault}
	twin := readers(t, f.twin, f.paths, lasts)
	blog := f.readers(t, lasts)
	time.Sleep(healthyFirst)
	o.begin(t)
	row.blog = <-blog
	last := get(f.blog.url + f.paths[0])
	row.twin = <-twin

	after := f.readers(t, healBound)
	o.end(t)
	healed := make(chan time.Duration, 1)
	go func() { took, _ := f.untilWhole(f.twin, 25*time.Second); healed <- took }()
	back := f.untilPostgresAnswers(t)
	var ok bool
	row.heals, ok = f.untilWhole(f.blog.url, 25*time.Second)
	if itself := <-back; !ok || row.heals > healBound+itself {
		t.Errorf("whole again after %v, want at most %v, beyond the %v that Postgres itself took:\n%s", row.heals, healBound, itself, f.describe(f.blog.url))
	}
	row.after = <-after
	row.twinHeals = <-healed
	report.add(row)

	served(t, "during", row.blog)
	served(t, "after", row.after)
	if o.total && row.twin.Success > row.twin.Requests/2 {
		t.Errorf("the fault does not bite: the naive twin answered\n%s", row.twin)
	}
	for part, states := range row.blog.Parts {
		// A page or two are let pass: on a busy machine a reader's patience with
		// a healthy dependency may end before its answer comes.
		const letPass = 2
		if odd := row.blog.Requests - states["fresh"] - states["cached"]; odd > letPass && !restsOn(part, o.dependency) {
			t.Errorf("%s was degraded on %d pages, though it does not rest on %s:\n%s", part, odd, o.dependency, row.blog)
		}
	}
	if o.dependency == "postgres" && o.total {
		says := map[string]string{"stale": "Newer comments did not come in time", "missing": "Comments are out of reach"}
		if state := last.states()["comments"]; says[state] == "" || !strings.Contains(last.text, says[state]) {
			t.Errorf("comments are %s and do not say what is missing:\n%s", state, last.text)
		}
	}
}

// untilPostgresAnswers tells how long Postgres takes until it has let in whoever asks it directly. A twin whose every
// connection is reset makes so many new ones that Postgres still forks for the dead ones when the outage is over; that
// is what the machine takes, and not the blog.
func (f *fleet) untilPostgresAnswers(t *testing.T) <-chan time.Duration {
	took := make(chan time.Duration, 1)
	began := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 25*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, f.postgres.URL)
		if err != nil {
			t.Errorf("Postgres itself lets nobody in: %v", err)
			took <- 0
			return
		}
		took <- time.Since(began)
		_ = conn.Close(ctx)
	}()
	return took
}

// restsOn reports whether a part of an article's page reads from a dependency.
func restsOn(part, dependency string) bool {
	switch part {
	case "post", "comments":
		return dependency == "postgres"
	case "popular":
		return dependency == "redis"
	default:
		return part == dependency
	}
}

// served checks that each reader got the article in time.
func served(t *testing.T, when string, c crowd) {
	t.Helper()
	r := c.Result
	post := r.Parts["post"]
	articles := post["fresh"] + post["cached"] + post["stale"] + post["fallback"]
	if r.Requests == 0 || r.Success != r.Requests || articles != r.Requests || r.Unsent > 0 {
		t.Errorf("%s: not every reader got the article:\n%s", when, r)
	}
	slow := r.P99 > p99Bound+c.control.P99 && r.Requests >= 100 // of fewer, the p99 is the slowest
	if slow || r.Max > slowestBound+c.control.Max {
		t.Errorf("%s: readers waited too long, want p99 at most %v and nobody over %v, beyond the %v and %v that the machine took:\n%s",
			when, p99Bound, slowestBound, c.control.P99, c.control.Max, r)
	}
}

// crowd is what the blog's readers got, and what the same readers got at the
// same time from a server that depends on nothing.
type crowd struct {
	load.Result
	control load.Result
}

func (f *fleet) readers(t *testing.T, duration time.Duration) <-chan crowd {
	crowds := make(chan crowd, 1)
	blog, control := readers(t, f.blog.url, f.paths, duration), readers(t, f.control.url, []string{"/healthz"}, duration)
	go func() { crowds <- crowd{<-blog, <-control} }()
	return crowds
}

// readers sends 20 readers a second. Same seed, same arrivals: what differs
// between two results is the server.
func readers(t *testing.T, base string, paths []string, duration time.Duration) <-chan load.Result {
	results := make(chan load.Result, 1)
	ctx := t.Context()
	go func() {
		r, err := load.Run(ctx, load.Plan{Target: base, Rate: 20, Duration: duration, Seed: 3, Paths: paths, Timeout: patience})
		if err != nil {
			t.Errorf("readers of %s: %v", base, err)
		}
		results <- r
	}()
	return results
}

// A comment that meets an outage waits for its end, and its writer sees it
// meanwhile. With Redis gone too it is sent again by pressing the button again.
func (f *fleet) commentThroughOutage(t *testing.T) {
	address := f.blog.url + f.paths[1] + "/comments"
	form := url.Values{"author": {"Grace"}, "body": {"Written during an outage."}, "key": {"one key for all tries"}}
	f.postgres.Pause()
	began := time.Now()
	_ = get(f.control.url + "/healthz")
	machine := time.Since(began) // what this takes, whatever is asked
	began = time.Now()
	sent := post(address, form)
	if took := time.Since(began); sent.status != http.StatusSeeOther || took > commentBound+machine {
		t.Errorf("while Postgres hangs: status %d after %v, want 303 within %v:\n%s", sent.status, took, commentBound, sent.text)
	}
	if shown := get(f.blog.url + sent.location); !strings.Contains(shown.text, form.Get("body")) || !strings.Contains(shown.text, "Waiting to be written") {
		t.Errorf("its writer does not see it wait:\n%s", shown.text)
	}
	f.redis.Pause()
	other := url.Values{"author": {"Grace"}, "body": {"With nowhere to go."}, "key": {"another key for all tries"}}
	refused := post(address, other)
	for _, kept := range []string{other.Get("author"), other.Get("body"), other.Get("key")} {
		if refused.status != http.StatusServiceUnavailable || !strings.Contains(refused.text, kept) {
			t.Errorf("with both away: status %d, want 503 and %q in the form:\n%s", refused.status, kept, refused.text)
		}
	}
	f.redis.Resume()
	f.postgres.Resume()
	eventually(t, "the other comment to be taken", func() bool { return post(address, other).status == http.StatusSeeOther })
	eventually(t, "the comment to be written", func() bool {
		shown := get(f.blog.url + sent.location)
		return strings.Contains(shown.text, form.Get("body")) && strings.Contains(shown.text, "your comment") && !strings.Contains(shown.text, "Waiting to be written")
	})
	if again := post(address, form); again.status != http.StatusSeeOther {
		t.Errorf("sent once more: %d, want 303", again.status)
	}

	conn, err := pgx.Connect(t.Context(), f.postgres.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var rows int
	if err := conn.QueryRow(t.Context(), `select count(*) from comments where key = $1`, form.Get("key")).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v; want one", rows, err)
	}
}

// A blog that starts while everything it depends on is silent reads from the
// snapshot in its data directory.
func (f *fleet) restartWithoutDependencies(t *testing.T) {
	machines := []machine{f.postgres, f.redis, f.recommendations}
	for _, m := range machines {
		m.Pause()
	}
	f.blog.Kill()
	began := time.Now()
	f.blog.Restart()
	row := row{dependency: "all three", fault: fmt.Sprintf("SIGSTOP; blog killed, answers %.1f s after its start", time.Since(began).Seconds())}
	for i, path := range f.paths {
		p := get(f.blog.url + path)
		if state := p.states()["post"]; p.status != http.StatusOK || state != "fallback" || !strings.Contains(p.text, "the article about "+slugs[i]) {
			t.Errorf("%s: status %d, post %s; want 200 and the article as fallback", path, p.status, state)
		}
	}
	row.blog = <-f.readers(t, lasts)
	after := f.readers(t, healBound)
	for _, m := range machines {
		m.Resume()
	}
	var ok bool
	row.heals, ok = f.untilWhole(f.blog.url, 25*time.Second)
	if !ok || row.heals > healBound {
		t.Errorf("whole again after %v, want at most %v:\n%s", row.heals, healBound, f.describe(f.blog.url))
	}
	row.after = <-after
	report.add(row)
	served(t, "during", row.blog)
	served(t, "after", row.after)
}
