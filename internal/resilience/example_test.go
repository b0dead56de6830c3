package resilience_test

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/resilience"
)

// A guard around a dependency and a cache before it: how each part of a page
// is read. The reader gets the post in all three cases, and is told which.
func Example() {
	guard := must(resilience.NewGuard(resilience.Policy{
		Name:            "post reads",
		Deadline:        250 * time.Millisecond,
		AttemptDeadline: 80 * time.Millisecond,
		Breaker:         resilience.BreakerPolicy{Window: 10 * time.Second, MinCalls: 2, FailureRatio: 0.5, OpenFor: time.Minute, Probes: 1},
		Bulkhead:        resilience.BulkheadPolicy{Limit: 16},
		Isolate:         true,
		Idempotent:      true,
	}, nil, nil))
	cache := must(resilience.NewCache(resilience.CacheOptions[string]{
		Keeper: new(keeper[string]), // in production a store that evicts
		Closed: guard.Closed,
		Policy: resilience.StalePolicy{Fresh: time.Nanosecond, Keep: 24 * time.Hour, Patience: time.Second, Coalesce: true},
	}))

	query := func(context.Context) (string, error) { return "How available is this page?", nil }
	fetch := func(ctx context.Context) (string, resilience.Provenance, error) {
		v, report, err := resilience.Call(ctx, guard, query)
		return v, resilience.Provenance{
			Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now(),
			Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err,
		}, err
	}
	read := func() {
		time.Sleep(time.Millisecond) // past Fresh
		title, from, err := cache.Get(context.Background(), "availability", fetch)
		fmt.Printf("%s | %s, %s, breaker %s | %s | %v\n", title, from.Source, from.State, from.Breaker, resilience.ErrClass(from.Err), err)
	}

	read()
	query = func(context.Context) (string, error) { return "", errRefused } // the database goes away
	read()
	read()       // the breaker is open now, so this reader doesn't wait: the refresh is behind them
	cache.Wait() // it is refused by the breaker
	read()
	cache.Wait()
	// Output:
	// How available is this page? | postgres, fresh, breaker closed |  | <nil>
	// How available is this page? | memory, stale, breaker open | refused | <nil>
	// How available is this page? | memory, stale, breaker open | refused | <nil>
	// How available is this page? | memory, stale, breaker open | breaker open | <nil>
}
