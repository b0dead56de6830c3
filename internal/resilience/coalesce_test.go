package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

func TestCoalesceMakesOneCallForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c resilience.Coalescer[string]
		var calls, sharers atomic.Int64
		read := func(context.Context) (string, error) {
			calls.Add(1)
			time.Sleep(100 * ms)
			return "post", nil
		}
		var readers sync.WaitGroup
		for range 200 {
			readers.Go(func() {
				v, shared, err := c.Do(t.Context(), "slug", read)
				if v != "post" || err != nil {
					t.Errorf("got %q, %v", v, err)
				}
				if shared {
					sharers.Add(1)
				}
			})
		}
		readers.Wait()
		if calls.Load() != 1 || sharers.Load() != 199 {
			t.Errorf("%d calls and %d sharers, want 1 and 199", calls.Load(), sharers.Load())
		}
		if _, shared, _ := c.Do(t.Context(), "slug", read); shared || calls.Load() != 2 {
			t.Error("a call that has ended was shared")
		}
	})
}

func TestCoalesceKeepsKeysApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c resilience.Coalescer[string]
		var readers sync.WaitGroup
		for _, key := range []string{"a", "b"} {
			readers.Go(func() {
				v, _, _ := c.Do(t.Context(), key, func(context.Context) (string, error) {
					time.Sleep(time.Second)
					return key, nil
				})
				if v != key {
					t.Errorf("asked for %s, got %s", key, v)
				}
			})
		}
		readers.Wait()
	})
}

func TestCoalesceOneImpatientReaderLeavesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c resilience.Coalescer[string]
		type trace struct{}
		read := func(ctx context.Context) (string, error) {
			time.Sleep(time.Second)
			if ctx.Value(trace{}) != "first" {
				t.Error("the first caller's values are lost")
			}
			return "post", ctx.Err()
		}
		impatient, cancel := context.WithTimeout(context.WithValue(t.Context(), trace{}, "first"), 10*ms)
		defer cancel()
		var readers sync.WaitGroup
		readers.Go(func() {
			if _, _, err := c.Do(impatient, "slug", read); err != context.DeadlineExceeded {
				t.Errorf("the impatient reader got %v", err)
			}
		})
		time.Sleep(5 * ms)
		if v, shared, err := c.Do(t.Context(), "slug", read); v != "post" || !shared || err != nil {
			t.Errorf("the patient reader got %q, %v, %v", v, shared, err)
		}
		readers.Wait()
	})
}

func TestCoalescePanicsAndExitsReachEveryCaller(t *testing.T) {
	for name, end := range map[string]func(){
		"panic": func() { panic("bug") },
		"exit":  runtime.Goexit,
	} {
		synctest.Test(t, func(t *testing.T) {
			var c resilience.Coalescer[string]
			var readers sync.WaitGroup
			for range 3 {
				readers.Go(func() {
					_, _, err := c.Do(t.Context(), "slug", func(context.Context) (string, error) {
						time.Sleep(time.Second)
						end()
						return "post", nil
					})
					if _, ok := errors.AsType[*resilience.PanicError](err); err == nil || ok != (name == "panic") {
						t.Errorf("%s: got %v", name, err)
					}
				})
			}
			readers.Wait()
			if v, _, err := c.Do(t.Context(), "slug", succeed); v != "post" || err != nil {
				t.Errorf("%s: the key is stuck: %v", name, err)
			}
		})
	}
}

func TestCoalesceForgetAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c resilience.Coalescer[string]
		var ended atomic.Int64
		slow := func(d time.Duration) func(context.Context) (string, error) {
			return func(context.Context) (string, error) {
				time.Sleep(d)
				ended.Add(1)
				return "", nil
			}
		}
		left, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, _ = c.Do(left, "slug", slow(time.Second))
		c.Forget("slug")
		if _, shared, _ := c.Do(left, "slug", slow(2*time.Second)); shared {
			t.Error("shared a forgotten call")
		}
		time.Sleep(1500 * ms) // the forgotten one has ended
		if _, shared, _ := c.Do(left, "slug", slow(time.Hour)); !shared {
			t.Error("the end of a forgotten call took its follower with it")
		}
		c.Wait()
		if ended.Load() != 2 {
			t.Errorf("Wait returned after %d of 2 calls", ended.Load())
		}
	})
}

func ExampleCoalescer() {
	var posts resilience.Coalescer[string]
	var queries atomic.Int64
	read := func(context.Context) (string, error) {
		queries.Add(1)
		time.Sleep(50 * time.Millisecond)
		return "the post", nil
	}
	var readers sync.WaitGroup
	for range 100 {
		readers.Go(func() { _, _, _ = posts.Do(context.Background(), "slug", read) })
	}
	readers.Wait()
	fmt.Println(queries.Load(), "query for 100 readers")
	// Output: 1 query for 100 readers
}
