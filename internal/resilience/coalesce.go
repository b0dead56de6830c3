package resilience

import (
	"context"
	"errors"
	"sync"
)

// Coalesce: what if everyone misses at once?
//
// Problem: a popular copy expires, and every reader of that moment asks the
// database for the same row (a stampede). Mechanism: the first asks, the others
// wait for the same answer (single flight; Facebook's memcache does it with
// leases, and cut its peak from 17,000 queries a second to 1,300). It hurts in
// that waiters share one failure, one slowness and one value: never coalesce
// what depends on who asks. Lesson 10 shows it.

// A Coalescer lets callers with the same key share one call in flight. Its zero
// value is ready. It is safe for concurrent use and must not be copied.
type Coalescer[T any] struct {
	mu      sync.Mutex
	flights map[string]*flight[T]
	running sync.WaitGroup
}

type flight[T any] struct {
	done chan struct{} // closed when v and err are final
	v    T
	err  error
}

// Do returns the answer of the call in flight for key, or makes the call.
// Shared tells that another caller had made it.
//
// The call runs in a goroutine of its own and keeps ctx's values but neither
// its end nor its deadline: one impatient reader mustn't fail the others, who
// each leave when their own ctx ends. So call needs a deadline of its own.
// A panic in it becomes a *PanicError for every caller.
func (c *Coalescer[T]) Do(ctx context.Context, key string, call func(context.Context) (T, error)) (v T, shared bool, err error) {
	f, shared := c.join(ctx, key, call)
	select {
	case <-f.done:
		return f.v, shared, f.err
	case <-ctx.Done():
		return v, shared, ctx.Err()
	}
}

// Forget lets the next caller of key make a call of its own, even if one is in
// flight: what that one brings may be outdated.
func (c *Coalescer[T]) Forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.flights, key)
}

// Wait returns when the calls in flight have ended. Call it at shutdown, when
// no new ones come.
func (c *Coalescer[T]) Wait() { c.running.Wait() }

// join finds or starts the flight for key, without waiting for it.
func (c *Coalescer[T]) join(ctx context.Context, key string, call func(context.Context) (T, error)) (f *flight[T], shared bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, shared = c.flights[key]; shared {
		return f, shared
	}
	if c.flights == nil {
		c.flights = make(map[string]*flight[T])
	}
	// The error stands if the call ends its goroutine instead of returning.
	f = &flight[T]{done: make(chan struct{}), err: errors.New("the shared call ended without an answer")}
	c.flights[key] = f
	c.running.Go(func() {
		defer close(f.done)
		defer c.land(key, f)
		f.v, f.err = Isolate(func() (T, error) { return call(context.WithoutCancel(ctx)) })
	})
	return f, false
}

func (c *Coalescer[T]) land(key string, f *flight[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.flights[key] == f { // not forgotten, nor followed by another
		delete(c.flights, key)
	}
}
