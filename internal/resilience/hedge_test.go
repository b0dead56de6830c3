package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

var hedgePolicy = resilience.HedgePolicy{After: 10 * ms, Ratio: 1, Burst: 1}

// copies is what the two copies of a call do: how long they take, and how they end.
type copies [2]struct {
	takes time.Duration // 0: until it is cancelled
	err   error
	panic any
}

// race runs the two copies and tells what came of it.
func race(t *testing.T, p resilience.HedgePolicy, c copies) (v string, sent int32, took time.Duration, err error) {
	t.Helper()
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 1, Burst: 1}))
	start := time.Now()
	var running, calls atomic.Int32
	v, err = resilience.Hedge(t.Context(), p, budget, resilience.DefaultClassifier, func(ctx context.Context, second bool) (string, error) {
		calls.Add(1)
		running.Add(1)
		defer running.Add(-1)
		name, do := "first", c[0]
		if second {
			name, do = "second", c[1]
		}
		takes := do.takes
		if takes == 0 {
			takes = time.Hour
		}
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if do.panic != nil {
			panic(do.panic)
		}
		return name, do.err
	})
	if n := running.Load(); n != 0 {
		t.Errorf("%d copies run on", n)
	}
	return v, calls.Load(), time.Since(start), err
}

func TestHedge(t *testing.T) {
	errOther, gone := errors.New("other"), fmt.Errorf("no such thing: %w", context.Canceled) // the latter is Neutral
	for name, c := range map[string]struct {
		policy resilience.HedgePolicy
		copies copies
		answer string
		sent   int32
		took   time.Duration
		err    error
	}{
		"off":                              {resilience.HedgePolicy{}, copies{{takes: time.Second}}, "first", 1, time.Second, nil},
		"fast":                             {hedgePolicy, copies{{takes: 9 * ms}}, "first", 1, 9 * ms, nil},
		"fails fast, which is Retry's":     {hedgePolicy, copies{{takes: 9 * ms, err: errRefused}}, "first", 1, 9 * ms, errRefused},
		"slow, and the second is quicker":  {hedgePolicy, copies{{}, {takes: 5 * ms}}, "second", 2, 15 * ms, nil},
		"slow, and still the quicker":      {hedgePolicy, copies{{takes: 20 * ms}, {}}, "first", 2, 20 * ms, nil},
		"the first's failure is not final": {hedgePolicy, copies{{takes: 12 * ms, err: errRefused}, {takes: 5 * ms}}, "second", 2, 15 * ms, nil},
		"nor is the second's":              {hedgePolicy, copies{{takes: 20 * ms}, {takes: 5 * ms, err: errRefused}}, "first", 2, 20 * ms, nil},
		"both fail":                        {hedgePolicy, copies{{takes: 20 * ms, err: errRefused}, {takes: 5 * ms, err: errOther}}, "first", 2, 20 * ms, errRefused},
		"both fail, the second last":       {hedgePolicy, copies{{takes: 12 * ms, err: errRefused}, {takes: 5 * ms, err: errOther}}, "first", 2, 15 * ms, errRefused},
		"nothing there is an answer":       {hedgePolicy, copies{{takes: 12 * ms, err: gone}, {}}, "first", 2, 12 * ms, gone},
		"of the second, too":               {hedgePolicy, copies{{}, {takes: 5 * ms, err: gone}}, "second", 2, 15 * ms, gone},
		"and better than a failure":        {hedgePolicy, copies{{takes: 12 * ms, err: errRefused}, {takes: 5 * ms, err: gone}}, "second", 2, 15 * ms, gone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v, sent, took, err := race(t, c.policy, c.copies)
				if v != c.answer || sent != c.sent || took != c.took || !errors.Is(err, c.err) {
					t.Errorf("%q of %d copies in %v, %v; want %q of %d in %v, %v", v, sent, took, err, c.answer, c.sent, c.took, c.err)
				}
			})
		})
	}
}

