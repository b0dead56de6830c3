package resilience

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Stale-while-revalidate and stale-if-error: is old good enough?
//
// Problem: the source of a page is slow or down, though a copy of a moment ago
// would do for every reader. Mechanism (RFC 5861): a copy is served as is while
// it is fresh; for a while after that it is served at once and refreshed behind
// the reader; and for much longer it stands in when its source fails, marked
// stale. It hurts where an old answer is a wrong one (prices, permissions), and
// where nobody sees that it is old: state the instant it was read. Lesson 9
// shows it, and lesson 10 the jitter and the coalescing.

// ErrUnconfirmed is the reason that a stale copy carries when no refresh has
// failed: it is past its lifetime, or nobody can vouch for it.
var ErrUnconfirmed = errors.New("the copy is not confirmed by its source")

// ErrBehind is the reason that an answer carries which came from a replica too
// far behind its origin to count as fresh.
var ErrBehind = errors.New("the replica is behind its origin")

// StalePolicy says how long a copy serves. The zero value keeps no copies.
type StalePolicy struct {
	Fresh    time.Duration // soft TTL: a copy kept less long than this is served as is; 0 keeps no copies
	Behind   time.Duration // stale-while-revalidate: for this long after Fresh it is served and refreshed behind the reader
	Keep     time.Duration // stale-if-error: for this long after Fresh it may serve when its source fails
	Patience time.Duration // past Behind, how long a reader waits for the refresh before taking the copy; 0 is not at all
	Pause    time.Duration // after a failed refresh, how long until its key is tried again
	Jitter   float64       // share of Fresh, from 0 to below 1, by which a copy's own Fresh is longer or shorter, so that copies made together don't expire together
	Coalesce bool          // readers who miss share one fetch; false: each makes its own
}

func (p StalePolicy) check(bad *problems) {
	bad.when(min(p.Fresh, p.Behind, p.Keep, p.Patience, p.Pause) < 0, "Stale: no duration can be negative; 0 switches its protection off")
	bad.when(p.Fresh == 0 && max(p.Behind, p.Keep, p.Patience, p.Pause) > 0, "Stale: with Fresh 0 no copy is kept, so the other durations do nothing; set Fresh, or them to 0")
	bad.when(p.Keep < p.Behind, "Stale: Keep %v is below Behind %v, though both count from the end of Fresh; raise Keep", p.Keep, p.Behind)
	bad.when(!(p.Jitter >= 0 && p.Jitter < 1), "Stale: Jitter %v must be at least 0 and below 1; a usual value is 0.1", p.Jitter)
}

// lifetime draws a copy's own Fresh.
func (p StalePolicy) lifetime() time.Duration {
	return time.Duration(float64(p.Fresh) * (1 + p.Jitter*(2*rand.Float64()-1)))
}

// phase is where a copy stands in its life.
type phase int

const (
	none   phase = iota // there is no copy that may serve
	fresh               // serve it
	behind              // serve it, and refresh it behind the reader
	stale               // it may stand in for a source that fails
)

// phase finds where a copy stands that has been kept for this long.
func (p StalePolicy) phase(kept, lifetime time.Duration) phase {
	switch {
	case kept <= lifetime:
		return fresh
	case kept <= lifetime+p.Behind:
		return behind
	case kept <= lifetime+p.Keep:
		return stale
	default:
		return none
	}
}

// Kept is a copy as a Keeper stores it. It never changes once it is stored: a
// cache that learns something of its copy stores another.
type Kept[T any] struct {
	value    T
	from     Provenance    // as fetched or put
	since    time.Time     // when it was kept, or last confirmed by its source
	lifetime time.Duration // its own Fresh
	failed   Provenance    // the last refresh, if it failed
	retryAt  time.Time     // when that Pause ends
	order    uint64        // when it was deleted, in the cache's own count
	deleted  bool          // there is no copy: what was asked before the deletion mustn't come back
}

// provenance is what a reader learns of the copy. A stale one tells what its
// last refresh met; a lesser answer keeps its own source and state.
func (k *Kept[T]) provenance(ph phase) Provenance {
	p := Provenance{Source: FromMemory, State: Cached, At: k.from.At}
	switch {
	case ph == stale:
		p.State = Stale
		if k.from.State.Degraded() {
			p.Source, p.State, p.Replica, p.Lag = k.from.Source, k.from.State, k.from.Replica, k.from.Lag
		}
		p.Attempts, p.Took, p.Breaker, p.Err = k.failed.Attempts, k.failed.Took, k.failed.Breaker, k.failed.Err
		if p.Err == nil {
			p.Err = ErrUnconfirmed
		}
	case time.Since(p.At) <= k.lifetime:
		p.State = Fresh
	}
	return p
}

// afterFailure is the copy with a failed refresh noted, and its key at rest.
func (k *Kept[T]) afterFailure(p Provenance, err error, pause time.Duration) *Kept[T] {
	next := *k
	next.failed, next.retryAt = p, time.Now().Add(pause)
	if err != nil {
		next.failed.Err = err
	}
	return &next
}

// Keeper stores copies and evicts them when there are too many; it decides
// nothing about their age. It must be safe for concurrent use.
type Keeper[T any] interface {
	Get(key string) (*Kept[T], bool)
	Set(key string, k *Kept[T])
	Delete(key string)
}
