package experiments

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestAGaugeCountsItsSpanOnly: by hand, 3 for one second of the span's four and 1 for another; the 5 before and the 9
// after it don't count.
func TestAGaugeCountsItsSpanOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		g := newGauge(began.Add(2*time.Second), began.Add(6*time.Second))
		at := func(d time.Duration, n int) {
			time.Sleep(time.Until(began.Add(d)))
			g.add(n)
		}
		if got := g.mean(); got != 0 {
			t.Errorf("%v before the span", got)
		}
		at(time.Second, 5)
		at(1500*time.Millisecond, -2)
		at(3*time.Second, -3)
		at(4*time.Second, 1)
		at(5*time.Second, -1)
		at(7*time.Second, 9)
		at(8*time.Second, -9)
		if got := g.mean(); got != 1 {
			t.Errorf("%v on average, want 1", got)
		}
		if got := g.peak(); got != 3 {
			t.Errorf("%d at the most, want 3", got)
		}
	})
}