// A panic in either copy is the caller's, and ends the other.
func TestHedgeLosesNoPanic(t *testing.T) {
	for name, c := range map[string]struct {
		copies copies
		took   time.Duration
	}{
		"the first, alone":            {copies{{takes: 5 * ms, panic: "bug"}}, 5 * ms},
		"the first":                   {copies{{takes: 12 * ms, panic: "bug"}, {}}, 12 * ms},
		"the second":                  {copies{{}, {takes: 5 * ms, panic: "bug"}}, 15 * ms},
		"both":                        {copies{{takes: 15 * ms, panic: "bug"}, {takes: 5 * ms, panic: "bug"}}, 15 * ms},
		"the second, after a failure": {copies{{takes: 12 * ms, err: errRefused}, {takes: 5 * ms, panic: "bug"}}, 15 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := resilience.Isolate(func() (string, error) {
					_, _, _, err := race(t, hedgePolicy, c.copies)
					return "", err
				})
				caught, ok := errors.AsType[*resilience.PanicError](err)
				if ok {
					if second, was := caught.Value.(*resilience.PanicError); was {
						caught = second
					}
				}
				if !ok || caught.Value != "bug" || time.Since(start) != c.took {
					t.Fatalf("got %v after %v, want the panic after %v", err, time.Since(start), c.took)
				}
				if !strings.Contains(string(caught.Stack), "hedge_test.go") {
					t.Errorf("the stack doesn't lead to the bug:\n%s", caught.Stack)
				}
			})
		})
	}
}

func TestHedgeEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 15*ms)
		defer cancel()
		start := time.Now()
		_, err := resilience.Hedge(ctx, hedgePolicy, nil, resilience.DefaultClassifier, func(ctx context.Context, _ bool) (string, error) { return hang(ctx) })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 15*ms {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// When the dependency itself is slow, every call would be made twice; the
// budget is what keeps it from that.
func TestHedgesAreAShareOfTheCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := resilience.HedgePolicy{After: 10 * ms, Ratio: 0.05, Burst: 5}
		budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: p.Ratio, Burst: p.Burst}))
		seconds := 0
		for range 1000 {
			_, _ = resilience.Hedge(t.Context(), p, budget, resilience.DefaultClassifier, func(_ context.Context, second bool) (string, error) {
				if second {
					seconds++
				} else {
					time.Sleep(20 * ms)
				}
				return "", errRefused
			})
		}
		if seconds != 50 {
			t.Errorf("%d second copies of 1000 calls, want one of twenty", seconds)
		}
	})
}

