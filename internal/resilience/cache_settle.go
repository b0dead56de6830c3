package resilience

import (
	"context"
	"errors"
	"time"
)

// look finds the copy for key and where it stands. A lesser answer, or one that
// nobody can vouch for, is stale from the beginning.
func (c *Cache[T]) look(key string) (*Kept[T], phase) {
	if c.opt.Policy.Fresh == 0 {
		return nil, none
	}
	k, _ := c.opt.Keeper.Get(key)
	return k, c.phaseOf(k)
}

func (c *Cache[T]) phaseOf(k *Kept[T]) phase {
	if k == nil || k.deleted {
		return none
	}
	ph := c.opt.Policy.phase(time.Since(k.since), k.lifetime)
	if ph != none && (k.from.State.Degraded() || !c.opt.Current(k.value, k.from)) {
		return stale
	}
	return ph
}

// refresh makes the call that asks the source and settles what comes back. It
// looks once more: its caller may have missed just before another flight landed.
func (c *Cache[T]) refresh(key string, fetch Fetch[T]) func(context.Context) (answer[T], error) {
	return func(ctx context.Context) (answer[T], error) {
		if k, ph := c.look(key); ph == fresh {
			return answer[T]{k.value, k.provenance(ph)}, nil
		}
		c.mu.Lock()
		began := c.tick()
		c.mu.Unlock()
		a, err := Isolate(func() (answer[T], error) {
			v, p, err := fetch(ctx)
			return answer[T]{v, p}, err
		})
		if c.opt.Policy.Fresh == 0 {
			return a, err
		}
		return c.settle(key, began, a, err)
	}
}

// settle decides what a fetch does to the copy, and returns the better of the
// two to those who waited for it.
func (c *Cache[T]) settle(key string, began uint64, a answer[T], err error) (answer[T], error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, _ := c.opt.Keeper.Get(key)
	switch {
	case k != nil && k.deleted && k.order > began:
		return a, err // asked before the deletion: not to be kept
	case err != nil && c.opt.NotFound(err):
		if k != nil && !k.deleted && k.order < began {
			c.opt.Keeper.Delete(key)
		}
		return a, err
	case errors.Is(err, context.Canceled):
		return a, err // somebody stopped asking: the source hasn't failed
	}
	won := copyWon
	if err == nil {
		k, won = c.choose(k, a.v, a.p)
	}
	if k == nil || k.deleted {
		return a, err // it failed, and there is no copy to fall back on
	}
	good := won != copyWon && !a.p.State.Degraded() && c.opt.Current(k.value, k.from)
	if !good {
		k = k.afterFailure(a.p, err, c.opt.Policy.Pause)
	}
	c.opt.Keeper.Set(key, k)
	if ph := c.phaseOf(k); ph != none && !(good && won == answerWon) {
		return answer[T]{k.value, k.provenance(ph)}, nil
	}
	return a, err
}

// verdict is who won when an answer met the copy.
type verdict int

const (
	copyWon   verdict = iota
	answerWon         // the answer takes the copy's place
	bothWon           // the answer shows that its source stands by an older copy, so by this one too
)

// choose compares an answer with the copy k and returns what to keep.
func (c *Cache[T]) choose(k *Kept[T], v T, p Provenance) (*Kept[T], verdict) {
	made := &Kept[T]{value: v, from: p, since: time.Now(), lifetime: c.opt.Policy.lifetime(), order: c.tick()}
	lesser := p.State.Degraded()
	if lesser {
		made.failed = p
	}
	switch {
	case k == nil || k.deleted:
		return made, answerWon
	case !c.opt.Newer(v, k.value):
		return k, copyWon // a lower version never replaces a higher one
	case lesser && c.phaseOf(k) != none && !p.At.After(k.from.At):
		return k, copyWon
	case !lesser && !k.from.State.Degraded() && p.At.Before(k.from.At) && c.opt.Newer(k.value, v):
		made.value, made.from = k.value, k.from
		return made, bothWon
	default:
		return made, answerWon
	}
}

// tick numbers an event; the caller holds c.mu.
func (c *Cache[T]) tick() uint64 {
	c.clock++
	return c.clock
}
