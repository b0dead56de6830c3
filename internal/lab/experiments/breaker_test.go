package experiments

import (
	"math"
	"testing"
	"time"

	"afloat/internal/resilience"
)

func TestBreaker(t *testing.T) { met(t, "breaker", newRig(t)) }

func TestBreakerCancelled(t *testing.T) { cancelled(t, "breaker", newRig(t), 0.3) }

// TestErlangB: published values, of tables that every textbook has, and the formula itself by hand.
func TestErlangB(t *testing.T) {
	for _, c := range []struct {
		places        int
		offered, want float64
	}{
		{1, 1, 0.5}, {2, 2, 0.4}, {6, 2, 0.0121}, {10, 5, 0.0184}, {0, 3, 1},
	} {
		if got := erlangB(c.places, c.offered); math.Abs(got-c.want) > 5e-5 {
			t.Errorf("%d places, %v offered: %v, want %v", c.places, c.offered, got, c.want)
		}
	}
}

// TestUntilOpen: by hand. One call that fails half of the time opens a breaker of one call after two on average, one of
// which succeeds; where all fail, the least number of calls opens it, and none succeeds.
func TestUntilOpen(t *testing.T) {
	for _, c := range []struct {
		policy           resilience.BreakerPolicy
		failing          float64
		calls, successes float64
	}{
		{resilience.BreakerPolicy{MinCalls: 1, FailureRatio: 0.001}, 0.5, 2, 1},
		{resilience.BreakerPolicy{MinCalls: 5, FailureRatio: 0.5}, 1, 5, 0},
		{resilience.BreakerPolicy{MinCalls: 2, FailureRatio: 0.001}, 0.5, 3, 1.5}, // the first call proves nothing, whatever it comes to
	} {
		calls, successes := untilOpen(c.policy, c.failing)
		if math.Abs(calls-c.calls) > 1e-9 || math.Abs(successes-c.successes) > 1e-9 {
			t.Errorf("%+v: %v calls and %v successes, want %v and %v", c.policy, calls, successes, c.calls, c.successes)
		}
	}
}

// TestDoomedCalls: by hand, at 50 calls/s with a timeout of 100 ms. Failures outweigh the successes of one second a second
// after the first is known, so 1.1 s × 50 are sent; the 2.9 s that are left have four times 620 ms.
func TestDoomedCalls(t *testing.T) {
	p := outagePlan{
		rate: 50, calm: time.Second, outage: 4 * time.Second,
		policy: resilience.Policy{AttemptDeadline: 100 * time.Millisecond, Breaker: resilience.BreakerPolicy{Window: 5 * time.Second, MinCalls: 5, FailureRatio: 0.5, OpenFor: 500 * time.Millisecond, Probes: 1}},
	}
	if got := p.doomedCalls(); math.Abs(got-59) > 1e-9 {
		t.Errorf("%v doomed calls, want 59", got)
	}
	p.calm = time.Minute // then half of the window decides: 2.45 s and 0.1 s, and two probes
	if got := p.doomedCalls(); math.Abs(got-129.5) > 1e-9 {
		t.Errorf("%v doomed calls after a long calm, want 129.5", got)
	}
	p.policy.Breaker = resilience.BreakerPolicy{}
	if got := p.doomedCalls(); math.Abs(got-195) > 1e-9 {
		t.Errorf("%v doomed calls without a breaker, want 195", got)
	}
}
