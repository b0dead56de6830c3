package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"afloat/internal/resilience"
)

// A ladder is the read path of one kind of page, each rung slower or older
// than the one before:
//
//	memory     resilience.Cache, in the server itself
//	Redis      copies shared by all servers; fresh for Copies.Fresh
//	Postgres   the origin, behind its guard
//	stale copy whichever of memory's and Redis's is newer
//	snapshot   a file on this server's own disk; before the stale copy where
//	           it is of a higher version
//
// The fallbacks are cheaper than the main path and part of every read's
// ordinary code, so they are exercised all the time.
type ladder[T any] struct {
	memory   *resilience.Cache[Versioned[T]]
	copies   *copies[T] // nil: no Redis rung
	guard    *resilience.Guard
	site     *site
	origin   func(ctx context.Context, key string) (Versioned[T], error)
	snapshot func(key string, above int64) (Versioned[T], time.Time, error) // nil: no last rung
	writes   *sync.WaitGroup
}

// keeper lends otter, which stores and evicts, to resilience.Cache, which
// decides.
type keeper[T any] struct {
	*otter.Cache[string, *resilience.Kept[T]]
}

func (k keeper[T]) Get(key string) (*resilience.Kept[T], bool) { return k.GetIfPresent(key) }
func (k keeper[T]) Set(key string, v *resilience.Kept[T])      { k.Cache.Set(key, v) }
func (k keeper[T]) Delete(key string)                          { k.Invalidate(key) }

// NewKeeper returns a bounded store of copies in memory.
func NewKeeper[T any](entries int) (resilience.Keeper[T], error) {
	c, err := otter.New(&otter.Options[string, *resilience.Kept[T]]{MaximumSize: entries})
	return keeper[T]{c}, err
}

// get answers from memory, or goes down the ladder.
func (l *ladder[T]) get(ctx context.Context, key string) (T, resilience.Provenance, error) {
	known := l.site.version.Load()
	v, p, err := l.memory.Get(ctx, key, l.fetch(key))
	if err == nil && v.AsOf < known && !p.State.Degraded() {
		// It shared a fetch that was under way when the change became known. The next one is not.
		v, p, err = l.memory.Get(ctx, key, l.fetch(key))
	}
	if err == nil {
		v, p, err = l.newest(key, v, p)
	}
	if err != nil && !isAnswer(err) && ctx.Err() == nil {
		err = errors.Join(ErrUnavailable, err)
	}
	return v.V, p, err
}

// peek answers only if that needs no waiting.
func (l *ladder[T]) peek(ctx context.Context, key string) (T, resilience.Provenance, bool) {
	v, p, ok := l.memory.Peek(ctx, key, l.fetch(key))
	if !ok {
		return v.V, p, false
	}
	v, p, err := l.newest(key, v, p)
	return v.V, p, err == nil
}

// newest lets the snapshot correct a copy that nobody vouches for: one of a
// higher version knows what was changed or withdrawn since.
func (l *ladder[T]) newest(key string, v Versioned[T], p resilience.Provenance) (Versioned[T], resilience.Provenance, error) {
	if l.snapshot == nil || !p.State.Degraded() {
		return v, p, nil
	}
	newer, at, err := l.snapshot(key, v.AsOf)
	switch {
	case err == nil:
		p.Source, p.State, p.At = resilience.FromSnapshot, resilience.Fallback, at
		return newer, p, nil
	case isAnswer(err):
		p.Source, p.State, p.At = resilience.FromPlaceholder, resilience.Missing, time.Time{}
		return newer, p, err
	default:
		return v, p, nil
	}
}

// isAnswer reports whether the error is what a healthy system would say too.
func isAnswer(err error) bool { return errors.Is(err, ErrNotFound) }

// fetch is everything below memory.
func (l *ladder[T]) fetch(key string) resilience.Fetch[Versioned[T]] {
	return func(ctx context.Context) (Versioned[T], resilience.Provenance, error) {
		stale, found := l.copies.get(ctx, key)
		if found && time.Now().Before(stale.FreshUntil) && l.site.current(stale.AsOf) {
			return stale.Versioned, resilience.Provenance{Source: resilience.FromRedis, State: resilience.Cached, At: stale.At}, nil
		}

		known := l.site.version.Load()
		reading, from := BeginReading(ctx)
		v, report, err := resilience.Call(reading, l.guard, func(ctx context.Context) (Versioned[T], error) { return l.origin(ctx, key) })
		p := resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now(),
			Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err}
		read := from.answered()
		if read.replica != "" && v.AsOf < known {
			read.behind = true // however short the lag: what it lacks was seen elsewhere
		}
		switch {
		case err == nil && read.behind:
			read.tell(&p)
			return l.newest(key, v, p)
		case isAnswer(err) && read.behind:
			err = resilience.ErrBehind // what isn't there may have been published since
			p.Err = err
		}
		if err == nil {
			read.tell(&p)
			l.site.learn(v.AsOf)
			l.writes.Go(func() { l.copies.put(context.WithoutCancel(ctx), key, v, p.At) })
			return v, p, nil
		}
		if isAnswer(err) {
			return v, p, err
		}
		if found {
			p.Source, p.State, p.At = resilience.FromRedis, resilience.Stale, stale.At
			return l.newest(key, stale.Versioned, p)
		}
		if l.snapshot != nil {
			old, at, missing := l.snapshot(key, anyVersion)
			if missing == nil {
				p.Source, p.State, p.At = resilience.FromSnapshot, resilience.Fallback, at
				return old, p, nil
			}
			if errors.Is(err, errNoDatabase) {
				return v, p, missing // the snapshot is the whole blog: what it lacks doesn't exist
			}
		}
		return v, p, err
	}
}
