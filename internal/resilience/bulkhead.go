package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Bulkhead: how many callers may wait on one dependency?
//
// Problem: when a dependency slows down, calls to it pile up until they hold
// every connection, goroutine and megabyte, and parts that don't need it drown
// as well. Mechanism: a fixed number of places, each held for the length of a
// call; whoever finds none waits a little or is refused. It hurts when the
// limit is set from an average: a healthy burst is then refused. By Little's
// law, places needed = calls a second × seconds a call. Lesson 8 shows it.

// ErrFull says that the bulkhead refused the call; the dependency wasn't asked.
var ErrFull = errors.New("bulkhead full")

// BulkheadPolicy bounds the calls in flight. The zero value is no bound.
type BulkheadPolicy struct {
	Limit int           // calls in flight at once
	Wait  time.Duration // how long a caller may queue for a place; 0 is not at all
}

// A Bulkhead is safe for concurrent use. A nil *Bulkhead admits everybody.
type Bulkhead struct {
	policy  BulkheadPolicy
	places  chan struct{}
	release func()
}

// NewBulkhead makes an empty bulkhead, and a nil one of the zero policy.
func NewBulkhead(p BulkheadPolicy) (*Bulkhead, error) {
	if p == (BulkheadPolicy{}) {
		return nil, nil
	}
	var bad problems
	bad.when(p.Limit < 1, "Bulkhead: Limit %d must be at least 1, or every call is refused; remove Wait as well for no bulkhead", p.Limit)
	bad.when(p.Wait < 0, "Bulkhead: Wait %v can't be negative; 0 means that callers don't queue", p.Wait)
	if err := bad.err(); err != nil {
		return nil, err
	}
	places := make(chan struct{}, p.Limit)
	return &Bulkhead{policy: p, places: places, release: func() { <-places }}, nil
}

// Acquire takes a place, after waiting for one as long as the policy and ctx
// allow, or returns ErrFull or ctx's error. The caller calls release exactly
// once when its call has ended, best in a defer: a place lost to a panic never
// comes back.
func (b *Bulkhead) Acquire(ctx context.Context) (release func(), err error) {
	release, err = b.TryAcquire()
	if err == nil || b.policy.Wait == 0 {
		return release, err
	}
	timer := time.NewTimer(b.policy.Wait)
	defer timer.Stop()
	select {
	case b.places <- struct{}{}:
		return b.release, nil
	case <-timer.C:
		return nil, fmt.Errorf("%w: %d calls in flight, and no place within %v", ErrFull, b.policy.Limit, b.policy.Wait)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TryAcquire is Acquire without waiting, whatever the policy.
func (b *Bulkhead) TryAcquire() (release func(), err error) {
	if b == nil {
		return func() {}, nil
	}
	select {
	case b.places <- struct{}{}:
		return b.release, nil
	default:
		return nil, fmt.Errorf("%w: %d calls in flight", ErrFull, b.policy.Limit)
	}
}
