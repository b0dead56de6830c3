package resilience

import "context"

// Fetch asks the source. It may return a lesser answer, of State Stale or
// Fallback, with the reason in Provenance.Err and a nil error. It needs a
// deadline of its own: a refresh outlives the reader who started it.
type Fetch[T any] func(ctx context.Context) (T, Provenance, error)

// CacheOptions is what a Cache needs to know. Its functions may be nil. They are
// called by several goroutines at once, and must neither block nor use the cache.
type CacheOptions[T any] struct {
	Policy StalePolicy
	Keeper Keeper[T] // may be nil where Policy.Fresh is 0

	// Closed reports whether the source is believed healthy, such as by
	// Guard.Closed. Nil is always: readers then wait for a source that is down.
	Closed func() bool
	// Current reports whether anybody can still vouch for a copy. One that isn't
	// current serves only as Stale and is refreshed as if past Behind. Nil is always.
	Current func(v T, p Provenance) bool
	// Newer reports whether a may replace b; it must be true for equal
	// versions, or no refresh ever counts. Nil is always.
	Newer func(a, b T) bool
	// NotFound reports whether a fetch's error is an answer, namely that there
	// is nothing: it removes the copy and is no failure. Nil is never.
	NotFound func(err error) bool
}

// NewCache makes a cache, or lists what is wrong with the policy.
func NewCache[T any](o CacheOptions[T]) (*Cache[T], error) {
	var bad problems
	o.Policy.check(&bad)
	bad.when(o.Keeper == nil && o.Policy.Fresh > 0, "Stale: with Fresh %v there are copies to keep; give the cache a Keeper", o.Policy.Fresh)
	if err := bad.err(); err != nil {
		return nil, err
	}
	if o.Closed == nil {
		o.Closed = func() bool { return true }
	}
	if o.Current == nil {
		o.Current = func(T, Provenance) bool { return true }
	}
	if o.Newer == nil {
		o.Newer = func(_, _ T) bool { return true }
	}
	if o.NotFound == nil {
		o.NotFound = func(error) bool { return false }
	}
	return &Cache[T]{opt: o}, nil
}
