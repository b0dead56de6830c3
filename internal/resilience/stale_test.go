package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"afloat/internal/resilience"
)

// keeper is the smallest Keeper: it never evicts.
type keeper[T any] struct{ copies sync.Map }

func (k *keeper[T]) Get(key string) (*resilience.Kept[T], bool) {
	v, ok := k.copies.Load(key)
	if !ok {
		return nil, false
	}
	return v.(*resilience.Kept[T]), true
}
func (k *keeper[T]) Set(key string, v *resilience.Kept[T]) { k.copies.Store(key, v) }
func (k *keeper[T]) Delete(key string)                     { k.copies.Delete(key) }

type post struct {
	title   string
	version int
}

// blog is a cache of one post and the source it comes from.
type blog struct {
	*resilience.Cache[post]
	closed, current bool
	fetches         atomic.Int64
	source          resilience.Fetch[post]
}

var stalePolicy = resilience.StalePolicy{
	Fresh: 1 * time.Second, Behind: 9 * time.Second, Keep: time.Hour,
	Patience: 50 * ms, Pause: 500 * ms, Coalesce: true,
}

func newBlog(t testing.TB, p resilience.StalePolicy) *blog {
	t.Helper()
	b := &blog{closed: true, current: true}
	b.source = answers(post{"one", 1}, resilience.Fresh, nil)
	c, err := resilience.NewCache(resilience.CacheOptions[post]{
		Policy:   p,
		Keeper:   new(keeper[post]),
		Closed:   func() bool { return b.closed },
		Current:  func(post, resilience.Provenance) bool { return b.current },
		Newer:    func(a, b post) bool { return a.version >= b.version },
		NotFound: func(err error) bool { return errors.Is(err, errMissing) },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Cache = c
	return b
}

func (b *blog) fetch(ctx context.Context) (post, resilience.Provenance, error) {
	b.fetches.Add(1)
	return b.source(ctx)
}

func (b *blog) get(ctx context.Context) (post, resilience.Provenance, error) {
	return b.Get(ctx, "slug", b.fetch)
}

func (b *blog) peek(ctx context.Context) (post, resilience.Provenance, bool) {
	return b.Peek(ctx, "slug", b.fetch)
}

// answers is a source that answers, read just now, in the given state.
func answers(p post, state resilience.State, why error) resilience.Fetch[post] {
	return func(context.Context) (post, resilience.Provenance, error) {
		return p, resilience.Provenance{Source: resilience.FromPostgres, State: state, At: time.Now(), Attempts: 1, Err: why}, nil
	}
}

// fails is a source that is down.
func fails(err error) resilience.Fetch[post] {
	return func(context.Context) (post, resilience.Provenance, error) {
		return post{}, resilience.Provenance{Source: resilience.FromPostgres, Attempts: 3, Took: 212 * ms, Breaker: resilience.Open}, err
	}
}

// after answers as next does, but takes its time.
func after(d time.Duration, next resilience.Fetch[post]) resilience.Fetch[post] {
	return func(ctx context.Context) (post, resilience.Provenance, error) {
		time.Sleep(d)
		return next(ctx)
	}
}

// want checks an answer's title, source and state, and how many fetches there were.
func (b *blog) want(t *testing.T, p post, prov resilience.Provenance, title string, source resilience.Source, state resilience.State, fetches int64) {
	t.Helper()
	if p.title != title || prov.Source != source || prov.State != state || b.fetches.Load() != fetches {
		t.Errorf("got %q from %s, %s, after %d fetches (%v); want %q from %s, %s, after %d",
			p.title, prov.Source, prov.State, b.fetches.Load(), prov.Err, title, source, state, fetches)
	}
}

func TestCacheLifeOfACopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		start := time.Now()
		if _, _, ok := b.peek(t.Context()); ok {
			t.Error("Peek answered without a copy")
		}
		p, prov, err := b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromPostgres, resilience.Fresh, 1)
		if err != nil || prov.Attempts != 1 {
			t.Errorf("got %+v, %v; want the fetch's own provenance", prov, err)
		}

		time.Sleep(time.Second)
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Fresh, 1)
		if !prov.At.Equal(start) || prov.Attempts != 0 || prov.Err != nil {
			t.Errorf("a fresh copy says %+v", prov)
		}

		b.source = answers(post{"two", 2}, resilience.Fresh, nil)
		time.Sleep(8 * time.Second) // 9 s: served at once, refreshed behind the reader
		p, prov, _ = b.peek(t.Context())
		b.Wait() // the refresh comes too late for this answer
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Cached, 2)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Fresh, 2)

		b.source = after(10*ms, answers(post{"three", 3}, resilience.Fresh, nil))
		time.Sleep(11 * time.Second) // stale: worth a short wait
		if _, _, ok := b.peek(t.Context()); ok {
			t.Error("Peek answered with a stale copy of a healthy source")
		}
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "three", resilience.FromPostgres, resilience.Fresh, 3)
	})
}

