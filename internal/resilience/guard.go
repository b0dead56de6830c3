package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Guard applies one Policy to the calls to one dependency. It is safe for
// concurrent use.
type Guard struct {
	policy   Policy
	classify Classifier
	observe  func(Event)
	budget   *Budget
	breaker  *Breaker
	bulkhead *Bulkhead
}

// NewGuard makes a guard, or lists all that is wrong with p. A nil classify is
// DefaultClassifier. Observe may be nil; it is called in the caller's goroutine,
// by several at once, and must not block.
func NewGuard(p Policy, classify Classifier, observe func(Event)) (*Guard, error) {
	if classify == nil {
		classify = DefaultClassifier
	}
	if observe == nil {
		observe = func(Event) {}
	}
	g := &Guard{policy: p, classify: classify, observe: observe}
	var budget, breaker, bulkhead error
	g.budget, budget = NewBudget(p.Budget)
	g.breaker, breaker = NewBreaker(p.Breaker, func(from, to BreakerState) {
		observe(Event{Policy: p.Name, Kind: BreakerEvent, From: from, To: to})
	})
	g.bulkhead, bulkhead = NewBulkhead(p.Bulkhead)
	if err := errors.Join(p.check(), budget, breaker, bulkhead); err != nil {
		return nil, fmt.Errorf("policy %q: %w", p.Name, err)
	}
	return g, nil
}

// Call runs call under g's policy. The protections stand one inside the other,
// and the order matters:
//
//   - isolate is outermost: a panic passes all the others on its way, so that
//     each frees what it holds, and no layer mistakes it for an answer;
//   - the deadline covers everything that makes a reader wait: the queue, all
//     attempts and the pauses between them;
//   - the bulkhead takes one place a call, not one an attempt: a call that waits
//     to try again is work in progress all the same;
//   - retry, with its budget, is outside the breaker, so that the breaker sees
//     each attempt and refuses the next as soon as it opens;
//   - the breaker is inside: what it refuses costs a place and a moment, no more;
//   - the attempt's deadline is innermost: an attempt cut short is a failure
//     that the breaker counts, and that leaves time for another.
func Call[T any](ctx context.Context, g *Guard, call func(context.Context) (T, error)) (T, Report, error) {
	start, attempts := time.Now(), 0
	v, err := isolate(g.policy.Isolate, func() (T, error) {
		return Deadline(ctx, g.policy.Deadline, func(ctx context.Context) (v T, err error) {
			release, err := g.bulkhead.Acquire(ctx)
			if err != nil {
				return v, err
			}
			defer release()
			v, _, err = Retry(ctx, g.policy.Retry, g.budget, g.classify, func(ctx context.Context) (T, error) {
				return attempt(ctx, g, &attempts, call)
			})
			return v, err
		})
	})
	r := Report{Attempts: attempts, Took: time.Since(start), Breaker: g.State()}
	g.observe(Event{Policy: g.policy.Name, Kind: CallEvent, Err: err, Class: g.class(ctx, err), Took: r.Took, Attempt: attempts})
	return v, r, err
}

// attempt is one try: the breaker around the deadline around the call.
func attempt[T any](ctx context.Context, g *Guard, attempts *int, call func(context.Context) (T, error)) (v T, err error) {
	if err := ctx.Err(); err != nil {
		return v, err // no time left to ask: the dependency isn't to blame
	}
	done, err := g.breaker.Allow()
	if err != nil {
		return v, err
	}
	outcome := Ignored // unless the call returns: a panic says nothing of the dependency
	defer func() { done(outcome) }()

	*attempts++
	number, start := *attempts, time.Now()
	v, err = Deadline(ctx, g.policy.AttemptDeadline, call)
	class := g.class(ctx, err)
	switch {
	case err == nil:
		outcome = Succeeded
	case class != Neutral:
		outcome = Failed
	}
	g.observe(Event{Policy: g.policy.Name, Kind: AttemptEvent, Err: err, Class: class, Took: time.Since(start), Attempt: number})
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

func isolate[T any](on bool, call func() (T, error)) (T, error) {
	if on {
		return Isolate(call)
	}
	return call()
}
