package resilience

import "time"

// State says how good the answer a reader got is. The five states are shown
// with the same five signs everywhere in Afloat.
type State string

const (
	Fresh    State = "fresh"    // read from its origin, now or within the policy's fresh time
	Cached   State = "cached"   // a copy within its lifetime
	Stale    State = "stale"    // a copy past its lifetime, or one that nobody can vouch for
	Fallback State = "fallback" // a lesser answer from another source, such as the snapshot
	Missing  State = "missing"  // nothing to show but a placeholder
)

// Degraded reports whether a reader got less than the healthy system gives.
func (s State) Degraded() bool { return s != Fresh && s != Cached }

// Source names the place a value came from.
type Source string

const (
	FromPostgres    Source = "postgres"
	FromRedis       Source = "redis"
	FromService     Source = "recommendations"
	FromMemory      Source = "memory"
	FromSnapshot    Source = "snapshot"
	FromPlaceholder Source = "placeholder"
)

// Provenance says where a value came from and what it took to get it. The
// X-ray, the Server-Timing and Cache-Status headers, the WARN line and the
// metrics all read this one value, so they can't disagree.
//
// It states the instant a value was read at its origin, never an age: an age
// would be wrong as soon as the page that carries it is kept anywhere.
type Provenance struct {
	Source   Source
	State    State
	At       time.Time     // when the value was read at its origin; zero when missing
	Attempts int           // attempts at the dependency; 0 when none was needed
	Took     time.Duration // how long the guarded call took; 0 when none was needed
	Breaker  BreakerState  // after the call; "" when the policy has none
	Err      error         // why the answer is not fresh; nil when it is
	Replica  string        // the replica that answered; "" when it was the origin itself
	Lag      time.Duration // how far that one was behind its origin, at the most; At allows for it
}
