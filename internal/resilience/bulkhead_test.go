package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

func TestBulkheadBoundsCallsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBulkhead(resilience.BulkheadPolicy{Limit: 3, Wait: 2 * time.Second}))
		var now, most, refused atomic.Int64
		var callers sync.WaitGroup
		for range 12 {
			callers.Go(func() {
				release, err := b.Acquire(t.Context())
				if errors.Is(err, resilience.ErrFull) {
					refused.Add(1)
					return
				}
				defer release()
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(1500 * ms)
				now.Add(-1)
			})
		}
		callers.Wait()
		// Three at once, three more after 1.5 s, and the rest have waited 2 s in vain.
		if most.Load() != 3 || refused.Load() != 6 {
			t.Errorf("%d at once and %d refused, want 3 and 6", most.Load(), refused.Load())
		}
	})
}

func TestBulkheadWithoutAQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBulkhead(resilience.BulkheadPolicy{Limit: 1}))
		release := must(b.Acquire(t.Context()))
		start := time.Now()
		if _, err := b.Acquire(t.Context()); !errors.Is(err, resilience.ErrFull) || time.Since(start) != 0 {
			t.Errorf("got %v after %v, want ErrFull at once", err, time.Since(start))
		}
		release()
		if _, err := b.Acquire(t.Context()); err != nil {
			t.Errorf("the place didn't come back: %v", err)
		}
	})
}

func TestBulkheadQueueEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBulkhead(resilience.BulkheadPolicy{Limit: 1, Wait: time.Minute}))
		must(b.Acquire(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := b.Acquire(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v, want the caller's own error", err)
		}
	})
}

func TestBulkheadOff(t *testing.T) {
	b, err := resilience.NewBulkhead(resilience.BulkheadPolicy{})
	if err != nil || b != nil {
		t.Fatalf("got %v, %v; want no bulkhead", b, err)
	}
	for range 1000 {
		must(b.Acquire(t.Context()))
	}
}

func TestBulkheadRefusesNonsense(t *testing.T) {
	_, err := resilience.NewBulkhead(resilience.BulkheadPolicy{Wait: -1})
	if err == nil || !strings.Contains(err.Error(), "Limit 0") || !strings.Contains(err.Error(), "Wait -1ns") {
		t.Errorf("got %v; want both problems named", err)
	}
}

func ExampleBulkhead() {
	comments := must(resilience.NewBulkhead(resilience.BulkheadPolicy{Limit: 2}))
	for reader := 1; reader <= 3; reader++ {
		release, err := comments.Acquire(context.Background())
		if err != nil {
			fmt.Println("reader", reader, "sees no comments:", err)
			continue
		}
		defer release() // the first two hold on to their place: comments are slow today
		fmt.Println("reader", reader, "waits for comments")
	}
	// Output:
	// reader 1 waits for comments
	// reader 2 waits for comments
	// reader 3 sees no comments: bulkhead full: 2 calls in flight
}
