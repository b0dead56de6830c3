package resilience

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// attempt is one try, or the second copy of one: the breaker around the deadline
// around the call.
func attempt[T any](ctx context.Context, g *Guard, attempts *atomic.Int32, second bool, call func(context.Context) (T, error)) (v T, err error) {
	if err := ctx.Err(); err != nil {
		return v, err // no time left to ask: the dependency isn't to blame
	}
	limit, kind := g.policy.AttemptDeadline, AttemptEvent
	if second {
		release, err := g.bulkhead.TryAcquire()
		if err != nil {
			return v, err
		}
		defer release()
		kind = HedgeEvent
		if limit > 0 {
			limit -= g.policy.Hedge.After // it ends when the first copy does: a hedge makes no attempt longer
		}
	}
	done, err := g.breaker.Allow()
	if err != nil {
		return v, err
	}
	outcome := Ignored // unless the call returns: a panic says nothing of the dependency
	defer func() { done(outcome) }()

	number, start := int(attempts.Add(1)), time.Now()
	v, err = Deadline(ctx, limit, call)
	class := g.class(ctx, err)
	switch {
	case err == nil:
		outcome = Succeeded
	case class != Neutral:
		outcome = Failed
	}
	g.observe(Event{Policy: g.policy.Name, Kind: kind, Err: err, Class: class, Took: time.Since(start), Attempt: number})
	return v, err
}

// class is Neutral, whatever the error, once the caller has gone away: drivers
// report that in many ways, and none is the dependency's fault. A caller's own
// deadline is no excuse: that the dependency was too slow for it is a fact.
func (g *Guard) class(ctx context.Context, err error) Class {
	if err == nil || errors.Is(ctx.Err(), context.Canceled) {
		return Neutral
	}
	return g.classify(err)
}

// isolate is Isolate where that is on. A panic that comes from a hedge's second
// copy was caught there, and its own stack is the one to keep.
func isolate[T any](on bool, call func() (T, error)) (T, error) {
	if !on {
		return call()
	}
	v, err := Isolate(call)
	if p := (*PanicError)(nil); errors.As(err, &p) {
		if first, ok := p.Value.(*PanicError); ok {
			err = first
		}
	}
	return v, err
}
