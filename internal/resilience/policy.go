package resilience

import "time"

// Policy is what protects the calls to one dependency. Every protection whose
// value is zero is off, so the zero Policy is a plain call.
type Policy struct {
	Name            string        // as it appears in logs, metrics and the X-ray, e.g. "post reads"
	Deadline        time.Duration // for the whole call: queueing, all attempts and the waits between
	AttemptDeadline time.Duration // for one attempt
	Retry           RetryPolicy
	Budget          BudgetPolicy
	Breaker         BreakerPolicy
	Bulkhead        BulkheadPolicy
	Hedge           HedgePolicy
	Isolate         bool // make a panic an error; off, it goes on to the caller
	Idempotent      bool // a second try is harmless; more than one attempt, and a hedge, need it
}

// check lists what is wrong with the fields that belong to no one pattern.
func (p Policy) check() error {
	var bad problems
	bad.when(p.Deadline < 0, "Deadline %v can't be negative; 0 means none", p.Deadline)
	bad.when(p.AttemptDeadline < 0, "AttemptDeadline %v can't be negative; 0 means none", p.AttemptDeadline)
	bad.when(p.Deadline > 0 && p.AttemptDeadline > p.Deadline, "AttemptDeadline %v never ends before Deadline %v; lower it, or set it to 0", p.AttemptDeadline, p.Deadline)
	bad.when(p.Retry.Attempts > 1 && !p.Idempotent, "Retry: %d attempts of a call that isn't Idempotent may do its work twice; give it an idempotency key, or a single attempt", p.Retry.Attempts)
	bad.when(p.Hedge.After > 0 && !p.Idempotent, "Hedge: a second copy of a call that isn't Idempotent may do its work twice; give it an idempotency key, or no hedge")
	bad.when(p.Hedge.After > 0 && p.limit() > 0 && p.Hedge.After >= p.limit(), "Hedge: After %v is not within the %v that an attempt may take, so no second copy is ever sent", p.Hedge.After, p.limit())
	p.Hedge.check(&bad)
	p.Retry.check(&bad)
	return bad.err()
}

// limit is the longest that one attempt can take; 0 is no limit.
func (p Policy) limit() time.Duration {
	if p.AttemptDeadline > 0 {
		return p.AttemptDeadline
	}
	return p.Deadline
}

// Policy is the guard's policy, as it was given to NewGuard.
func (g *Guard) Policy() Policy { return g.policy }

// State is the breaker's state, and "" where the policy has none.
func (g *Guard) State() BreakerState { return g.breaker.State() }

// Closed reports whether calls pass freely: there is no breaker, or it is closed.
func (g *Guard) Closed() bool {
	state := g.State()
	return state == Closed || state == ""
}

// Tokens is the number of retries that the budget would pay for now; 0 where
// the policy has no budget.
func (g *Guard) Tokens() float64 { return g.budget.Tokens() }

// InFlight is the number of calls begun and not ended, those in a queue included.
func (g *Guard) InFlight() int { return int(g.inFlight.Load()) }

// EventKind says what an Event tells of.
type EventKind string

const (
	AttemptEvent EventKind = "attempt" // one try at the dependency has ended
	HedgeEvent   EventKind = "hedge"   // the same of one that was the second copy of another
	CallEvent    EventKind = "call"    // a guarded call has ended; refused ones too
	BreakerEvent EventKind = "breaker" // the breaker has changed its state
)

// Event is what a guard tells its observer. An attempt that panics makes no
// AttemptEvent or HedgeEvent, and no CallEvent unless the panic is isolated.
type Event struct {
	Policy   string // the policy's name
	Kind     EventKind
	Err      error         // of the attempt or call; nil when it succeeded
	Class    Class         // of Err; Neutral when that is nil
	Took     time.Duration // by the attempt or the call
	Attempt  int           // the attempt's number from 1; of a call, the number of attempts made
	From, To BreakerState  // of a BreakerEvent
}

// Report is what one guarded call took, whether it succeeded or not.
type Report struct {
	Attempts int           // attempts that reached the dependency, second copies included; 0 when all were refused
	Took     time.Duration // from start to end, queueing included
	Breaker  BreakerState  // after the call; "" when the policy has none
}
