package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

var guardPolicy = resilience.Policy{
	Name:            "post reads",
	Deadline:        300 * ms,
	AttemptDeadline: 80 * ms,
	Retry: resilience.RetryPolicy{Attempts: 3, Backoff: resilience.Backoff{
		Base: 10 * ms, Cap: 40 * ms, Jitter: resilience.NoJitter,
	}},
	Budget:     resilience.BudgetPolicy{Ratio: 1, Burst: 10},
	Breaker:    resilience.BreakerPolicy{Window: 10 * time.Second, MinCalls: 4, FailureRatio: 0.5, OpenFor: time.Second, Probes: 1},
	Bulkhead:   resilience.BulkheadPolicy{Limit: 2, Wait: 20 * ms},
	Isolate:    true,
	Idempotent: true,
}

// warm is a guard whose budget has been filled by healthy calls.
func warm(t testing.TB, p resilience.Policy, observe func(resilience.Event)) *resilience.Guard {
	t.Helper()
	g := newGuard(t, p, observe)
	for range 10 {
		if _, _, err := resilience.Call(t.Context(), g, succeed); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func TestCallReportsWhatItTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []resilience.Event
		g := warm(t, testenv.Policy(guardPolicy), func(e resilience.Event) { events = append(events, e) })
		events = nil
		call, _ := failTimes(1, errRefused)
		v, r, err := resilience.Call(t.Context(), g, func(ctx context.Context) (string, error) {
			time.Sleep(5 * ms)
			return call(ctx)
		})
		if want := (resilience.Report{Attempts: 2, Took: 20 * ms, Breaker: resilience.Closed}); v != "post" || r != want || err != nil {
			t.Errorf("got %q, %+v, %v; want %+v", v, r, err, want)
		}
		want := []resilience.Event{
			{Policy: "post reads", Kind: resilience.AttemptEvent, Attempt: 1, Took: 5 * ms, Err: errRefused, Class: resilience.Transient},
			{Policy: "post reads", Kind: resilience.AttemptEvent, Attempt: 2, Took: 5 * ms},
			{Policy: "post reads", Kind: resilience.CallEvent, Attempt: 2, Took: 20 * ms},
		}
		if fmt.Sprint(events) != fmt.Sprint(want) {
			t.Errorf("told of\n%+v, want\n%+v", events, want)
		}
	})
}

func TestCallDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := warm(t, guardPolicy, nil)
		_, r, err := resilience.Call(t.Context(), g, hang)
		if want := (80 + 10 + 80 + 20 + 80) * ms; r.Took != want || r.Attempts != 3 || !errors.Is(err, resilience.ErrDeadline) {
			t.Errorf("%d attempts in %v, %v; want three of 80ms with 10ms and 20ms between", r.Attempts, r.Took, err)
		}
		p := guardPolicy
		p.AttemptDeadline = 0
		g = warm(t, p, nil)
		if _, r, _ = resilience.Call(t.Context(), g, hang); r.Took != 300*ms || r.Attempts != 1 {
			t.Errorf("%d attempts in %v; want one, ended by the deadline of the call", r.Attempts, r.Took)
		}
	})
}

// A retry asks the breaker first: the attempt that opens it is the last one.
func TestCallBreakerEndsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []resilience.Event
		p := guardPolicy
		p.Breaker.MinCalls, p.Budget = 2, resilience.BudgetPolicy{}
		g := newGuard(t, testenv.Policy(p), func(e resilience.Event) {
			if e.Kind == resilience.BreakerEvent {
				changes = append(changes, e)
			}
		})
		call, calls := failTimes(99, errRefused)
		_, r, err := resilience.Call(t.Context(), g, call)
		if !errors.Is(err, resilience.ErrOpen) || r.Attempts != 2 || *calls != 2 {
			t.Errorf("%d attempts reported and %d made, %v; want the third refused", r.Attempts, *calls, err)
		}
		if r.Breaker != resilience.Open || g.State() != resilience.Open || g.Closed() {
			t.Errorf("the breaker is %s", g.State())
		}
		if len(changes) != 1 || changes[0].From != resilience.Closed || changes[0].To != resilience.Open || changes[0].Policy != "post reads" {
			t.Errorf("told of %+v", changes)
		}
		_, r, err = resilience.Call(t.Context(), g, call)
		if want := (resilience.Report{Breaker: resilience.Open}); !errors.Is(err, resilience.ErrOpen) || r != want {
			t.Errorf("got %+v, %v; want no attempt and no time", r, err)
		}
		time.Sleep(time.Second)
		if _, _, err = resilience.Call(t.Context(), g, succeed); err != nil || !g.Closed() {
			t.Errorf("after a good probe: %s, %v", g.State(), err)
		}
	})
}

func TestCallBulkheadHoldsOnePlaceACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := guardPolicy
		p.Bulkhead = resilience.BulkheadPolicy{Limit: 1, Wait: 20 * ms}
		g := warm(t, testenv.Policy(p), nil)
		go func() { _, _, _ = resilience.Call(t.Context(), g, hang) }()
		time.Sleep(85 * ms) // it waits between two attempts
		_, r, err := resilience.Call(t.Context(), g, succeed)
		if !errors.Is(err, resilience.ErrFull) || r.Attempts != 0 || r.Took != 20*ms {
			t.Errorf("got %+v, %v; want ErrFull after 20ms", r, err)
		}
		time.Sleep(time.Second)
		if _, _, err := resilience.Call(t.Context(), g, succeed); err != nil {
			t.Errorf("the place didn't come back: %v", err)
		}
	})
}

