package lab

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/fault"
)

func TestEveryFaultIsVerified(t *testing.T) {
	for _, test := range []struct {
		order Order
		saw   string // a regular expression
		after time.Duration
	}{
		{Order{Kind: "refuse"}, `refused after 0\.01 ms`, 0},
		{Order{Kind: "hang"}, `no answer within 1 s`, time.Second},
		{Order{Kind: "slow"}, `answered after 2 s`, 4 * time.Second}, // the dial is slow as well
		{Order{Kind: "slow", Latency: 300 * time.Millisecond, Jitter: 50 * time.Millisecond}, `answered after (2[5-9]|3[0-5])\d ms`, 0},
		{Order{Kind: "flaky", Rate: 1}, `20 of 20 exchanges failed`, 0},
		{Order{Kind: "flaky", Rate: 0.5}, `[1-9]\d? of 20 exchanges failed`, 0}, // none of 20: once in a million
		{Order{Kind: "reset"}, `connection reset after 0\.01 ms`, 0},
		{Order{Kind: "healthy"}, `answered in 0\.01 ms`, 0},
	} {
		t.Run(test.order.Kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSwitchboard(t, newDependency().wire("redis", "Redis"), newDependency().wire("postgres", "Postgres"))
				test.order.Link = "redis"
				start := time.Now()
				got, err := s.Apply(t.Context(), test.order)
				if err != nil || len(got) != 1 {
					t.Fatalf("got %v, %v", got, err)
				}
				status := got[0]
				if status.Link != "redis" || status.Label != "Redis" || status.Kind != test.order.Kind ||
					!status.Confirmed || status.Verdict != Confirmed || !regexp.MustCompile(`^`+test.saw+`$`).MatchString(status.Saw) {
					t.Errorf("got %+v, want it confirmed by %q", status, test.saw)
				}
				if took := time.Since(start); test.after > 0 && took != test.after {
					t.Errorf("verified after %v, want %v", took, test.after)
				}
				synctest.Wait()
				if other := s.Status().Faults[1]; other.Link != "postgres" || other.Kind != Healthy || !other.Confirmed {
					t.Errorf("the other link: %+v", other)
				}
			})
		})
	}
}

func TestADependencyThatDiesWithoutOurHelp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDependency()
		s := newSwitchboard(t, d.wire("redis", "Redis"))
		synctest.Wait()
		rev := s.Status().Rev
		d.stop()
		state := s.Changed(t.Context(), rev) // the probe that is made every now and then
		got := state.Faults[0]
		if want := "no answer within 1 s, and no fault of ours is on"; got.Kind != Healthy || got.Verdict != NotConfirmed || got.Saw != want {
			t.Errorf("got %+v, want %q", got, want)
		}
		if got, _ := s.Apply(t.Context(), Order{Link: All, Kind: "slow", Latency: time.Millisecond}); got[0].Confirmed {
			t.Errorf("a slow link is confirmed by a dependency that is silent: %+v", got[0])
		}
	})
}

func TestApplyWaitsNoLongerThanConfirmWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard(t, newDependency().wire("redis", "Redis"))
		start := time.Now()
		got, err := s.Apply(t.Context(), Order{Link: "redis", Kind: "slow", Latency: 20 * time.Second})
		if took := time.Since(start); err != nil || took != testLimits.ConfirmWait || got[0].Verdict != Checking || got[0].Kind != "slow" {
			t.Errorf("after %v got %+v, %v; want Checking after %v", took, got, err, testLimits.ConfirmWait)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		s.Apply(ctx, Order{Link: "redis", Kind: "slow", Latency: 20 * time.Second})
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want no longer than the context", took)
		}
	})
}

func TestAChangeDoesNotWaitForAProbeUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard(t, newDependency().wire("redis", "Redis"))
		go s.Apply(t.Context(), Order{Link: "redis", Kind: "slow", Latency: 20 * time.Second})
		synctest.Wait()
		start := time.Now()
		got, _ := s.Apply(t.Context(), Order{Link: "redis", Kind: "refuse"})
		if took := time.Since(start); took != 0 || !got[0].Confirmed {
			t.Errorf("after %v got %+v, want it confirmed at once", took, got[0])
		}
	})
}

func TestFaultsEndByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDependency().wire("redis", "Redis")
		s := newSwitchboard(t, w)
		start := time.Now()
		got, _ := s.Apply(t.Context(), Order{Link: "redis", Kind: "hang"})
		if until := start.Add(testLimits.DefaultFor); !got[0].Until.Equal(until) || got[0].Left != testLimits.DefaultFor-time.Second {
			t.Errorf("until %v, %v left; want %v", got[0].Until, got[0].Left, until)
		}
		rev := s.Status().Rev
		state := s.Changed(t.Context(), rev)
		if took := time.Since(start); took != testLimits.DefaultFor || state.Faults[0].Kind != Healthy {
			t.Errorf("after %v: %+v", took, state)
		}
		synctest.Wait()
		if got := s.Status().Faults[0]; !got.Confirmed || got.Saw != "answered in 0.01 ms" {
			t.Errorf("got %+v, want a probe that found the link healthy", got)
		}
		if f, on := w.Link.Current(); on {
			t.Errorf("%v is still on", f)
		}

		s.Apply(t.Context(), Order{Link: "redis", Kind: "hang", For: time.Minute})
		time.Sleep(30 * time.Second)
		s.Apply(t.Context(), Order{Link: "redis", Kind: "refuse", For: time.Minute})
		time.Sleep(45 * time.Second)
		if got := s.Status().Faults[0]; got.Kind != "refuse" {
			t.Errorf("got %+v: the end of a fault ended another", got)
		}
	})
}

func TestLowRatesAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard(t, newDependency().wire("redis", "Redis"))
		synctest.Wait()
		s.Apply(t.Context(), Order{Link: "redis", Kind: "flaky", Rate: 1e-12})
		time.Sleep(2*testLimits.ProbeEvery + time.Second)
		got := s.Status().Faults[0]
		if got.Saw != "0 of 60 exchanges failed" || got.Verdict != NotConfirmed {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAllAndClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newDependency().wire("postgres", "Postgres"), newDependency().wire("redis", "Redis")
		s := newSwitchboard(t, a, b)
		got, err := s.Apply(t.Context(), Order{Link: All, Kind: "refuse"})
		if err != nil || len(got) != 2 || !got[0].Confirmed || !got[1].Confirmed || got[0].Link != "postgres" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if err := s.Clear("postgres"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := s.Status().Faults; got[0].Kind != Healthy || !got[0].Confirmed || got[1].Kind != "refuse" {
			t.Errorf("got %+v", got)
		}
		if err := s.Clear("mysql"); err == nil || !strings.Contains(err.Error(), "postgres, redis, all") {
			t.Errorf("got %v, want the valid names", err)
		}
		if err := s.Clear(""); err != nil {
			t.Fatal(err)
		}
		if _, on := b.Link.Current(); on {
			t.Error("redis is not clear")
		}
		_, err = s.Apply(t.Context(), Order{Link: "mysql", Kind: "explode", For: time.Hour})
		if bad := new(BadOrder); !errors.As(err, &bad) || len(bad.Fields) != 3 {
			t.Errorf("got %v, want three bad fields", err)
		}
	})
}

func TestCloseClearsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newDependency().wire("redis", "Redis")
		s := newSwitchboard(t, w)
		s.Apply(t.Context(), Order{Link: "redis", Kind: "hang"})
		s.Close()
		s.Apply(t.Context(), Order{Link: "redis", Kind: "hang"})
		if f, on := w.Link.Current(); on {
			t.Errorf("%v is on", f)
		}
	})
}

func TestChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSwitchboard(t, newDependency().wire("redis", "Redis"))
		synctest.Wait()
		rev := s.Status().Rev
		for _, stale := range []int64{0, rev - 1, rev + 1000} { // the last is another run's
			if got := s.Changed(t.Context(), stale); got.Rev != rev {
				t.Errorf("after %d got %d, want %d at once", stale, got.Rev, rev)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		if got := s.Changed(ctx, rev); got.Rev != rev || time.Since(start) != time.Minute {
			t.Errorf("got %d after %v, want %d when the context ends", got.Rev, time.Since(start), rev)
		}
	})
}

