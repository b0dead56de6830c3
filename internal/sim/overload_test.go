package sim_test

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"afloat/internal/sim"
)

func throttle(t *testing.T, p sim.ThrottleParams) sim.ThrottleResult {
	t.Helper()
	r, err := sim.Throttle(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestThrottleFormula: under overload the backend gets K requests for each that it accepts, and no client more.
func TestThrottleFormula(t *testing.T) {
	for _, k := range []float64{1.1, 1.5, 2, 3} {
		p := sim.PublishedThrottle(k, 2, 1)
		p.After = 0
		r := throttle(t, p)
		t.Logf("K = %g: %.1f/s sent, %.1f/s accepted, ratio %.3f ± %.3f", k, r.Sent.Mean, r.Accepted.Mean, r.Ratio.Mean, r.Ratio.SD)
		if !near(r.Ratio.Mean, k, 0.05) {
			t.Errorf("K = %g: %.3f requests for each accepted one", k, r.Ratio.Mean)
		}
		if want := 1 - r.Sent.Mean/p.Overload; !near(r.Refused.Mean, want, 0.02) {
			t.Errorf("K = %g: clients refuse %.3f, want %.3f of all", k, r.Refused.Mean, want)
		}
	}
}

// TestThrottleLeavesHealthyBackendsAlone: with room to spare nobody refuses anything.
func TestThrottleLeavesHealthyBackendsAlone(t *testing.T) {
	p := sim.PublishedThrottle(2, 1, 1)
	p.Overload, p.After = 50, time.Minute
	if r := throttle(t, p); r.Refused.Mean != 0 || r.Ratio.Mean > 1.01 || r.Recovery.Mean != 0 {
		t.Errorf("%+v", r)
	}
}

// TestThrottleOutlastsTheOverload: the window remembers, and a smaller K remembers longer.
func TestThrottleOutlastsTheOverload(t *testing.T) {
	last := math.Inf(1)
	for _, k := range []float64{1.5, 2, 3} {
		p := sim.PublishedThrottle(k, 1, 1)
		p.For = time.Minute
		r := throttle(t, p)
		t.Logf("K = %g: %.0f s", k, r.Recovery.Mean)
		if s := r.Recovery.Mean; s < p.Window.Seconds() || s >= last || s >= p.After.Seconds() {
			t.Errorf("K = %g: clients refuse for %.0f s of calm, and %.0f s with the K before", k, s, last)
		}
		last = r.Recovery.Mean
	}
}

// tail has 100 leaves, of which 1 in 100 is slow.
func tail(after time.Duration) sim.HedgeParams {
	return sim.HedgeParams{
		FanOut: 100, Pages: 5000, Quick: 10 * time.Millisecond, Slow: 200 * time.Millisecond, Share: 0.01,
		After: after, Trials: 3, Seed: 1,
	}
}

func hedge(t *testing.T, p sim.HedgeParams) sim.HedgeResult {
	t.Helper()
	r, err := sim.Hedge(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("after %v, shared %v: %.4f slow, load %.4f, p50 %.0f ms", p.After, p.Shared, r.SlowPages.Mean, r.Load.Mean, 1000*r.P50.Mean)
	return r
}

// TestHedgeFormula: 63.4 % of pages are slow, and 1.0 % with a second copy, for the load that its moment says.
func TestHedgeFormula(t *testing.T) {
	never := hedge(t, tail(0))
	if !near(never.SlowPages.Mean, 1-math.Pow(0.99, 100), 0.02) || never.Load.Mean != 1 || !near(never.P50.Mean, 0.2, 1e-9) {
		t.Errorf("never: %+v", never)
	}
	p95 := tail(0).Quantile(0.95)
	for after, load := range map[time.Duration]float64{p95: 1.05, 20 * time.Millisecond: 1.01} {
		r := hedge(t, tail(after))
		if want := 1 - math.Pow(1-0.01*0.01, 100); math.Abs(r.SlowPages.Mean-want) > 0.003 || !near(r.Load.Mean, load, 0.005) {
			t.Errorf("after %v: %+v, want %.4f slow for %.2f", after, r, want, load)
		}
	}
	shared := tail(20 * time.Millisecond)
	shared.Shared = true
	if r := hedge(t, shared); r.SlowPages.Mean != never.SlowPages.Mean || !near(r.Load.Mean, 1.01, 0.005) {
		t.Errorf("shared: %+v", r)
	}
}

// TestHedgeQuantile: as many answers as it says are there in time.
func TestHedgeQuantile(t *testing.T) {
	p := tail(0)
	p.FanOut, p.Pages, p.Share = 1, 100_000, 0.02
	for q, want := range map[float64]time.Duration{0.49: 10 * time.Millisecond, 0.99: p.Slow} {
		if got := p.Quantile(q); !near(got.Seconds(), want.Seconds(), 1e-6) {
			t.Errorf("%g: %v, want %v", q, got, want)
		}
	}
	if r := hedge(t, p); !near(r.P50.Mean, p.Quantile(0.5).Seconds(), 0.02) || !near(r.P99.Mean, p.Slow.Seconds(), 1e-9) {
		t.Errorf("p50 %v and p99 %v", r.P50, r.P99)
	}
}

// TestOverloadModelsKeepTheHouseRules: seeds decide, ctx ends them, and nonsense is named.
func TestOverloadModelsKeepTheHouseRules(t *testing.T) {
	short := func(seed uint64) sim.ThrottleParams {
		p := sim.PublishedThrottle(2, 2, seed)
		p.For, p.After = 10*time.Second, 10*time.Second
		return p
	}
	few := func(seed uint64) sim.HedgeParams {
		p := tail(20 * time.Millisecond)
		p.Pages, p.Seed = 200, seed
		return p
	}
	if !reflect.DeepEqual(throttle(t, short(5)), throttle(t, short(5))) || reflect.DeepEqual(throttle(t, short(5)), throttle(t, short(6))) {
		t.Error("the throttle doesn't follow its seed")
	}
	if !reflect.DeepEqual(hedge(t, few(5)), hedge(t, few(5))) || reflect.DeepEqual(hedge(t, few(5)), hedge(t, few(6))) {
		t.Error("hedging doesn't follow its seed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, e1 := sim.Throttle(ctx, short(1))
	_, e2 := sim.Hedge(ctx, few(1))
	if !errors.Is(e1, context.Canceled) || !errors.Is(e2, context.Canceled) {
		t.Errorf("%v, %v", e1, e2)
	}
	bad, worse := short(1), few(1)
	bad.K, bad.Clients = 0.9, 0
	worse.After, worse.Share = worse.Slow, math.NaN()
	_, e1 = sim.Throttle(t.Context(), bad)
	_, e2 = sim.Hedge(t.Context(), worse)
	for words, err := range map[string]error{"K is 0.9,clients is 0": e1, "wait before a second copy,slow share": e2} {
		for word := range strings.SplitSeq(words, ",") {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%q is not in %v", word, err)
			}
		}
	}
}
