package resilience

import (
	"sync"
	"time"
)

// Circuit breaker: when do I stop calling?
//
// Problem: calls to a dependency that is down still cost their full deadline,
// and hold it down. Mechanism: when too many calls of a sliding window fail, the
// breaker opens and refuses them at once; after a while it is half-open and
// admits a few probes, whose success closes it. It hurts when one shard of three
// fails and the breaker makes it three: give each its own. Lesson 8 shows it.

// A Breaker is safe for concurrent use. A nil *Breaker allows everything.
type Breaker struct {
	policy   BreakerPolicy
	onChange func(from, to BreakerState)

	mu              sync.Mutex
	state, reported BreakerState
	generation      int // of calls: a change of state begins another
	opened          time.Time
	recent          window
	inFlight        int // calls of this generation
	proven          int // probes that succeeded
}

// NewBreaker makes a closed breaker, and a nil one of the zero policy. onChange
// may be nil; it is told of each change, outside the breaker's lock and after it.
func NewBreaker(p BreakerPolicy, onChange func(from, to BreakerState)) (*Breaker, error) {
	if p == (BreakerPolicy{}) {
		return nil, nil
	}
	var bad problems
	if p.check(&bad); bad != nil {
		return nil, bad.err()
	}
	return &Breaker{policy: p, onChange: onChange, state: Closed, reported: Closed, recent: newWindow(p.Window)}, nil
}

// Allow admits a call, or returns ErrOpen. Call done exactly once, after a panic
// too, and give the call a deadline: a permit that never comes back keeps a
// half-open breaker from closing.
func (b *Breaker) Allow() (done func(Outcome), err error) {
	if b == nil {
		return func(Outcome) {}, nil
	}
	b.mu.Lock()
	defer b.unlock()
	b.become(b.current())
	if b.state == Open || b.state == HalfOpen && b.inFlight == b.policy.Probes {
		return nil, ErrOpen
	}
	b.inFlight++
	generation := b.generation
	return func(o Outcome) { b.done(generation, o) }, nil
}

// done counts an outcome, unless the breaker has changed since the call began: a
// call sent before the outage says nothing about the probes after it.
func (b *Breaker) done(generation int, o Outcome) {
	b.mu.Lock()
	defer b.unlock()
	if generation != b.generation {
		return
	}
	b.inFlight--
	switch {
	case b.state == HalfOpen && o == Failed:
		b.become(Open)
	case b.state == HalfOpen && o == Succeeded:
		if b.proven++; b.proven == b.policy.Probes {
			b.become(Closed)
		}
	case b.state == Closed && o != Ignored:
		b.recent.add(o == Failed)
		calls, failures := b.recent.count()
		if o == Failed && calls >= b.policy.MinCalls && float64(failures) >= b.policy.FailureRatio*float64(calls) {
			b.become(Open)
		}
	}
}

// State is "" for a nil Breaker. One that has been open for long enough is
// half-open, whether or not a call has come yet.
func (b *Breaker) State() BreakerState {
	if b == nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.current()
}

func (b *Breaker) current() BreakerState {
	if b.state == Open && time.Since(b.opened) >= b.policy.OpenFor {
		return HalfOpen
	}
	return b.state
}

func (b *Breaker) become(s BreakerState) {
	if s != b.state {
		b.state, b.opened, b.recent = s, time.Now(), newWindow(b.policy.Window)
		b.generation, b.inFlight, b.proven = b.generation+1, 0, 0
	}
}

// unlock tells of a change only once the lock is free, so that onChange may
// ask the breaker's state.
func (b *Breaker) unlock() {
	from, to := b.reported, b.state
	b.reported = to
	b.mu.Unlock()
	if from != to && b.onChange != nil {
		b.onChange(from, to)
	}
}
