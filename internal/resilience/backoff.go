package resilience

import "time"

// Backoff: how long to wait before trying again, and why at random?
//
// Problem: clients that failed together try again together, and meet again.
// Mechanism: the ceiling of the wait doubles with each retry up to a cap, and
// jitter draws the wait below it. Doubling alone doesn't spread a herd: it
// moves it, and is the slowest variant in AWS's simulation ("Exponential
// Backoff And Jitter", 2015). It hurts where the number of clients is
// unbounded: each waits longer, but new ones arrive at the same rate, so the
// load stays; a retry budget bounds that. Lesson 5 shows it.

// Jitter names how a wait is drawn below its ceiling.
type Jitter string

const (
	NoJitter           Jitter = "none"         // the ceiling itself
	EqualJitter        Jitter = "equal"        // half the ceiling, and up to as much again
	FullJitter         Jitter = "full"         // anything from nothing to the ceiling
	DecorrelatedJitter Jitter = "decorrelated" // from Base to three times the last wait
)

// Backoff says how long to wait before each retry. The zero value doesn't wait.
type Backoff struct {
	Base   time.Duration // ceiling of the first wait
	Cap    time.Duration // ceiling of every wait
	Jitter Jitter        // "" is NoJitter
}

// Ceiling is the longest wait before the given retry, counted from 1:
// min(Cap, Base·2^(retry−1)).
func (b Backoff) Ceiling(retry int) time.Duration {
	d := b.Base
	for i := 1; i < retry; i++ {
		if d > b.Cap/2 { // doubling would pass the cap, or overflow
			return b.Cap
		}
		d *= 2
	}
	return min(b.Cap, d)
}

// Delay is the wait before the given retry. It is a pure function: u is the
// draw, uniform in [0,1), and prev the wait before the retry before this one,
// Base for the first; only decorrelated jitter reads it.
func (b Backoff) Delay(retry int, prev time.Duration, u float64) time.Duration {
	ceiling := b.Ceiling(retry)
	switch b.Jitter {
	case EqualJitter:
		return ceiling - ceiling/2 + share(u, ceiling/2)
	case FullJitter:
		return share(u, ceiling)
	case DecorrelatedJitter:
		// In floats, and compared before they become a Duration, since 3·prev may overflow.
		base := float64(b.Base)
		wait := base + u*(3*float64(max(prev, b.Base))-base)
		if wait >= float64(b.Cap) {
			return b.Cap
		}
		return time.Duration(wait)
	default:
		return ceiling
	}
}

func share(u float64, d time.Duration) time.Duration { return time.Duration(u * float64(d)) }

func (b Backoff) check(p *problems) {
	p.when(b.Base < 0 || b.Cap < 0, "Backoff: Base %v and Cap %v can't be negative; 0 and 0 mean no wait", b.Base, b.Cap)
	p.when(b.Cap < b.Base, "Backoff: Cap %v is below Base %v; raise Cap to the longest wait wanted", b.Cap, b.Base)
	switch b.Jitter {
	case "", NoJitter, EqualJitter, FullJitter, DecorrelatedJitter:
	default:
		p.when(true, "Backoff: no jitter is called %q; use none, equal, full or decorrelated", b.Jitter)
	}
}