func TestCacheStaleIfError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		start := time.Now()
		_, _, _ = b.get(t.Context())
		b.source = fails(errRefused)
		time.Sleep(time.Minute)

		p, prov, err := b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if err != nil || prov.Attempts != 3 || prov.Took != 212*ms || prov.Breaker != resilience.Open ||
			!errors.Is(prov.Err, errRefused) || !prov.At.Equal(start) {
			t.Errorf("got %+v, %v; want what the refresh met, and the copy's own instant", prov, err)
		}

		time.Sleep(499 * ms) // still in the Pause: no reader waits or asks
		p, prov, ok := b.peek(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if !ok || prov.Attempts != 3 {
			t.Errorf("in the Pause Peek says %+v, %v", prov, ok)
		}

		time.Sleep(1 * ms)
		_, _, _ = b.get(t.Context())
		if b.fetches.Load() != 3 {
			t.Errorf("%d fetches after the Pause, want 3", b.fetches.Load())
		}

		b.source = answers(post{"two", 2}, resilience.Fresh, nil)
		time.Sleep(500 * ms)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "two", resilience.FromPostgres, resilience.Fresh, 4)

		b.source = fails(errRefused)
		time.Sleep(time.Hour + 2*time.Second) // past Keep the copy is too old even for this
		_, prov, err = b.get(t.Context())
		if !errors.Is(err, errRefused) || prov.State != resilience.Missing || prov.Source != resilience.FromPlaceholder || prov.Attempts != 3 {
			t.Errorf("past Keep: %+v, %v", prov, err)
		}
	})
}

func TestCacheWithoutACopyReturnsTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		b.source = fails(errRefused)
		_, prov, err := b.get(t.Context())
		if !errors.Is(err, errRefused) || prov.State != resilience.Missing || !errors.Is(prov.Err, errRefused) || !prov.At.IsZero() {
			t.Errorf("got %+v, %v", prov, err)
		}
		b.source = after(time.Minute, b.source)
		ctx, cancel := context.WithTimeout(t.Context(), 300*ms)
		defer cancel()
		start := time.Now()
		_, prov, err = b.get(ctx)
		if err != context.DeadlineExceeded || time.Since(start) != 300*ms || prov.State != resilience.Missing {
			t.Errorf("after %v: %+v, %v; want to wait as long as the reader does", time.Since(start), prov, err)
		}
		b.Wait()
	})
}

func TestCachePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		b.source = after(time.Second, answers(post{"two", 2}, resilience.Fresh, nil))
		time.Sleep(time.Minute)
		start := time.Now()
		p, prov, err := b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if took := time.Since(start); took != 50*ms || err != nil || !errors.Is(prov.Err, resilience.ErrDeadline) {
			t.Errorf("after %v: %+v, %v", took, prov, err)
		}
		b.Wait() // the refresh goes on without the reader
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Fresh, 2)

		impatient := stalePolicy
		impatient.Patience = 0
		b = newBlog(t, impatient)
		_, _, _ = b.get(t.Context())
		time.Sleep(time.Minute)
		p, prov, err = b.get(t.Context())
		synctest.Wait() // the refresh has begun, behind the reader
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if !errors.Is(prov.Err, resilience.ErrUnconfirmed) {
			t.Errorf("without patience: %+v, %v", prov, err)
		}
		b.Wait()
	})
}

// lateKeeper has its copy from the third look on: another flight has landed since the reader looked.
type lateKeeper struct {
	keeper[post]
	looks atomic.Int64
}

func (k *lateKeeper) Get(key string) (*resilience.Kept[post], bool) {
	if k.looks.Add(1) <= 2 { // Get's own: whether to wait, and for how long
		return nil, false
	}
	return k.keeper.Get(key)
}

