package resilience

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
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
	hedges   *Budget      // for second copies
	inFlight atomic.Int64 // calls
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
	g.hedges, _ = NewBudget(p.Hedge.budget()) // what is wrong with it is in p.check
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
//   - hedge is one attempt made of two copies: retry sees one outcome, while the
//     breaker admits and judges each copy, and the bulkhead has a place of its own
//     for the second. That one never queues: a full bulkhead or an open breaker is
//     no time to ask twice;
//   - the breaker is inside: what it refuses costs a place and a moment, no more;
//   - the attempt's deadline is innermost: an attempt cut short is a failure
//     that the breaker counts, and that leaves time for another.
func Call[T any](ctx context.Context, g *Guard, call func(context.Context) (T, error)) (T, Report, error) {
	start := time.Now()
	g.inFlight.Add(1)
	defer g.inFlight.Add(-1)
	var attempts atomic.Int32
	try := func(ctx context.Context, second bool) (T, error) { return attempt(ctx, g, &attempts, second, call) }
	v, err := isolate(g.policy.Isolate, func() (T, error) {
		return Deadline(ctx, g.policy.Deadline, func(ctx context.Context) (v T, err error) {
			release, err := g.bulkhead.Acquire(ctx)
			if err != nil {
				return v, err
			}
			defer release()
			v, _, err = Retry(ctx, g.policy.Retry, g.budget, g.classify, func(ctx context.Context) (T, error) {
				return Hedge(ctx, g.policy.Hedge, g.hedges, g.classify, try)
			})
			return v, err
		})
	})
	r := Report{Attempts: int(attempts.Load()), Took: time.Since(start), Breaker: g.State()}
	g.observe(Event{Policy: g.policy.Name, Kind: CallEvent, Err: err, Class: g.class(ctx, err), Took: r.Took, Attempt: r.Attempts})
	return v, r, err
}
