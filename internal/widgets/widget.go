// Package widgets loads a page's optional parts side by side, each allowed to
// fail alone.
//
// A [Widget] joins three things: what to load, the row of the policies table
// that protects the loading, and a memory of earlier answers. Adding one is a
// file like counts.go: about twenty lines.
package widgets

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

// Request is what a widget may know of the page that it is on.
type Request struct {
	Slug  string   // the article; "" on lists
	Slugs []string // the articles of a list
}

// Spec is what makes a widget.
type Spec[T any] struct {
	Name     string            // the part's name: data-part, logs
	Source   resilience.Source // where Load reads
	Row      policy.Row
	Key      func(Request) string // what an answer depends on
	Load     func(context.Context, Request) (T, error)
	Classify resilience.Classifier // nil = resilience.DefaultClassifier
}

// Deps is what all widgets share.
type Deps struct {
	Observe func(resilience.Event)
	Entries int // copies kept in memory, for each widget
	Log     *slog.Logger
}

// Widget is one optional part of a page. It is safe for concurrent use.
type Widget[T any] struct {
	spec  Spec[T]
	guard *resilience.Guard
	cache *resilience.Cache[T]

	failed atomic.Pointer[Request] // the last that did
}

// New makes a widget; its error says what is wrong with the row.
func New[T any](spec Spec[T], deps Deps) (*Widget[T], error) {
	guard, err := resilience.NewGuard(spec.Row.Policy, spec.Classify, deps.Observe)
	if err != nil {
		return nil, err
	}
	keeper, err := store.NewKeeper[T](deps.Entries)
	if err != nil {
		return nil, err
	}
	cache, err := resilience.NewCache(resilience.CacheOptions[T]{Policy: spec.Row.Stale, Keeper: keeper, Closed: guard.Closed})
	return &Widget[T]{spec: spec, guard: guard, cache: cache}, err
}

// Name is the part's name.
func (w *Widget[T]) Name() string { return w.spec.Name }

// Guard is the widget's guard, for display.
func (w *Widget[T]) Guard() *resilience.Guard { return w.guard }

// Peek answers from memory where that needs no waiting, and starts a refresh
// behind the reader where one is due.
func (w *Widget[T]) Peek(ctx context.Context, r Request) (T, resilience.Provenance, bool) {
	return w.cache.Peek(ctx, w.spec.Key(r), w.fetch(r))
}

// Get waits for an answer until ctx ends; then a stale copy will do. Its error
// is for the log: the provenance already says Missing.
func (w *Widget[T]) Get(ctx context.Context, r Request) (T, resilience.Provenance, error) {
	return w.cache.Get(ctx, w.spec.Key(r), w.fetch(r))
}

// Refresh reads anew and keeps what it gets, for a reader who has just changed
// what it shows; so of a database with replicas it asks the leader. Where that
// fails, or takes an attempt's time, a replica's answer will do if shows finds
// the change in it; with a nil shows none is asked. Without an answer it is Get.
func (w *Widget[T]) Refresh(ctx context.Context, r Request, shows func(T) bool) (T, resilience.Provenance, error) {
	leader := store.FromLeader(ctx)
	if limit := w.spec.Row.Policy.AttemptDeadline; shows != nil && limit > 0 { // a leader that hangs must leave the replica time
		var cancel context.CancelFunc
		leader, cancel = context.WithTimeout(leader, limit)
		defer cancel()
	}
	v, p, err := w.fetch(r)(leader)
	if err != nil && shows != nil {
		if v, p, err = w.fetch(r)(ctx); err == nil && !shows(v) {
			return w.Get(ctx, r)
		}
	}
	if err != nil {
		return w.Get(ctx, r)
	}
	w.cache.Put(w.spec.Key(r), v, p)
	return v, p, nil
}

// Tend asks again for what failed last, for as long as the breaker isn't
// closed: recovery is noticed by this work behind the readers, and not by the
// first of them. It ends with ctx.
func (w *Widget[T]) Tend(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if r := w.failed.Load(); r != nil && !w.guard.Closed() {
			if v, p, err := w.fetch(*r)(ctx); err == nil { // a failure leaves the breaker open, and is tried again
				w.cache.Put(w.spec.Key(*r), v, p)
			}
		}
	}
}

// Close waits until refreshes behind readers have ended.
func (w *Widget[T]) Close() { w.cache.Wait() }

func (w *Widget[T]) fetch(r Request) resilience.Fetch[T] {
	return func(ctx context.Context) (T, resilience.Provenance, error) {
		// An answer is as old as its question: one asked before a reader's own
		// change, and answered after it, must not take the place of the change.
		asked := time.Now()
		reading, from := store.BeginReading(ctx)
		v, report, err := resilience.Call(reading, w.guard, func(ctx context.Context) (T, error) { return w.spec.Load(ctx, r) })
		p := resilience.Provenance{Source: w.spec.Source, State: resilience.Fresh, At: asked,
			Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err}
		if err == nil {
			from.Tell(&p)
		} else {
			p.Source, p.State, p.At = resilience.FromPlaceholder, resilience.Missing, time.Time{}
			w.failed.Store(&r)
		}
		return v, p, err
	}
}