// A panic must not cost a place in the bulkhead nor a half-open breaker's permit.
func TestCallSurvivesPanics(t *testing.T) {
	for _, isolate := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := guardPolicy
			p.Isolate = isolate
			g := newGuard(t, p, nil)
			for range 4 {
				_, _, _ = resilience.Call(t.Context(), g, func(context.Context) (string, error) { return "", errRefused })
			}
			time.Sleep(time.Second)
			if g.State() != resilience.HalfOpen {
				t.Fatalf("the breaker is %s", g.State())
			}
			for range 10 { // more than Limit and Probes
				_, err := resilience.Isolate(func() (string, error) {
					_, r, err := resilience.Call(t.Context(), g, func(context.Context) (string, error) { panic("bug") })
					if !isolate {
						t.Error("the panic was recovered, though Isolate is off")
					}
					if r.Attempts != 1 {
						t.Errorf("%d attempts, want one: a bug is not worth a retry", r.Attempts)
					}
					return "", err
				})
				if resilience.ErrClass(err) != "panic" {
					t.Errorf("got %v, want the panic", err)
				}
			}
			if _, _, err := resilience.Call(t.Context(), g, succeed); err != nil || !g.Closed() {
				t.Errorf("isolate %v: then %v, with the breaker %s", isolate, err, g.State())
			}
		})
	}
}

func TestCallNeverBlamesTheDependencyForItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := guardPolicy
		p.Breaker.MinCalls, p.Breaker.FailureRatio = 1, 0.01 // one failure would open it
		classes := map[resilience.Class]int{}
		g := newGuard(t, p, func(e resilience.Event) { classes[e.Class]++ })
		for _, err := range []error{nil, context.Canceled, errRefused, errors.New("conn closed")} {
			ctx, cancel := context.WithCancel(t.Context())
			_, r, _ := resilience.Call(ctx, g, func(context.Context) (string, error) {
				cancel() // the reader leaves, and each driver says so in its own way
				return "", err
			})
			if r.Attempts != 1 {
				t.Errorf("%d attempts for a reader who left", r.Attempts)
			}
		}
		late, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		call, calls := failTimes(9, errRefused)
		if _, r, err := resilience.Call(late, g, call); err != context.DeadlineExceeded || r.Attempts != 0 || *calls != 0 {
			t.Errorf("a caller without time: %d attempts, %v", r.Attempts, err)
		}
		if !g.Closed() {
			t.Error("the callers' own doing opened the breaker")
		}
		if classes[resilience.Transient] != 1 || classes[resilience.Permanent] != 0 { // only the late caller's own timeout
			t.Errorf("classes %v", classes)
		}
	})
}

func TestCallNeutralErrorsLeaveTheBreakerClosed(t *testing.T) {
	g := must(resilience.NewGuard(guardPolicy, func(error) resilience.Class { return resilience.Neutral }, nil))
	for range 100 {
		if _, r, err := resilience.Call(t.Context(), g, func(context.Context) (string, error) { return "", errMissing }); err != errMissing || r.Attempts != 1 {
			t.Fatalf("%d attempts, %v", r.Attempts, err)
		}
	}
}

func TestCallWithTheZeroPolicyIsAPlainCall(t *testing.T) {
	g := newGuard(t, resilience.Policy{}, nil)
	ctx := t.Context()
	_, r, err := resilience.Call(ctx, g, func(got context.Context) (string, error) {
		if got != ctx {
			t.Error("the call didn't get the caller's own context")
		}
		return "", errRefused
	})
	if err != errRefused || r.Attempts != 1 || r.Breaker != "" || !g.Closed() || g.Tokens() != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	defer func() {
		if recover() != "bug" {
			t.Error("the panic didn't reach the caller")
		}
	}()
	_, _, _ = resilience.Call(ctx, g, func(context.Context) (string, error) { panic("bug") })
}

func TestNewGuardRefusesNonsense(t *testing.T) {
	_, err := resilience.NewGuard(resilience.Policy{
		Name: "comment writes", Deadline: 50 * ms, AttemptDeadline: 80 * ms,
		Retry:    resilience.RetryPolicy{Attempts: 2, Backoff: resilience.Backoff{Base: 2, Cap: 1, Jitter: "half"}},
		Budget:   resilience.BudgetPolicy{Ratio: 0.1},
		Breaker:  resilience.BreakerPolicy{Window: time.Second},
		Bulkhead: resilience.BulkheadPolicy{Limit: -1},
	}, nil, nil)
	for _, problem := range []string{
		`policy "comment writes"`, "AttemptDeadline 80ms", "isn't Idempotent", "Cap 1ns", `"half"`, "Burst 0", "MinCalls 0", "Limit -1",
	} {
		if err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%v\ndoesn't mention %s", err, problem)
		}
	}
}

// Five guarded calls a page: the protections' own price on a healthy day.
func BenchmarkFiveGuardedCalls(b *testing.B) {
	g := newGuard(b, guardPolicy, nil)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		for range 5 {
			if _, _, err := resilience.Call(ctx, g, succeed); err != nil {
				b.Fatal(err)
			}
		}
	}
}