func TestNewSwitchboardRefusesNonsense(t *testing.T) {
	good := newDependency().wire("redis", "Redis")
	for name, wires := range map[string][]Wire{
		"no probe":  {{Link: good.Link, Label: "Redis"}},
		"no link":   {{Probe: good.Probe, Label: "Redis"}},
		"same name": {good, good},
		"all":       {newDependency().wire(All, "All")},
	} {
		if _, err := NewSwitchboard(wires, testLimits, quiet); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	limits := testLimits
	limits.ProbeEvery = 0
	if _, err := NewSwitchboard([]Wire{good}, limits, quiet); err == nil {
		t.Error("no error for limits of 0")
	}
}

func TestStatusAsJSON(t *testing.T) {
	status := Status{
		Link: "redis", Label: "Redis", Kind: "slow", Latency: 2 * time.Second, Jitter: 300 * time.Millisecond,
		Until: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Left: 90 * time.Second,
		Confirmed: true, Verdict: Confirmed, Saw: "answered after 2.01 s", ProbedAt: time.Date(2026, 11, 24, 9, 59, 0, 5, time.UTC),
	}
	got, err := json.Marshal(status)
	const want = `{"link":"redis","label":"Redis","kind":"slow","until":"2026-11-24T10:00:00Z","confirmed":true,"verdict":"confirmed",` +
		`"saw":"answered after 2.01 s","probed_at":"2026-11-24T09:59:00.000000005Z","latency":"2s","jitter":"300ms","left":"1m30s"}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	var back Status
	if err := json.Unmarshal(got, &back); err != nil || back != status {
		t.Errorf("got %+v, %v", back, err)
	}
	if got, _ := json.Marshal(Status{Link: "redis", Label: "Redis", Kind: Healthy, Verdict: Checking}); string(got) !=
		`{"link":"redis","label":"Redis","kind":"healthy","confirmed":false,"verdict":"checking"}` {
		t.Errorf("got %s", got)
	}
	if err := json.Unmarshal([]byte(`{"link":"redis","latency":"2"}`), &back); err == nil {
		t.Error("a duration without a unit was read")
	}
}

func TestJudge(t *testing.T) {
	ms := time.Millisecond
	slow := fault.Fault{Kind: fault.Slow, Latency: 2 * time.Second, Jitter: 200 * ms}
	for _, test := range []struct {
		fault   fault.Fault
		seen    sight
		verdict string
		saw     string
	}{
		{fault.Fault{}, sight{took: 420 * time.Microsecond}, Confirmed, "answered in 0.4 ms"},
		{fault.Fault{}, sight{took: 15 * ms, err: errors.New("secret")}, NotConfirmed, "failed after 15 ms, and no fault of ours is on"},
		{fault.Fault{Kind: fault.Refuse}, sight{took: 320 * ms}, NotConfirmed, "answered in 320 ms"},
		{fault.Fault{Kind: fault.Hang}, sight{took: ms}, NotConfirmed, "answered in 1.0 ms"},
		{slow, sight{took: 2012 * ms}, Confirmed, "answered after 2.01 s"},
		{slow, sight{took: 1800 * ms}, Confirmed, "answered after 1.8 s"},
		{slow, sight{took: 1799 * ms}, NotConfirmed, "answered after 1.8 s"},
		{slow, sight{within: 5 * time.Second, err: context.DeadlineExceeded}, NotConfirmed, "no answer within 5 s"},
		{fault.Fault{Kind: fault.Flaky}, sight{within: time.Second, err: context.DeadlineExceeded}, NotConfirmed, "no answer within 1 s"},
		{fault.Fault{Kind: fault.Reset}, sight{took: ms}, NotConfirmed, "answered in 1.0 ms"},
	} {
		if verdict, saw := judge(test.fault, test.seen, tally{}); verdict != test.verdict || saw != test.saw {
			t.Errorf("%s: got %q, %q; want %q, %q", test.fault.Kind, verdict, saw, test.verdict, test.saw)
		}
	}
}
