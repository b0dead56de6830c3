package resilience

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Retry: try again?
//
// Problem: a connection that was reset, or a server that restarts, fails one
// call and would have answered the next. Mechanism: a few tries, for transient
// errors only, each after a wait (backoff.go), as long as the caller has time
// and the budget has tokens (budget.go). It hurts in layers: three tries in
// each of five layers are 243 calls at the bottom, so retry in one layer. And
// it hurts what isn't idempotent: a lost answer is not a lost write. Lessons 4
// and 7 show it.

// RetryPolicy bounds one call's tries. The zero value is a single try.
type RetryPolicy struct {
	Attempts int // tries in all, the first included; 0 and 1 mean no retry
	Backoff  Backoff
}

func (p RetryPolicy) check(bad *problems) {
	bad.when(p.Attempts < 0, "Retry: Attempts %d can't be negative; 1 means a single try", p.Attempts)
	p.Backoff.check(bad)
}

// Retry runs call until it succeeds, fails with an error that classify doesn't
// hold Transient, or the tries, the time or the budget run out. It returns the
// last try's answer and error, and the number of tries. If the budget was
// empty, the error is also ErrBudget.
//
// Retry never sleeps past ctx's deadline: where the wait doesn't fit it fails
// at once, for the caller can use what time is left.
func Retry[T any](ctx context.Context, p RetryPolicy, budget *Budget, classify Classifier, call func(context.Context) (T, error)) (v T, attempts int, err error) {
	budget.Deposit()
	wait := p.Backoff.Base
	for attempts = 1; ; attempts++ {
		v, err = call(ctx)
		if err == nil || attempts >= p.Attempts || ctx.Err() != nil || classify(err) != Transient {
			return v, attempts, err
		}
		wait = p.Backoff.Delay(attempts, wait, rand.Float64())
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return v, attempts, err
		}
		// Last of the conditions: a token is spent only on a retry that follows.
		if !budget.Withdraw() {
			return v, attempts, fmt.Errorf("%w (not tried again: %w)", err, ErrBudget)
		}
		if sleep(ctx, wait) != nil {
			return v, attempts, err
		}
	}
}

// sleep waits for d, or returns ctx's error as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
