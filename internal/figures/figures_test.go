package figures

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"afloat/internal/chart"
	"afloat/internal/policy"
	"afloat/internal/recorded"
	"afloat/internal/sim"
)

// TestEveryFigure has a title that says something, a description, a table, and a file that draws it.
func TestEveryFigure(t *testing.T) {
	names := map[string]bool{}
	for _, f := range All() {
		if names[f.Name] {
			t.Errorf("two figures are called %s", f.Name)
		}
		names[f.Name] = true
		if f.How == "" || f.Code == "" || f.Label != Computed && f.Label != Simulated && f.Label != Recorded {
			t.Errorf("%s: label %q, how %q, code %q", f.Name, f.Label, f.How, f.Code)
		}
		c := f.Chart()
		if len(c.Title) < 30 || strings.HasSuffix(c.Title, ".") || len(c.Desc) < 60 || !strings.HasSuffix(c.Desc, ".") {
			t.Errorf("%s: title %q, description %q", f.Name, c.Title, c.Desc)
		}
		if rows := len(c.Table().Rows); rows < 3 {
			t.Errorf("%s: %d rows in its table", f.Name, rows)
		}
		html := string(f.HTML("here"))
		for _, want := range []string{`id="here"`, "<svg", "<details>"} {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %s in %.300s", f.Name, want, html)
			}
		}
		if strings.Contains(html, "no data yet") || regexp.MustCompile(`NaN|Inf|%!`).MatchString(html) {
			t.Errorf("%s has a gap in it: %s", f.Name, html)
		}
		if found, ok := Find(f.Name); !ok || found.Name != f.Name {
			t.Errorf("%s is not found", f.Name)
		}
	}
	if len(names) != 14 {
		t.Errorf("%d figures for 14 lessons", len(names))
	}
	if _, ok := Find("nothing"); ok {
		t.Error("there is a figure called nothing")
	}
}

// TestFiguresAreTheSameEachTime: a seed gives the same drawing, so the text beside it can speak of what is seen.
func TestFiguresAreTheSameEachTime(t *testing.T) {
	for _, draw := range []func() Figure{retryTimeline, arrivalHistograms, metastableLoop, expiryHerd, queueGrowth} {
		if a, b := draw().HTML("x"), draw().HTML("x"); a != b {
			t.Errorf("%s comes out differently", draw().Name)
		}
	}
}

// TestFormulas: each number that has one is as its formula or its published value says.
func TestFormulas(t *testing.T) {
	failed, gaps := outOf(0)
	lastFailed, lastGaps := outOf(pageParts - 1)
	loads := netLoads()
	over := queueAt(1.2, 0)
	for _, c := range []struct {
		what                 string
		got, want, tolerance float64
	}{
		{"30 parts of 99.99 %, Hystrix's wiki: 99.7 %", seriesOf(30, 0.9999), 0.997, 0.0005},
		{"two hours a month", downtimes("", func(n int) float64 { return seriesOf(n, 0.9999) }).Points[29].Y, 129.0 / 60, 0.01},
		{"two copies of each of 30 parts", downtimes("", func(n int) float64 { return seriesOf(n, 1-1e-6) }).Points[29].Y, 720 * 30e-6, 1e-4},
		{"errors if all of ten parts must be there", failed, 1000 * (1 - math.Pow(0.99, 10)), 1e-9},
		{"gaps then", gaps, 0, 1e-9},
		{"errors if one must", lastFailed, 10, 1e-9},
		{"errors and gaps together", lastFailed + lastGaps, failed, 1e-9},
		{"queries with the cache", loads.up, 50, 1e-9},
		{"and without it", loads.gone / loads.up, 20, 1e-9},
		{"bounded by 12 places ÷ 50 ms", loads.bounded, 240, 1e-9},
		{"120 %: 20 more a second", over.last(), 60 * 20, 150},
		{"of a bounded queue's readers a sixth is refused", queueAt(1.2, queueBounded).refused, 1 - 1/1.2, 0.02},
	} {
		if math.Abs(c.got-c.want) > c.tolerance {
			t.Errorf("%s: %v, want %v ± %v", c.what, c.got, c.want, c.tolerance)
		}
	}
	if loads.shared >= loads.gone || loads.shared <= loads.bounded {
		t.Errorf("coalescing makes it %v of %v, and the bulkhead %v", loads.shared, loads.gone, loads.bounded)
	}
	for _, p := range queueAt(1.2, queueBounded).points {
		if p.Y > queueBounded {
			t.Errorf("%v wait in %d places", p.Y, queueBounded)
		}
	}
}

// TestDeadlineTravels: with one deadline nobody works for a reader who has gone, and with a timeout each of them does.
func TestDeadlineTravels(t *testing.T) {
	budget := 300 * time.Millisecond
	if got := inVain(staysOf(budget, true), budget); got != 0 {
		t.Errorf("with one deadline %v are in vain", got)
	}
	// The service gives up at 50 + 50 + 300 ms, and the database ends at 100 + 600 ms.
	if got := inVain(staysOf(budget, false), budget); got != 500*time.Millisecond {
		t.Errorf("with a timeout at each hop %v are in vain, want 500 ms", got)
	}
}

// TestRetryTimeline: waits stay below their ceilings, and without jitter are those.
func TestRetryTimeline(t *testing.T) {
	backoff := policy.Afloat().PostReads.Retry.Backoff
	backoff.Jitter = ""
	spans, end := triesOf(backoff)
	var waits []float64
	for _, s := range spans {
		if s.Waits {
			waits = append(waits, s.To-s.From)
		}
	}
	if fmt.Sprint(waits) != "[10 20 40 40]" || end != 120*time.Millisecond {
		t.Errorf("waits of %v, and the end at %v", waits, end)
	}
	spans, _ = triesOf(policy.Afloat().PostReads.Retry.Backoff)
	retry := 0
	for _, s := range spans {
		if s.Waits {
			if retry++; s.To-s.From >= inMillis(backoff.Ceiling(retry)) {
				t.Errorf("full jitter waits %v ms before retry %d", s.To-s.From, retry)
			}
		}
	}
}

