package resilience

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Cache keeps copies of what a slow or fragile source answers; how long they
// serve, and why, is in stale.go. It is safe for concurrent use.
type Cache[T any] struct {
	opt     CacheOptions[T]
	flights Coalescer[answer[T]]
	serial  atomic.Uint64 // numbers the flights that aren't shared

	mu    sync.Mutex // held to compare and replace a copy, never while fetching
	clock uint64     // counts the events that order deletions and flights
}

type answer[T any] struct {
	v T
	p Provenance
}

// Peek answers without waiting. It is false when a wait is worthwhile: there is
// no copy that may serve, or only a stale one, while its source is believed
// healthy and its last refresh hasn't just failed. Where a refresh is due it
// starts one behind the reader, never two for one key.
func (c *Cache[T]) Peek(ctx context.Context, key string, fetch Fetch[T]) (v T, p Provenance, ok bool) {
	k, ph := c.look(key)
	due := (ph == behind || ph == stale) && !time.Now().Before(k.retryAt)
	if ph == none || due && ph == stale && c.opt.Policy.Patience > 0 && c.opt.Closed() {
		return v, p, false
	}
	if due {
		c.flights.join(ctx, key, c.refresh(key, fetch))
	}
	return k.value, k.provenance(ph), true
}

// Get is Peek, and where that would wait, it waits for the fetch: as long as
// Patience if there is a copy that may serve, else until ctx ends. Then it
// returns the copy, else the error with State Missing.
func (c *Cache[T]) Get(ctx context.Context, key string, fetch Fetch[T]) (T, Provenance, error) {
	if c.opt.Policy.Fresh == 0 && !c.opt.Policy.Coalesce {
		v, p, err := fetch(ctx)
		return v, missing(p, err), err
	}
	if v, p, ok := c.Peek(ctx, key, fetch); ok {
		return v, p, nil
	}
	var patience time.Duration // none: wait for as long as ctx does
	if _, ph := c.look(key); ph != none {
		patience = c.opt.Policy.Patience
	}
	shared := key
	if !c.opt.Policy.Coalesce {
		shared = fmt.Sprintf("%s#%d", key, c.serial.Add(1))
	}
	a, err := Deadline(ctx, patience, func(ctx context.Context) (answer[T], error) {
		a, _, err := c.flights.Do(ctx, shared, c.refresh(key, fetch))
		return a, err
	})
	if k, ph := c.look(key); err != nil && ph != none {
		p := k.provenance(ph)
		if p.State.Degraded() {
			p.Err = err
		}
		return k.value, p, nil
	}
	return a.v, missing(a.p, err), err
}

// Put keeps v, unless the copy there is newer.
func (c *Cache[T]) Put(key string, v T, p Provenance) {
	if c.opt.Policy.Fresh == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k, _ := c.opt.Keeper.Get(key)
	next, _ := c.choose(k, v, p)
	c.opt.Keeper.Set(key, next)
}

// Delete removes the copy. A fetch that is in flight can't bring it back.
func (c *Cache[T]) Delete(key string) {
	if c.opt.Policy.Fresh > 0 {
		c.mu.Lock()
		c.opt.Keeper.Set(key, &Kept[T]{deleted: true, order: c.tick()})
		c.mu.Unlock()
	}
	c.flights.Forget(key)
}

// Wait returns when the fetches in flight have ended. Call it at shutdown, when
// no more readers come.
func (c *Cache[T]) Wait() { c.flights.Wait() }

// missing marks the provenance of an answer that is none.
func missing(p Provenance, err error) Provenance {
	if err != nil {
		p.Source, p.State, p.At = FromPlaceholder, Missing, time.Time{}
		if p.Err == nil {
			p.Err = err
		}
	}
	return p
}