// In the guard both copies are attempts: each is judged by the breaker, has a
// place in the bulkhead, and ends at the attempt's deadline.
func TestGuardHedges(t *testing.T) {
	p := resilience.Policy{
		Name: "recommendations", Idempotent: true, AttemptDeadline: 100 * ms,
		Hedge:    hedgePolicy,
		Breaker:  resilience.BreakerPolicy{Window: time.Minute, MinCalls: 2, FailureRatio: 1, OpenFor: time.Minute, Probes: 1},
		Bulkhead: resilience.BulkheadPolicy{Limit: 2, Wait: time.Second},
	}
	slowFirst := func() func(context.Context) (string, error) {
		var calls atomic.Int32
		return func(ctx context.Context) (string, error) {
			if calls.Add(1) == 1 {
				return hang(ctx)
			}
			return "post", nil
		}
	}
	t.Run("the loser is nobody's failure", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			kinds := map[resilience.EventKind]int{}
			g := newGuard(t, testenv.Policy(p), func(e resilience.Event) { kinds[e.Kind]++ })
			for range 10 {
				v, r, err := resilience.Call(t.Context(), g, slowFirst())
				if v != "post" || err != nil || r.Attempts != 2 || r.Took != 10*ms || r.Breaker != resilience.Closed {
					t.Fatalf("%q, %+v, %v; want the second copy's answer after 10ms", v, r, err)
				}
			}
			if kinds[resilience.AttemptEvent] != 10 || kinds[resilience.HedgeEvent] != 10 || kinds[resilience.CallEvent] != 10 {
				t.Errorf("events %v", kinds)
			}
		})
	})
	t.Run("a second copy's panic keeps its stack", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := p
			p.Isolate = true
			var calls atomic.Int32
			_, _, err := resilience.Call(t.Context(), newGuard(t, p, nil), func(ctx context.Context) (string, error) {
				if calls.Add(1) == 2 {
					panic("bug")
				}
				return hang(ctx)
			})
			caught, ok := errors.AsType[*resilience.PanicError](err)
			if !ok || caught.Value != "bug" || !strings.Contains(string(caught.Stack), "hedge_test.go") {
				t.Errorf("got %v", err)
			}
		})
	})
	t.Run("two copies that fail are two failures", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, p, nil)
			_, r, err := resilience.Call(t.Context(), g, hang)
			if r.Attempts != 2 || r.Took != 100*ms || r.Breaker != resilience.Open || !errors.Is(err, resilience.ErrDeadline) {
				t.Errorf("%+v, %v; want both cut off after 100ms and the breaker open", r, err)
			}
		})
	})
	t.Run("a full bulkhead has no place for a second copy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := newGuard(t, p, nil)
			ended := make(chan resilience.Report, 2)
			for range 2 {
				go func() {
					_, r, _ := resilience.Call(t.Context(), g, func(ctx context.Context) (string, error) {
						time.Sleep(50 * ms)
						return "post", nil
					})
					ended <- r
				}()
			}
			time.Sleep(20 * ms)
			if n := g.InFlight(); n != 2 {
				t.Errorf("%d calls in flight, want 2", n)
			}
			for range 2 {
				if r := <-ended; r.Attempts != 1 {
					t.Errorf("%d attempts of a call that filled the bulkhead", r.Attempts)
				}
			}
			synctest.Wait()
			if n := g.InFlight(); n != 0 {
				t.Errorf("%d calls in flight when all have ended", n)
			}
			_, r, _ := resilience.Call(t.Context(), g, slowFirst())
			if r.Attempts != 2 {
				t.Errorf("%d attempts once there was a place", r.Attempts)
			}
		})
	})
}

func TestHedgePolicyRefusesNonsense(t *testing.T) {
	for want, p := range map[string]resilience.Policy{
		"After 0s must":       {Idempotent: true, Hedge: resilience.HedgePolicy{Ratio: 0.1, Burst: 1}},
		"without Ratio and":   {Idempotent: true, Hedge: resilience.HedgePolicy{After: 1}},
		"Ratio 2 must":        {Idempotent: true, Hedge: resilience.HedgePolicy{After: 1, Ratio: 2, Burst: 1}},
		"isn't Idempotent":    {Hedge: hedgePolicy},
		"is not within the 1": {Idempotent: true, Hedge: hedgePolicy, AttemptDeadline: 10 * ms},
		"is not within the 9": {Idempotent: true, Hedge: hedgePolicy, Deadline: 9 * ms},
	} {
		if _, err := resilience.NewGuard(p, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// Of two copies the quicker one answers: here the first is stuck.
func ExampleHedge() {
	policy := resilience.HedgePolicy{After: 5 * time.Millisecond, Ratio: 1, Burst: 1}
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 1, Burst: 1}))
	answer, err := resilience.Hedge(context.Background(), policy, budget, resilience.DefaultClassifier,
		func(ctx context.Context, second bool) (string, error) {
			if second {
				return "similar articles", nil
			}
			<-ctx.Done() // a lost packet, a busy machine: nothing comes
			return "", ctx.Err()
		})
	fmt.Println(answer, err)
	// Output: similar articles <nil>
}
