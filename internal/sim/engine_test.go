package sim

import (
	"math"
	"slices"
	"testing"
	"time"
)

// TestAgendaKeepsOrder: events come back by time, and those of one instant in the order they were added.
func TestAgendaKeepsOrder(t *testing.T) {
	type stamp struct{ at, order int }
	r := newRand(1, 0, 0)
	var a agenda[stamp]
	var want, got []stamp
	for i := range 2000 {
		s := stamp{r.IntN(200), i}
		want = append(want, s)
		a.add(float64(s.at), s)
	}
	slices.SortStableFunc(want, func(x, y stamp) int { return x.at - y.at })
	for at, s, ok := a.next(); ok; at, s, ok = a.next() {
		if at != float64(s.at) {
			t.Fatalf("%+v came at %v", s, at)
		}
		got = append(got, s)
	}
	if !slices.Equal(got, want) {
		t.Error("the order is not that of a stable sort")
	}
}

func TestSummary(t *testing.T) {
	s := summarise([]float64{2, 4, 4, 4, 5, 5, 7, 9})
	if s.Mean != 5 || math.Abs(s.SD-math.Sqrt(32.0/7)) > 1e-12 || math.Abs(s.SE-s.SD/math.Sqrt(8)) > 1e-12 {
		t.Errorf("got %+v", s)
	}
	if one := summarise([]float64{3}); one != (Summary{Mean: 3}) {
		t.Errorf("of one trial: %+v", one)
	}
}

func TestHistogram(t *testing.T) {
	got := Histogram([]time.Duration{0, 9, 10, 35}, 10)
	if !slices.Equal(got, []int{2, 1, 0, 1}) {
		t.Errorf("got %v", got)
	}
}

// TestWaits: each algorithm stays within its bounds, doubles up to the cap, and uses the room that it has.
func TestWaits(t *testing.T) {
	for algorithm, c := range map[Algorithm]struct{ least, most [10]float64 }{
		None:  {},
		Expo:  {most: ceilings(1), least: ceilings(1)},
		Equal: {most: ceilings(1), least: ceilings(0.5)},
		Full:  {most: ceilings(1)},
	} {
		p := PublishedJitter(1, algorithm, 1, 1)
		r := newRand(1, 0, 0)
		for range 2000 {
			var w waiting
			for n := range 10 {
				// The draws' own error apart, a wait is between the two bounds.
				if got := w.next(p, r); got < c.least[n]-1e-12 || got > c.most[n]+1e-12 {
					t.Fatalf("%s: wait %d is %v s, want %v to %v", algorithm, n+1, got, c.least[n], c.most[n])
				}
			}
		}
	}
	p := PublishedJitter(1, Decorrelated, 1, 1)
	r := newRand(1, 0, 0)
	capped := false
	for range 200 {
		var w waiting
		last := 0.005
		for range 30 {
			got := w.next(p, r)
			if got < 0.005 || got > min(2, 3*last)+1e-12 {
				t.Fatalf("decorrelated: %v s after %v s", got, last)
			}
			last = got
			capped = capped || got == 2
		}
	}
	if !capped {
		t.Error("decorrelated: the cap was never met")
	}
}

// ceilings are a share of 10 ms, 20 ms, 40 ms, up to 2 s.
func ceilings(share float64) (c [10]float64) {
	for n := range c {
		c[n] = share * min(2, 0.005*math.Pow(2, float64(n+1)))
	}
	return c
}

// TestRetrierCounts: ten calls earn a bucket of nothing one retry, and a breaker at 10 % one failed try; the retry's
// own failure counts too.
func TestRetrierCounts(t *testing.T) {
	for _, policy := range []RetryPolicy{TokenBucket, RetryBreaker} {
		client := retrier{RetryParams: PublishedRetry(policy, 0.5, 1, 1)}
		for range 10 {
			client.called()
		}
		if !client.mayRetry(0) {
			t.Errorf("%s: after ten calls the first failure may not be retried", policy)
		}
		if client.mayRetry(1) {
			t.Errorf("%s: after ten calls the retry may be retried", policy)
		}
	}
}