// TestWhoMissedJustBeforeALandingDoesNotAsk: a reader who found nothing, and comes to the flights when the one that
// brought it has landed, starts another; that one finds the copy.
func TestWhoMissedJustBeforeALandingDoesNotAsk(t *testing.T) {
	k := new(lateKeeper)
	c := must(resilience.NewCache(resilience.CacheOptions[post]{Policy: stalePolicy, Keeper: k}))
	k.looks.Store(2)
	c.Put("post", post{"one", 1}, resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now()})
	k.looks.Store(0)
	asked := false
	v, p, err := c.Get(t.Context(), "post", func(context.Context) (post, resilience.Provenance, error) {
		asked = true
		return post{}, resilience.Provenance{}, errors.New("nobody should ask")
	})
	if err != nil || asked || v.title != "one" {
		t.Errorf("got %v, %v, %v; asked: %v", v, p, err, asked)
	}
}

func TestCacheDoesNotWaitForASourceBelievedDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		b.closed = false
		b.source = after(time.Second, answers(post{"two", 2}, resilience.Fresh, nil))
		time.Sleep(time.Minute)
		p, prov, ok := b.peek(t.Context())
		synctest.Wait() // the breaker's probe has been sent, behind the reader
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if !ok {
			t.Error("Peek would wait for a source whose breaker is open")
		}
		b.Wait() // and answered
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Fresh, 2)
	})
}

func TestCacheCopyThatNobodyVouchesFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		b.current = false
		b.source = fails(errRefused)
		if _, _, ok := b.peek(t.Context()); ok {
			t.Error("Peek answered with a copy that isn't current")
		}
		p, prov, _ := b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		b.current = true
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Fresh, 2)

		b.current = false
		b.source = answers(post{"two", 2}, resilience.Cached, nil) // an answer, but not the last word
		time.Sleep(500 * ms)
		for range 2 { // the second within a Pause
			p, prov, _ = b.get(t.Context())
			b.want(t, p, prov, "two", resilience.FromMemory, resilience.Stale, 3)
			if !errors.Is(prov.Err, resilience.ErrUnconfirmed) {
				t.Errorf("got %v, want ErrUnconfirmed", prov.Err)
			}
		}
	})
}

func TestCacheLesserAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		written := time.Now()
		snapshot := func(context.Context) (post, resilience.Provenance, error) {
			return post{"snapshot", 1}, resilience.Provenance{
				Source: resilience.FromSnapshot, State: resilience.Fallback, At: written, Attempts: 3, Err: errRefused}, nil
		}
		time.Sleep(time.Hour)
		b.source = snapshot
		for range 3 { // kept, for there is no copy, and served as what it is
			p, prov, err := b.get(t.Context())
			b.want(t, p, prov, "snapshot", resilience.FromSnapshot, resilience.Fallback, 1)
			if err != nil || prov.Attempts != 3 || !errors.Is(prov.Err, errRefused) || !prov.At.Equal(written) {
				t.Errorf("got %+v, %v", prov, err)
			}
		}
		time.Sleep(500 * ms) // the Pause has ended
		p, prov, _ := b.get(t.Context())
		b.want(t, p, prov, "snapshot", resilience.FromSnapshot, resilience.Fallback, 2)

		b.source = answers(post{"one", 1}, resilience.Fresh, nil)
		time.Sleep(500 * ms)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromPostgres, resilience.Fresh, 3)

		b.source = snapshot // older than the copy: a failed refresh, no more
		time.Sleep(time.Minute)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 4)
		if prov.Attempts != 3 || !errors.Is(prov.Err, errRefused) {
			t.Errorf("got %+v; want what the refresh met", prov)
		}

		b.source = answers(post{"redis", 1}, resilience.Stale, errRefused) // younger than the copy
		time.Sleep(500 * ms)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "redis", resilience.FromPostgres, resilience.Stale, 5)

		b.source = answers(post{"one", 1}, resilience.Fresh, nil)
		time.Sleep(500 * ms)
		_, _, _ = b.get(t.Context())
		b.source = snapshot // older, but the copy is past Keep
		time.Sleep(2 * time.Hour)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "snapshot", resilience.FromSnapshot, resilience.Fallback, 7)
	})
}

func TestCachePutOfALesserAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		b.Put("slug", post{"snapshot", 1}, resilience.Provenance{
			Source: resilience.FromSnapshot, State: resilience.Fallback, At: time.Now(), Err: errRefused})
		b.closed = false // a server that starts amid an outage
		p, prov, _ := b.peek(t.Context())
		b.Wait() // the refresh comes too late for this answer
		b.want(t, p, prov, "snapshot", resilience.FromSnapshot, resilience.Fallback, 1)
		if !errors.Is(prov.Err, errRefused) {
			t.Errorf("got %v, want the reason given to Put", prov.Err)
		}
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Fresh, 1)
	})
}

func TestCacheLowerVersionsNeverReplaceHigherOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		b.source = answers(post{"two", 2}, resilience.Fresh, nil)
		_, _, _ = b.get(t.Context())
		b.source = answers(post{"one", 1}, resilience.Cached, nil)
		time.Sleep(time.Minute)
		p, prov, _ := b.get(t.Context())
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Stale, 2)
		p, prov, _ = b.get(t.Context()) // a source that is behind gets a Pause, too
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Stale, 2)
		b.Put("slug", post{"one", 1}, resilience.Provenance{State: resilience.Fresh, At: time.Now()})
		if p, _, _ := b.peek(t.Context()); p.version != 2 {
			t.Error("Put replaced version 2 by version 1")
		}
	})
}

// Redis may hold a copy that is older than the one in memory and still good.
func TestCacheAnOlderCopyConfirmsAYoungerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		older := answers(post{"older", 1}, resilience.Cached, nil)
		p, prov, _ := older(t.Context())
		time.Sleep(time.Second)
		b.source = answers(post{"younger", 1}, resilience.Fresh, nil)
		_, _, _ = b.get(t.Context())
		b.source = func(context.Context) (post, resilience.Provenance, error) { return p, prov, nil }
		time.Sleep(11 * time.Second)
		p, prov, _ = b.get(t.Context())
		b.want(t, p, prov, "younger", resilience.FromMemory, resilience.Cached, 2)
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "younger", resilience.FromMemory, resilience.Cached, 2)
	})
}

func TestCacheNotFoundIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		b.source = fails(fmt.Errorf("reading: %w", errMissing))
		time.Sleep(time.Minute)
		for range 2 { // the copy has gone, and there is no Pause
			if _, prov, err := b.get(t.Context()); !errors.Is(err, errMissing) || prov.State != resilience.Missing {
				t.Errorf("got %+v, %v", prov, err)
			}
		}
		if b.fetches.Load() != 3 {
			t.Errorf("%d fetches, want 3", b.fetches.Load())
		}
	})
}

func TestCacheReadersWhoLeaveAreNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		time.Sleep(time.Minute)
		left, cancel := context.WithCancel(t.Context())
		cancel()
		b.source = after(10*ms, func(ctx context.Context) (post, resilience.Provenance, error) {
			return answers(post{"two", 2}, resilience.Fresh, ctx.Err())(ctx)
		})
		p, prov, err := b.get(left)
		synctest.Wait() // the fetch it began goes on
		b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
		if err != nil {
			t.Error(err)
		}
		b.Wait()
		p, prov, _ = b.peek(t.Context())
		b.want(t, p, prov, "two", resilience.FromMemory, resilience.Fresh, 2)

		b.source = fails(context.Canceled) // a fetch that is called off
		time.Sleep(time.Minute)
		_, _, _ = b.get(t.Context())
		if _, _, ok := b.peek(t.Context()); ok {
			t.Error("a cancelled fetch brought on a Pause")
		}
	})
}

