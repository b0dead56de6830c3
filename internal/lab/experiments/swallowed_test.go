package experiments

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/alert"
	"afloat/internal/lab"
	"afloat/internal/load"
)

// A lesserBlog is as much of a blog as the experiment looks at, with one part, which is behind the link redis.
type lesserBlog struct {
	links              *lab.Switchboard
	mu                 sync.Mutex
	isolated, critical bool
	counts             map[string]int // by series
	server             *httptest.Server
}

func (b *lesserBlog) Serve(_ context.Context, on, critical []string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isolated, b.critical, b.counts = slices.Contains(on, "isolation"), slices.Contains(critical, "popular"), map[string]int{}
	return b.server.URL, nil
}
func (b *lesserBlog) Running() (string, []string, []string) { return b.server.URL, nil, nil }
func (b *lesserBlog) Stop()                                 {}

func (b *lesserBlog) broken() bool {
	for _, s := range b.links.Status().Faults {
		if s.Link == "redis" {
			return s.Kind != lab.Healthy
		}
	}
	return false
}

func (b *lesserBlog) page(w http.ResponseWriter, _ *http.Request) {
	broken := b.broken()
	b.mu.Lock()
	defer b.mu.Unlock()
	state, status := "fresh", http.StatusOK
	if broken {
		state = "missing"
		b.counts[`afloat_failures_total{class="refused",policy="popular now"}`]++
		if !b.isolated || b.critical {
			status = http.StatusInternalServerError
		}
	}
	if !broken || b.isolated {
		b.counts[fmt.Sprintf(`afloat_parts_total{part="popular",state=%q}`, state)]++
	}
	b.counts[fmt.Sprintf(`afloat_http_requests_total{outcome="%dxx"}`, status/100)]++
	w.WriteHeader(status)
	fmt.Fprintf(w, `<section data-part="popular" data-state="%s"></section>`, state)
}

func (b *lesserBlog) metrics(w http.ResponseWriter, _ *http.Request) {
	on := 0
	if b.broken() {
		on = 1
	}
	fmt.Fprintf(w, "afloat_fault{kind=\"refuse\",link=\"redis\"} %d\n", on)
	b.mu.Lock()
	defer b.mu.Unlock()
	for series, n := range b.counts {
		fmt.Fprintf(w, "%s %d\n", series, n)
	}
}

// newQuietRig has a lesser blog for the third server.
func newQuietRig(t *testing.T) *lab.Rig {
	t.Helper()
	rig := newRig(t)
	b := &lesserBlog{links: rig.Links, counts: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", b.metrics)
	mux.HandleFunc("/lab/status", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"policies":[]}`) })
	mux.HandleFunc("/", b.page)
	b.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		b.server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	rig.Custom, rig.Ask = b, 10*time.Millisecond
	rig.Readers = func(ctx context.Context, plan load.Plan) (all []load.Sample, err error) {
		plan.Paths, plan.Each = []string{"/posts/a"}, func(s load.Sample) { all = append(all, s) }
		_, err = load.Run(ctx, plan)
		return all, err
	}
	return rig
}

// TestSwallowed runs all of it against a lesser blog; test/lab has the real one.
func TestSwallowed(t *testing.T) {
	e, rig := Find("swallowed"), newQuietRig(t)
	v := lab.QuickValues(e.Params, 1)
	v["link"], v["scale"] = "redis", "300"
	r, err := e.Run(t.Context(), rig, v, func(lab.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Checks {
		if !c.Met {
			t.Errorf("%s: want %s, got %s", c.Claim, c.Want, c.Got)
		}
	}
	for _, table := range r.Tables {
		t.Log(table.Caption, table.Head, table.Rows)
	}
	for _, f := range r.Figures {
		if f.HTML() == "" {
			t.Error("an empty figure")
		}
	}
	healthy(t, rig)
}

func TestSwallowedCancelled(t *testing.T) { cancelled(t, "swallowed", newQuietRig(t), 0.1) }

// TestTheAlarmsAreJudged: one that is silent where it should ring, late, early, or rings where it should be silent is no
// success.
func TestTheAlarmsAreJudged(t *testing.T) {
	v := lab.QuickValues(Find("swallowed").Params, 1)
	p := quietPlanOf(v)
	began := time.Unix(100, 0)
	fires := func(after time.Duration) alert.Firing { return alert.Firing{At: began.Add(after), Share: 1} }
	good := func() []quiet {
		parts, errs := fires(p.firesAfter(partsRule)), fires(p.firesAfter(errorsRule))
		return []quiet{
			{came: 100, trials: []quietAlarms{{began: began, firings: []alert.Firing{{}, errs}}}},
			{came: 100, served: 100, trials: []quietAlarms{{began: began, firings: []alert.Firing{parts, {}}}}},
			{came: 100, trials: []quietAlarms{{began: began, firings: []alert.Firing{parts, errs}}}},
		}
	}
	met := func(all []quiet) bool { return lab.Result{Checks: quietChecks(all, p, 1)}.Met() }
	if !met(good()) {
		t.Errorf("%+v", quietChecks(good(), p, 1))
	}
	for name, spoil := range map[string]func([]quiet){
		"silent":           func(all []quiet) { all[1].trials[0].firings[partsRule] = alert.Firing{} },
		"late":             func(all []quiet) { all[1].trials[0].firings[partsRule] = fires(p.firesAfter(partsRule) + time.Second) },
		"early":            func(all []quiet) { all[1].trials[0].firings[partsRule] = fires(p.rules[partsRule].For / 2) },
		"without a reason": func(all []quiet) { all[1].trials[0].firings[errorsRule] = fires(time.Second) },
		"served naively":   func(all []quiet) { all[0].served = 50 },
		"not served":       func(all []quiet) { all[1].served = 50 },
		"complete":         func(all []quiet) { all[1].complete = 50 },
	} {
		all := good()
		if spoil(all); met(all) {
			t.Errorf("%s: all expectations are met", name)
		}
	}
}

func TestSwallowedNeedsAServer(t *testing.T) {
	e := Find("swallowed")
	if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("%v, want an error that says what to do", err)
	}
}
