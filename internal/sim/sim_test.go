package sim_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/sim"
)

func jitter(t *testing.T, clients int, a sim.Algorithm, trials int) sim.JitterResult {
	t.Helper()
	r, err := sim.Jitter(t.Context(), sim.PublishedJitter(clients, a, trials, 1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(got, want, tolerance float64) bool { return math.Abs(got-want) <= tolerance*want }

// TestJitterTable: the published simulator's figures, calls within 5 % and times within 10 %.
func TestJitterTable(t *testing.T) {
	for _, c := range []struct {
		clients     int
		algorithm   sim.Algorithm
		calls, time float64 // time 0 is not compared
	}{
		{100, sim.None, 2423, 2.0}, {100, sim.Expo, 1858, 63.6}, {100, sim.Equal, 812, 6.6},
		{100, sim.Full, 796, 4.9}, {100, sim.Decorrelated, 1001, 4.5},
		{20, sim.None, 153, 0}, {20, sim.Expo, 150, 0}, {20, sim.Equal, 108, 0},
		{20, sim.Full, 100, 0}, {20, sim.Decorrelated, 101, 0},
	} {
		r := jitter(t, c.clients, c.algorithm, 200)
		t.Logf("N = %d, %-12s %6.0f ± %.0f calls, %5.2f ± %.2f s", c.clients, c.algorithm, r.Calls.Mean, r.Calls.SE, r.Time.Mean, r.Time.SE)
		if !near(r.Calls.Mean, c.calls, 0.05) {
			t.Errorf("N = %d, %s: %.0f calls, published %.0f", c.clients, c.algorithm, r.Calls.Mean, c.calls)
		}
		if c.time > 0 && !near(r.Time.Mean, c.time, 0.10) {
			t.Errorf("N = %d, %s: %.2f s, published %.1f s", c.clients, c.algorithm, r.Time.Mean, c.time)
		}
	}
}

// TestJitterOrder: most work without backoff, though it is done first; least with full jitter.
func TestJitterOrder(t *testing.T) {
	byCalls := []sim.Algorithm{sim.None, sim.Expo, sim.Decorrelated, sim.Full}
	last, first := math.Inf(1), 0.0
	for _, a := range byCalls {
		r := jitter(t, 100, a, 20)
		if r.Calls.Mean >= last {
			t.Errorf("%s makes %.0f calls, and the one before it %.0f", a, r.Calls.Mean, last)
		}
		last = r.Calls.Mean
		if a == sim.None {
			first = r.Time.Mean
		} else if r.Time.Mean <= first {
			t.Errorf("%s takes %.2f s, and none %.2f s", a, r.Time.Mean, first)
		}
	}
}

// TestJitterOfOneClient: nobody to meet, so one write after two hops, and the answer after a fourth.
func TestJitterOfOneClient(t *testing.T) {
	p := sim.PublishedJitter(1, sim.Full, 1, 1)
	p.HopSD = 0
	r, err := sim.Jitter(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Calls.Mean != 1 || !near(r.Time.Mean, 0.040, 1e-9) || !near(r.Arrivals[0].Seconds(), 0.030, 1e-6) {
		t.Errorf("got %+v", r)
	}
}

func TestArrivalsAreOfTheFirstTrial(t *testing.T) {
	one, many := jitter(t, 50, sim.Full, 1), jitter(t, 50, sim.Full, 3)
	if !slices.Equal(one.Arrivals, many.Arrivals) || float64(len(one.Arrivals)) != one.Calls.Mean {
		t.Errorf("%v arrivals for %v calls", len(one.Arrivals), one.Calls.Mean)
	}
	if !slices.IsSorted(one.Arrivals) {
		t.Error("arrivals are not in order")
	}
}

func retry(t *testing.T, policy sim.RetryPolicy, failing float64) sim.RetryResult {
	t.Helper()
	r, err := sim.Retry(t.Context(), sim.PublishedRetry(policy, failing, 1, 1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRetryTable: success and load of each policy within 0.02 of the figures in lesson 4.
func TestRetryTable(t *testing.T) {
	want := map[float64][4][2]float64{
		0.05: {{0.950, 1.00}, {1.000, 1.05}, {1.000, 1.05}, {0.998, 1.05}},
		0.20: {{0.799, 1.00}, {0.998, 1.25}, {0.884, 1.11}, {0.800, 1.00}},
		0.50: {{0.500, 1.00}, {0.937, 1.87}, {0.549, 1.11}, {0.500, 1.00}},
	}
	for failing, row := range want {
		calls := 0
		for i, policy := range sim.RetryPolicies {
			r := retry(t, policy, failing)
			t.Logf("%2.0f %% failing, %-13s %.3f / %.2f", 100*failing, policy, r.Success.Mean, r.Load.Mean)
			if math.Abs(r.Success.Mean-row[i][0]) > 0.02 || math.Abs(r.Load.Mean-row[i][1]) > 0.02 {
				t.Errorf("%v failing, %s: %.3f / %.2f, want %.3f / %.2f", failing, policy, r.Success.Mean, r.Load.Mean, row[i][0], row[i][1])
			}
			if i > 0 && r.Calls != calls {
				t.Errorf("%v failing, %s: %d calls, and another policy had %d: not the same arrivals", failing, policy, r.Calls, calls)
			}
			calls = r.Calls
		}
	}
}

// TestRetryFormula: plain retries fail in p^(N+1) and cost (1 − p^(N+1)) / (1 − p), whatever N.
func TestRetryFormula(t *testing.T) {
	for _, retries := range []int{0, 1, 5} {
		const failing = 0.6
		p := sim.PublishedRetry(sim.PlainRetries, failing, 1, 1)
		p.Retries = retries
		r, err := sim.Retry(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		all := math.Pow(failing, float64(retries+1))
		if math.Abs(1-r.Success.Mean-all) > 0.01 || math.Abs(r.Load.Mean-(1-all)/(1-failing)) > 0.03 {
			t.Errorf("%d retries: %.3f failed for a load of %.3f, want %.3f for %.3f", retries, 1-r.Success.Mean, r.Load.Mean, all, (1-all)/(1-failing))
		}
	}
}

// TestTokenBucketBoundsRetries: by a tenth of the calls and the first tokens, even when nearly everything fails.
func TestTokenBucketBoundsRetries(t *testing.T) {
	p := sim.PublishedRetry(sim.TokenBucket, 0.9, 1, 1)
	r, err := sim.Retry(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	most := 1 + p.Refill + float64(p.Clients)*p.Bucket/float64(r.Calls)
	if r.Load.Mean > most || r.Load.Mean < 1.1 {
		t.Errorf("load %.4f, want 1.1 to %.4f", r.Load.Mean, most)
	}
}

func collapse(t *testing.T, backoff bool) sim.CollapseResult {
	t.Helper()
	r, err := sim.Collapse(t.Context(), sim.PublishedCollapse(backoff, 30, 1))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCollapse: without backoff most runs stay down after the spike, at the same load as before it; with backoff none.
func TestCollapse(t *testing.T) {
	naive, calm := collapse(t, false), collapse(t, true)
	t.Logf("collapsed: %d of 30 without backoff, %d with", naive.Collapsed, calm.Collapsed)
	if naive.Collapsed < 20 || naive.Collapsed > 28 || calm.Collapsed != 0 {
		t.Errorf("collapsed: %d of 30 without backoff and %d with, published 24 and 0", naive.Collapsed, calm.Collapsed)
	}
	var before, spike, offered, attempts, down float64
	for i, run := range naive.Runs {
		for s, second := range run.Seconds {
			switch {
			case second.Offered != calm.Runs[i].Seconds[s].Offered:
				t.Fatalf("run %d, second %d: other arrivals with backoff", i, s)
			case s >= 5 && s < 20:
				before += float64(second.Succeeded) / 15 / 30
			case s >= 20 && s < 25:
				spike += float64(second.Offered) / 5 / 30
			case s >= 60 && run.Collapsed:
				offered, attempts, down = offered+float64(second.Offered), attempts+float64(second.Attempts), down+1
			}
		}
	}
	if !near(before, 40, 0.05) || !near(spike, 80, 0.05) {
		t.Errorf("%.1f answers a second before the spike, %.1f calls a second in it; want 40 and 80", before, spike)
	}
	if !near(offered/down, 40, 0.05) || !near(attempts/down, 120, 0.05) {
		t.Errorf("after the collapse %.1f calls and %.1f attempts a second, want 40 and 120", offered/down, attempts/down)
	}
}

// TestLatencyGrowsWithWhatIsInFlight: by Little's law, 40 calls a second hold n = 40·(1 + 0.01·n) in flight, which is 66.7.
func TestLatencyGrowsWithWhatIsInFlight(t *testing.T) {
	p := sim.PublishedCollapse(false, 30, 1)
	p.Peak = p.Rate
	p.Timeout = 10 * time.Minute
	r, err := sim.Collapse(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	sum, n := 0.0, 0.0
	for _, run := range r.Runs {
		for _, s := range run.Seconds[20:] {
			sum, n = sum+float64(s.InFlight), n+1
		}
	}
	if !near(sum/n, 66.7, 0.05) || r.Collapsed != 0 {
		t.Errorf("%.1f in flight, %d collapsed", sum/n, r.Collapsed)
	}
}

// TestIdleIsNotCollapsed: where nobody has called since the spike, that nothing succeeded says nothing.
func TestIdleIsNotCollapsed(t *testing.T) {
	p := sim.PublishedCollapse(false, 1, 1)
	p.Rate, p.Peak = 0.001, 0.001
	r, err := sim.Collapse(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if r.Collapsed != 0 || r.Runs[0].Seconds[0].Offered != 1 {
		t.Errorf("%d collapsed; the first second: %+v", r.Collapsed, r.Runs[0].Seconds[0])
	}
}

// TestSeedsDecide: the same seed, the same result; another seed, another.
func TestSeedsDecide(t *testing.T) {
	for name, run := range map[string]func(seed uint64) (any, error){
		"jitter": func(s uint64) (any, error) {
			return sim.Jitter(t.Context(), sim.PublishedJitter(20, sim.Full, 2, s))
		},
		"retry": func(s uint64) (any, error) {
			return sim.Retry(t.Context(), sim.PublishedRetry(sim.TokenBucket, 0.2, 2, s))
		},
		"collapse": func(s uint64) (any, error) {
			return sim.Collapse(t.Context(), sim.PublishedCollapse(true, 2, s))
		},
	} {
		var results []any
		for _, seed := range []uint64{5, 5, 6} {
			r, err := run(seed)
			if err != nil {
				t.Fatal(err)
			}
			results = append(results, r)
		}
		if !reflect.DeepEqual(results[0], results[1]) || reflect.DeepEqual(results[1], results[2]) {
			t.Errorf("%s: seeds 5, 5 and 6 gave %v", name, results)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, e1 := sim.Jitter(ctx, sim.PublishedJitter(20, sim.Full, 2, 1))
	_, e2 := sim.Retry(ctx, sim.PublishedRetry(sim.NoRetries, 0.2, 2, 1))
	_, e3 := sim.Collapse(ctx, sim.PublishedCollapse(true, 2, 1))
	for _, err := range []error{e1, e2, e3} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// TestNonsenseIsNamed: every parameter that is out of its range is in the error.
func TestNonsenseIsNamed(t *testing.T) {
	j := sim.PublishedJitter(0, "most", 0, 1)
	j.Cap = j.Base - 1
	r := sim.PublishedRetry("often", math.NaN(), 1, 1)
	r.Rate = 9000
	c := sim.PublishedCollapse(true, 0, 1)
	c.Timeout, c.Attempts = -1, 11
	for _, x := range []struct {
		err   error
		words string
	}{
		{j.Check(), `"most",clients is 0: it must be from 1 to 1000,cap is 4.999999ms,trials`},
		{r.Check(), `"often",failing share is NaN,clients × rate × duration`},
		{c.Check(), `timeout is -1ns,attempts is 11,runs is 0`},
	} {
		for word := range strings.SplitSeq(x.words, ",") {
			if x.err == nil || !strings.Contains(x.err.Error(), word) {
				t.Errorf("%q is not in %v", word, x.err)
			}
		}
	}
}