func TestCacheLateFetches(t *testing.T) {
	old := func(ctx context.Context) (post, resilience.Provenance, error) {
		v, p, err := answers(post{"old", 1}, resilience.Fresh, nil)(ctx)
		time.Sleep(time.Second) // between the read and its arrival
		return v, p, err
	}
	start := func(t *testing.T) *blog {
		b := newBlog(t, stalePolicy)
		b.source = old
		left, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, _ = b.get(left)
		time.Sleep(10 * ms)
		synctest.Wait() // it has read, and is on its way
		return b
	}
	t.Run("after Delete", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.Delete("slug")
			b.source = fails(errMissing) // a reader after the deletion shares nothing from before it
			if p, _, err := b.get(t.Context()); !errors.Is(err, errMissing) {
				t.Errorf("got %+v, %v", p, err)
			}
			b.Wait()
			if p, prov, ok := b.peek(t.Context()); ok {
				t.Errorf("a fetch brought back what was deleted: %+v, %+v", p, prov)
			}
		})
	})
	t.Run("after Put", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.Put("slug", post{"new", 1}, resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now()})
			b.Wait()
			p, prov, _ := b.peek(t.Context())
			b.want(t, p, prov, "new", resilience.FromMemory, resilience.Fresh, 1)
		})
	})
	t.Run("not found, after Put", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBlog(t, stalePolicy)
			b.source = after(time.Second, fails(errMissing))
			left, cancel := context.WithCancel(t.Context())
			cancel()
			_, _, _ = b.get(left)
			time.Sleep(10 * ms)
			b.Put("slug", post{"published just now", 1}, resilience.Provenance{State: resilience.Fresh, At: time.Now()})
			b.Wait()
			if _, _, ok := b.peek(t.Context()); !ok {
				t.Error("a fetch from before the post was published removed it")
			}
		})
	})
	t.Run("a fetch after Delete", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t)
			b.Delete("slug")
			b.source = answers(post{"restored", 1}, resilience.Fresh, nil)
			_, _, _ = b.get(t.Context())
			b.Wait()
			if p, _, ok := b.peek(t.Context()); !ok || p.title != "restored" {
				t.Errorf("kept %+v, %v", p, ok)
			}
		})
	})
}

func TestCacheStampede(t *testing.T) {
	for _, coalesce := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			policy := stalePolicy
			policy.Coalesce = coalesce
			b := newBlog(t, policy)
			b.source = after(100*ms, b.source)
			var readers sync.WaitGroup
			for range 200 {
				readers.Go(func() {
					if p, _, err := b.get(t.Context()); p.title != "one" || err != nil {
						t.Errorf("got %+v, %v", p, err)
					}
				})
			}
			readers.Wait()
			if want := map[bool]int64{true: 1, false: 200}[coalesce]; b.fetches.Load() != want {
				t.Errorf("coalesce %v: %d fetches for 200 readers, want %d", coalesce, b.fetches.Load(), want)
			}
			time.Sleep(5 * time.Second) // a refresh behind the readers is one in either case
			b.fetches.Store(0)
			for range 200 {
				_, _, _ = b.peek(t.Context())
			}
			b.Wait()
			if b.fetches.Load() != 1 {
				t.Errorf("coalesce %v: %d refreshes behind 200 readers, want 1", coalesce, b.fetches.Load())
			}
		})
	}
}

func TestCachePanicIsAFailedRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, stalePolicy)
		_, _, _ = b.get(t.Context())
		b.source = func(context.Context) (post, resilience.Provenance, error) { panic("bug") }
		time.Sleep(time.Minute)
		for range 2 { // the second within the Pause
			p, prov, _ := b.get(t.Context())
			b.want(t, p, prov, "one", resilience.FromMemory, resilience.Stale, 2)
			if resilience.ErrClass(prov.Err) != "panic" {
				t.Errorf("got %v, want the panic", prov.Err)
			}
		}
	})
}

func TestCacheOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, resilience.StalePolicy{})
		type trace struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), trace{}, 1), time.Second)
		defer cancel()
		b.source = func(got context.Context) (post, resilience.Provenance, error) {
			if got != ctx {
				t.Error("the fetch didn't get the reader's own context")
			}
			return answers(post{"one", 1}, resilience.Fresh, nil)(got)
		}
		for n := range int64(3) {
			if _, _, ok := b.peek(ctx); ok {
				t.Error("Peek answered")
			}
			p, prov, _ := b.get(ctx)
			b.want(t, p, prov, "one", resilience.FromPostgres, resilience.Fresh, n+1)
		}
		b.Put("slug", post{"put", 1}, resilience.Provenance{})
		b.Delete("slug")
		b.source = fails(errRefused)
		if _, prov, err := b.get(ctx); !errors.Is(err, errRefused) || prov.State != resilience.Missing || prov.Attempts != 3 {
			t.Errorf("got %+v, %v", prov, err)
		}
	})
}

func TestCacheCoalesceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(t, resilience.StalePolicy{Coalesce: true})
		b.source = after(time.Second, b.source)
		for range 2 {
			var readers sync.WaitGroup
			for range 10 {
				readers.Go(func() { _, _, _ = b.get(t.Context()) })
			}
			readers.Wait()
		}
		if b.fetches.Load() != 2 {
			t.Errorf("%d fetches, want one for each crowd and no copy between", b.fetches.Load())
		}
	})
}

