package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

func guard(t *testing.T, r *Recorder, p resilience.Policy) *resilience.Guard {
	t.Helper()
	g, err := resilience.NewGuard(p, nil, r.Observe)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func call(ctx context.Context, g *resilience.Guard, err error) {
	_, _, _ = resilience.Call(ctx, g, func(context.Context) (int, error) { return 0, err })
}

func TestRecorderCountsWhatGuardsDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder()
		retried := guard(t, r, resilience.Policy{
			Name: "retried", Idempotent: true,
			Retry: resilience.RetryPolicy{Attempts: 3, Backoff: resilience.Backoff{Base: time.Millisecond, Cap: time.Millisecond, Jitter: resilience.NoJitter}},
		})
		call(t.Context(), retried, nil)
		call(t.Context(), retried, io.ErrUnexpectedEOF) // three attempts
		call(t.Context(), retried, errors.New("no"))    // permanent: one
		call(t.Context(), retried, context.Canceled)    // neutral: no failure

		broken := guard(t, r, resilience.Policy{
			Name:    "broken",
			Breaker: resilience.BreakerPolicy{Window: time.Minute, MinCalls: 2, FailureRatio: 0.5, OpenFor: time.Second, Probes: 1},
		})
		for range 5 {
			call(t.Context(), broken, io.EOF) // two attempts, then refused
		}
		time.Sleep(2 * time.Second)
		call(t.Context(), broken, nil) // half-open, then closed

		want := []PolicyStats{
			{Name: "broken", Calls: 6, Attempts: 3, Failures: map[string]uint64{"closed": 2}, Rejected: Rejected{Breaker: 3}, BreakerChanges: 3},
			{Name: "retried", Calls: 4, Attempts: 6, Retries: 2, Failures: map[string]uint64{"closed": 1, "other": 1}},
		}
		if got := r.Policies(); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// A second copy is an attempt, and no retry.
func TestRecorderCountsHedges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder()
		g := guard(t, r, resilience.Policy{Name: "hedged", Idempotent: true, Hedge: resilience.HedgePolicy{After: time.Millisecond, Ratio: 1, Burst: 1}})
		_, _, _ = resilience.Call(t.Context(), g, func(context.Context) (int, error) {
			time.Sleep(time.Second)
			return 0, nil
		})
		want := []PolicyStats{{Name: "hedged", Calls: 1, Attempts: 2, Hedges: 1, Failures: map[string]uint64{}}}
		if got := r.Policies(); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestRecorderCountsRefusals(t *testing.T) {
	r := NewRecorder()
	full := guard(t, r, resilience.Policy{Name: "full", Bulkhead: resilience.BulkheadPolicy{Limit: 1}})
	_, _, _ = resilience.Call(t.Context(), full, func(ctx context.Context) (int, error) {
		call(ctx, full, nil)
		return 0, nil
	})
	spent := guard(t, r, resilience.Policy{
		Name: "spent", Idempotent: true,
		Retry:  resilience.RetryPolicy{Attempts: 2, Backoff: resilience.Backoff{Base: 1, Cap: 1, Jitter: resilience.NoJitter}},
		Budget: resilience.BudgetPolicy{Ratio: 0.1, Burst: 1},
	})
	call(t.Context(), spent, io.EOF)

	want := []PolicyStats{
		{Name: "full", Calls: 2, Attempts: 1, Failures: map[string]uint64{}, Rejected: Rejected{Bulkhead: 1}},
		{Name: "spent", Calls: 1, Attempts: 1, Failures: map[string]uint64{"closed": 1}, BudgetSpent: 1},
	}
	if got := r.Policies(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

type sqlError struct{ code string }

func (e sqlError) Error() string    { return e.code }
func (e sqlError) SQLState() string { return e.code }

func TestRecorderBoundsErrorClasses(t *testing.T) {
	r := NewRecorder()
	const calls = 10 * maxClasses
	for i := range calls {
		r.Observe(resilience.Event{Policy: "p", Kind: resilience.CallEvent, Class: resilience.Permanent, Err: sqlError{fmt.Sprintf("%05d", i)}})
	}
	failures, sum := r.Policies()[0].Failures, uint64(0)
	for _, n := range failures {
		sum += n
	}
	if len(failures) > maxClasses+1 || sum != calls {
		t.Errorf("%d classes and %d failures, want at most %d and all %d", len(failures), sum, maxClasses+1, calls)
	}
}

func TestRecorderIsConcurrent(t *testing.T) {
	r := NewRecorder()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				r.Observe(resilience.Event{Policy: "p", Kind: resilience.AttemptEvent, Attempt: 1 + i%2})
				r.Observe(resilience.Event{Policy: "p", Kind: resilience.CallEvent, Class: resilience.Transient, Err: io.EOF})
				r.Policies()
			}
		})
	}
	wg.Wait()
	want := PolicyStats{Name: "p", Calls: 800, Attempts: 800, Retries: 400, Failures: map[string]uint64{"closed": 800}}
	if got := r.Policies(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestStatsAsJSON(t *testing.T) {
	got, err := json.Marshal(PolicyStats{Name: "p", Calls: 1, Failures: map[string]uint64{"timeout": 1}})
	want := `{"name":"p","calls":1,"attempts":0,"retries":0,"hedges":0,"failures":{"timeout":1},"rejected":{"breaker":0,"bulkhead":0},"budget_spent":0,"breaker_changes":0}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func BenchmarkObserve(b *testing.B) {
	r := NewRecorder()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Observe(resilience.Event{Policy: "post reads", Kind: resilience.CallEvent})
		}
	})
}