// TestArrivals: no backoff does most writes, and full jitter leaves the smallest crowd.
func TestArrivals(t *testing.T) {
	none, expo, full := arrivalsOf(sim.None), arrivalsOf(sim.Expo), arrivalsOf(sim.Full)
	if math.Abs(float64(len(none))/2423-1) > .1 || math.Abs(float64(len(expo))/1858-1) > .1 || math.Abs(float64(len(full))/796-1) > .1 {
		t.Errorf("%d, %d and %d writes, published 2423, 1858 and 796", len(none), len(expo), len(full))
	}
	if e, f := crowdAfter(binned(expo)), crowdAfter(binned(full)); e < 2*f {
		t.Errorf("the largest crowds are %v and %v", e, f)
	}
	total := 0.0
	for _, b := range binned(none) {
		total += b.Count
	}
	if total == 0 || total > float64(len(none)) {
		t.Errorf("%v of %d writes are drawn", total, len(none))
	}
}

// TestHerd: about twenty queries for one (lesson 10's formula: rate × time to fill, and the first).
func TestHerd(t *testing.T) {
	arrivals := herd()
	alone, shared := queriesAfterExpiry(arrivals, false), queriesAfterExpiry(arrivals, true)
	want := 1 + herdRate*fillTakes.Seconds()
	if len(shared) != 1 || math.Abs(float64(len(alone))-want) > 3*math.Sqrt(want) {
		t.Errorf("%d queries and %d, want about %.0f and 1", len(alone), len(shared), want)
	}
	if alone[0] != shared[0] || alone[0] < 0 || alone[len(alone)-1] >= alone[0]+fillTakes {
		t.Errorf("queries at %v, shared at %v", alone, shared)
	}
}

// TestMetastableLoop shows a run that stayed down after a trigger that it marks.
func TestMetastableLoop(t *testing.T) {
	c := metastableLoop().Chart()
	good := c.Plot.(chart.Lines)[2].Points
	if last := good[len(good)-1].Y; last != 0 || good[10].Y == 0 {
		t.Errorf("%v a second are answered before the spike, and %v at the end", good[10].Y, last)
	}
	if m := c.Marks[0]; m.At != 20 || m.For != 5 {
		t.Errorf("the spike is marked from %v for %v s", m.At, m.For)
	}
}

// TestPoliciesNumbers: what the figures say of Afloat is what Afloat runs with.
func TestPoliciesNumbers(t *testing.T) {
	table := policy.Afloat()
	for _, c := range []struct {
		figure Figure
		want   []string
	}{
		{breakerStates(), []string{"500 ms", "50 % or more of at least 5 calls in 5 s"}},
		{staleLadder(), []string{span(table.PostReads.Stale.Fresh + table.PostReads.Stale.Keep), "after 50 ms", "10 min"}},
		{replyLost(), []string{"hears nothing for 180 ms", "try 2"}},
		{deadlineTravels(), []string{"after 300 ms"}},
		{retryTimeline(), []string{"is 10 ms, doubled up to 40 ms", "makes 3 tries"}},
		{safetyNetLoad(), []string{"12 places"}},
	} {
		html := spaced(string(c.figure.HTML("x")))
		for _, want := range c.want {
			if !strings.Contains(html, spaced(want)) {
				t.Errorf("%s does not say %q", c.figure.Name, want)
			}
		}
	}
}

// spaced has spaces where numbers and units are kept together.
func spaced(s string) string { return strings.ReplaceAll(s, thin, " ") }

func TestHedgeTimeline(t *testing.T) {
	after := hedged.Quantile(hedgeAt)
	if after <= hedged.Quantile(usualAnswer) || after >= hedged.Slow || hedged.Quantile(hedgeAt+.001) != hedged.Slow {
		t.Errorf("the second copy goes after %v, which is not the p95", after)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		50 * time.Millisecond: "50 ms", time.Second: "1 s", 31 * time.Second: "31 s", 1500 * time.Millisecond: "1 s 500 ms",
		10 * time.Minute: "10 min", 24*time.Hour + time.Second: "24 h 1 s",
	} {
		if got := spaced(span(d)); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

// TestFailoverTimeline shows the recorded case's own figures.
func TestFailoverTimeline(t *testing.T) {
	c := recorded.Case{
		Does: "pause: one postgres leader", Rate: 200, DirectAfter: 19.4, Reads: recorded.Served{Failed: 3, Of: 8000}, TwinPercent: 92,
		Comments: recorded.Comments{Acknowledged: 275, Outbox: 96, Lost: 2},
	}
	f := failoverLanes(c)
	if want := "costs 19.4\u202fs of direct writes: 3 of 8000 reads failed, 2 of 275 comments"; !strings.Contains(f.Title, want) {
		t.Errorf("title %q", f.Title)
	}
	said := fmt.Sprint(f.Table().Rows)
	for _, want := range []string{"96 by the outbox", "92\u202f% failed", "3 of 8000 failed", "nobody leads"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in %s", want, said)
		}
	}
	c.Twin = recorded.Served{Failed: 1, Of: 4}
	if said := fmt.Sprint(failoverLanes(c).Table().Rows); !strings.Contains(said, "25\u202f% failed") {
		t.Errorf("counted reads of the twin are not used: %s", said)
	}
}
