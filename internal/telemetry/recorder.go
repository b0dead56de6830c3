// Package telemetry records what each policy did, for metrics, logs and the
// lab's timelines. It counts without holding up a call, and what it keeps is
// bounded: watching an outage must never become a part of it.
package telemetry

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"afloat/internal/resilience"
)

// maxClasses bounds the error classes counted one by one: a server may invent
// any number of SQLSTATEs.
const maxClasses = 32

// Recorder counts, for each policy, what its guard told. The zero value is
// ready, and safe for concurrent use.
type Recorder struct {
	policies sync.Map // policy name → *counters; as many as there are guards
}

type counters struct {
	calls, attempts, retries, hedges, broken, full, budget, changes atomic.Uint64

	mu       sync.Mutex // taken by failures only
	failures map[string]uint64
}

// PolicyStats is what one policy did since the process started. All numbers
// count events, and only grow.
type PolicyStats struct {
	Name           string            `json:"name"`
	Calls          uint64            `json:"calls"`              // guarded calls that ended, refused ones too
	Attempts       uint64            `json:"attempts"`           // tries that reached the dependency
	Retries        uint64            `json:"retries"`            // of these, second and later tries of a call
	Hedges         uint64            `json:"hedges"`             // of these, second copies of a try that took long
	Failures       map[string]uint64 `json:"failures,omitempty"` // calls that failed, by error class; what is neutral (not found, canceled) or Rejected is not in it
	Rejected       Rejected          `json:"rejected"`           // calls that failed because they were refused
	BudgetSpent    uint64            `json:"budget_spent"`       // calls that failed for want of a retry that the budget refused
	BreakerChanges uint64            `json:"breaker_changes"`    // changes of the breaker's state
}

// Rejected counts calls that a protection refused.
type Rejected struct {
	Breaker  uint64 `json:"breaker"`
	Bulkhead uint64 `json:"bulkhead"`
}

// NewRecorder returns a recorder whose counts are zero.
func NewRecorder() *Recorder { return new(Recorder) }

// Observe counts one event; it is what a guard takes as its observer. For a
// success it costs a look-up and one or two atomic additions.
func (r *Recorder) Observe(e resilience.Event) {
	c := r.counters(e.Policy)
	switch e.Kind {
	case resilience.AttemptEvent:
		c.attempts.Add(1)
		if e.Attempt > 1 {
			c.retries.Add(1)
		}
	case resilience.HedgeEvent:
		c.attempts.Add(1)
		c.hedges.Add(1)
	case resilience.CallEvent:
		c.calls.Add(1)
		if e.Err != nil && e.Class != resilience.Neutral {
			c.fail(e.Err)
		}
	case resilience.BreakerEvent:
		c.changes.Add(1)
	}
}

func (r *Recorder) counters(policy string) *counters {
	if c, ok := r.policies.Load(policy); ok {
		return c.(*counters)
	}
	c, _ := r.policies.LoadOrStore(policy, &counters{failures: map[string]uint64{}})
	return c.(*counters)
}

func (c *counters) fail(err error) {
	if errors.Is(err, resilience.ErrBudget) {
		c.budget.Add(1)
	}
	switch {
	case errors.Is(err, resilience.ErrOpen):
		c.broken.Add(1)
	case errors.Is(err, resilience.ErrFull):
		c.full.Add(1)
	default:
		class := resilience.ErrClass(err)
		c.mu.Lock()
		defer c.mu.Unlock()
		if _, known := c.failures[class]; !known && len(c.failures) >= maxClasses {
			class = "other"
		}
		c.failures[class]++
	}
}

// Policies returns the counts of every policy that was observed, sorted by
// name. Each number is exact; numbers that change meanwhile may be a call apart.
func (r *Recorder) Policies() []PolicyStats {
	var all []PolicyStats
	r.policies.Range(func(name, value any) bool {
		c := value.(*counters)
		c.mu.Lock()
		failures := maps.Clone(c.failures)
		c.mu.Unlock()
		all = append(all, PolicyStats{
			Name:           name.(string),
			Calls:          c.calls.Load(),
			Attempts:       c.attempts.Load(),
			Retries:        c.retries.Load(),
			Hedges:         c.hedges.Load(),
			Failures:       failures,
			Rejected:       Rejected{Breaker: c.broken.Load(), Bulkhead: c.full.Load()},
			BudgetSpent:    c.budget.Load(),
			BreakerChanges: c.changes.Load(),
		})
		return true
	})
	slices.SortFunc(all, func(a, b PolicyStats) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
