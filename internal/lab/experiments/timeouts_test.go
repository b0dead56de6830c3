package experiments

import (
	"math"
	"testing"
	"time"

	"afloat/internal/lab"
)

func TestTimeouts(t *testing.T) { met(t, "timeouts", newRig(t)) }

func TestTimeoutsCancelled(t *testing.T) { cancelled(t, "timeouts", newRig(t), 0.3) }

// TestTheWaitModel: by hand. 80 readers a second, of whose answers one in five takes 1.5 s and the others 40 ms: 80 ×
// (0.8 × 0.04 + 0.2 × 1.5) = 26.56 are in flight. Cut short at 250 ms the healthy ones take next to no less, 40 ms × (1 −
// e^(−6.25)), and the others 250 ms: 6.55.
func TestTheWaitModel(t *testing.T) {
	v := lab.Values{"rate": "80", "slow": "20", "answer": "40ms", "latency": "1500ms", "timeout": "250ms", "patience": "1s", "for": "4s", "trials": "3", "workers": "10", "places": "12"}
	m := waitModelOf(v)
	for cut, want := range map[bool]float64{false: 26.56, true: 6.555} {
		if got, _ := m.inFlight(cut); math.Abs(got-want) > 0.005 {
			t.Errorf("cut short %v: %v in flight, want %v", cut, got, want)
		}
	}
	// 80 × (0.8 × 2 × 0.04² + 0.2 × 1.5²) over 6 s.
	if _, se := m.inFlight(false); math.Abs(se-math.Sqrt(80*0.45256/6)) > 1e-6 {
		t.Errorf("a standard error of %v", se)
	}
}

// TestWorkForNobody: a call whose caller leaves counts from then on until its work ends, once, and one whose caller has
// left before it begins counts all the while.
func TestWorkForNobody(t *testing.T) {
	now := time.Now()
	h := newHelping(1, 2, now.Add(-time.Second), now.Add(time.Hour))
	held := func(work, vain int) {
		t.Helper()
		if h.inWork.now != work || h.vain.now != vain {
			t.Errorf("%d in work and %d for nobody, want %d and %d", h.inWork.now, h.vain.now, work, vain)
		}
	}
	h.begin(0)
	held(1, 0)
	h.leave(0)
	h.leave(0)
	h.leave(1)
	held(1, 1)
	h.begin(1)
	held(2, 2)
	h.end(0)
	h.end(1)
	held(0, 0)
}
