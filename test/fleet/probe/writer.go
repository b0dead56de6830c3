package main

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// writer writes to the Redis that the sentinels name, and notes the longest time without an answer.
type writer struct {
	client *redis.Client

	mu      sync.Mutex
	last    time.Time     // answered write
	longest time.Duration // between two of them, since the last report
}

// newWriterClient is a client that, like the blog's, doesn't wait for what doesn't answer and tries nothing twice.
func newWriterClient(o *redis.FailoverOptions) *redis.Client {
	fast := *o
	fast.DialTimeout, fast.ReadTimeout, fast.WriteTimeout = patience, patience, patience
	fast.ContextTimeoutEnabled = true
	fast.MaxRetries, fast.DialerRetries = -1, 1
	return redis.NewFailoverClient(&fast)
}

func (w *writer) run(ctx context.Context) {
	for tick := time.NewTicker(writeEvery); ; {
		trying, cancel := context.WithTimeout(ctx, patience)
		err := w.client.Set(trying, "afloat:fleet-test", 1, time.Minute).Err()
		cancel()
		if err == nil {
			w.answered(time.Now())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *writer) answered(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.last.IsZero() {
		w.longest = max(w.longest, at.Sub(w.last))
	}
	w.last = at
}

// report tells now, the last answered write and the longest gap since the last report; one that lasts counts too.
func (w *writer) report() (now, last time.Time, gap time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, gap = time.Now(), w.longest
	if !w.last.IsZero() {
		gap = max(gap, now.Sub(w.last))
	}
	w.longest = 0
	return now, w.last, gap
}
