package testenv_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

func TestWithoutAProtection(t *testing.T) {
	full := resilience.Policy{
		Deadline: time.Second, AttemptDeadline: time.Second, Isolate: true,
		Retry:    resilience.RetryPolicy{Attempts: 2, Backoff: resilience.Backoff{Base: 1, Cap: 1, Jitter: resilience.FullJitter}},
		Budget:   resilience.BudgetPolicy{Ratio: 1, Burst: 1},
		Breaker:  resilience.BreakerPolicy{Window: 1},
		Bulkhead: resilience.BulkheadPolicy{Limit: 1},
		Hedge:    resilience.HedgePolicy{After: 1},
	}
	elsewhere := []policy.Protection{policy.Cache, policy.Stale, policy.Coalescing, policy.Shedding} // not in a guard's policy
	for _, p := range policy.Protections() {
		t.Run(string(p.Protection), func(t *testing.T) {
			t.Setenv("AFLOAT_WITHOUT", string(p.Protection))
			table := testenv.Table()
			if on := table.Protections(); slices.Contains(on, p.Protection) || table.Twin() {
				t.Errorf("%s has %v", table.Name, on)
			}
			if changed := testenv.Policy(full) != full; changed == slices.Contains(elsewhere, p.Protection) {
				t.Errorf("a policy of its own changes: %v", changed)
			}
		})
	}
	t.Setenv("AFLOAT_WITHOUT", "")
	if !reflect.DeepEqual(testenv.Table(), policy.Afloat()) || testenv.Policy(full) != full {
		t.Error("with nothing switched off something is different")
	}
	t.Setenv("AFLOAT_WITHOUT", "luck")
	defer func() {
		if recover() == nil {
			t.Error("luck is no protection")
		}
	}()
	testenv.Off(policy.Retry)
}