// Copies made together expire apart, each within its share of Fresh.
func TestCacheJitterSpreadsExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(t *rapid.T) {
			policy := resilience.StalePolicy{Fresh: 1000 * ms, Jitter: rapid.Float64Range(0.05, 0.99).Draw(t, "jitter"), Coalesce: true}
			c := must(resilience.NewCache(resilience.CacheOptions[int]{Policy: policy, Keeper: new(keeper[int])}))
			fetch := func(context.Context) (int, resilience.Provenance, error) {
				return 1, resilience.Provenance{State: resilience.Fresh, At: time.Now()}, nil
			}
			left := func() (n int) {
				for key := range 50 {
					if _, _, ok := c.Peek(context.Background(), fmt.Sprint(key), fetch); ok {
						n++
					}
				}
				return n
			}
			for key := range 50 {
				_, _, _ = c.Get(context.Background(), fmt.Sprint(key), fetch)
			}
			swing := time.Duration(policy.Jitter * float64(policy.Fresh))
			time.Sleep(policy.Fresh - swing - 1)
			if n := left(); n != 50 {
				t.Fatalf("%d of 50 copies expired too early", 50-n)
			}
			time.Sleep(swing)
			if n := left(); n == 0 || n == 50 {
				t.Fatalf("%d of 50 copies left after Fresh: they expire together", n)
			}
			time.Sleep(swing + 2)
			if n := left(); n != 0 {
				t.Fatalf("%d of 50 copies expired too late", n)
			}
		})
	})
}

// With every operation at once a reader never sees a version after a later one.
func TestCacheVersionsOnlyRise(t *testing.T) {
	policy := resilience.StalePolicy{Fresh: 1, Behind: 1, Keep: time.Hour, Patience: ms, Pause: 1, Coalesce: true}
	b := newBlog(t, policy)
	b.source = func(context.Context) (post, resilience.Provenance, error) {
		at := time.Now()
		if rand.N(4) == 0 {
			return post{}, resilience.Provenance{}, errRefused
		}
		return post{"some", rand.N(2000)}, resilience.Provenance{State: resilience.Fresh, At: at}, nil
	}
	b.Put("slug", post{"first", 0}, resilience.Provenance{State: resilience.Fresh, At: time.Now()})
	var everybody sync.WaitGroup
	everybody.Go(func() {
		for version := range 2000 {
			b.Put("slug", post{"put", version}, resilience.Provenance{State: resilience.Fresh, At: time.Now()})
		}
	})
	for range 8 {
		everybody.Go(func() {
			last := 0
			for range 500 {
				if p, _, ok := b.peek(t.Context()); ok {
					if p.version < last {
						t.Errorf("version %d after %d", p.version, last)
					}
					last = p.version
				}
				_, _, _ = b.get(t.Context())
			}
		})
	}
	everybody.Wait()
	b.Wait()
}

func TestCacheRefusesNonsense(t *testing.T) {
	for field, policy := range map[string]resilience.StalePolicy{
		"negative":  {Fresh: -1},
		"Fresh 0":   {Keep: time.Hour},
		"below":     {Fresh: 1, Behind: 2, Keep: 1},
		"Jitter 1":  {Fresh: 1, Jitter: 1},
		"a Keeper":  {Fresh: 1},
		"Jitter -1": {Fresh: 1, Jitter: -1},
	} {
		c, err := resilience.NewCache(resilience.CacheOptions[int]{Policy: policy})
		if c != nil || err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: %v doesn't name %s", policy, err, field)
		}
	}
}

func ExampleCache() {
	cache := must(resilience.NewCache(resilience.CacheOptions[string]{
		Keeper: new(keeper[string]), // in production a store that evicts
		Policy: resilience.StalePolicy{Fresh: time.Nanosecond, Keep: time.Hour, Patience: time.Second, Coalesce: true},
	}))
	up := true
	read := func(context.Context) (string, resilience.Provenance, error) {
		if !up {
			return "", resilience.Provenance{Attempts: 1}, errRefused
		}
		return "the post", resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now()}, nil
	}
	for range 2 {
		title, from, err := cache.Get(context.Background(), "slug", read)
		fmt.Println(title, from.Source, from.State, resilience.ErrClass(from.Err), err)
		up = false
		time.Sleep(time.Millisecond)
	}
	// Output:
	// the post postgres fresh  <nil>
	// the post memory stale refused <nil>
}
