package resilience

import (
	"errors"
	"time"
)

// ErrOpen says that the breaker refused the call; the dependency wasn't asked.
var ErrOpen = errors.New("circuit breaker open")

// BreakerState is one of a circuit breaker's three states, or "" where a policy
// has no breaker.
type BreakerState string

const (
	Closed   BreakerState = "closed"    // calls pass
	Open     BreakerState = "open"      // calls are refused
	HalfOpen BreakerState = "half-open" // a few calls pass, to see
)

// BreakerPolicy says when to open and when to look again. The zero value is no
// breaker. Others' defaults, for comparison: Hystrix opened at 50 % of at least
// 20 calls in 10 s, for 5 s; resilience4j opens at 50 % of 100 calls, for 60 s.
type BreakerPolicy struct {
	Window       time.Duration // how far back calls count
	MinCalls     int           // fewer calls than this in the window prove nothing
	FailureRatio float64       // share of failures that opens, above 0 and up to 1
	OpenFor      time.Duration // how long to refuse before probing
	Probes       int           // calls at a time while half-open, and successes needed to close
}

func (p BreakerPolicy) check(bad *problems) {
	bad.when(p.Window <= 0, "Breaker: Window %v must be above 0; a usual value is 10s", p.Window)
	bad.when(p.MinCalls < 1, "Breaker: MinCalls %d must be at least 1; a usual value is 10", p.MinCalls)
	bad.when(!(p.FailureRatio > 0 && p.FailureRatio <= 1), "Breaker: FailureRatio %v must be above 0 and at most 1; a usual value is 0.5", p.FailureRatio)
	bad.when(p.OpenFor <= 0, "Breaker: OpenFor %v must be above 0, or the breaker never refuses; a usual value is 5s", p.OpenFor)
	bad.when(p.Probes < 1, "Breaker: Probes %d must be at least 1, or the breaker never closes again", p.Probes)
}

// Outcome is what a call showed of its dependency's health.
type Outcome int

const (
	Ignored Outcome = iota // nothing: not found, the caller went away, a panic
	Succeeded
	Failed
)
