package experiments

import (
	"sync"
	"time"
)

// A gauge follows how many are somewhere at once, and tells of a span of time how many they were on average and at the
// most. It is safe for concurrent use.
type gauge struct {
	from, to time.Time

	mu        sync.Mutex
	last      time.Time
	now, most int
	area      time.Duration // number × time, within the span
}

// newGauge begins at nobody.
func newGauge(from, to time.Time) *gauge { return &gauge{from: from, to: to, last: time.Now()} }

// add counts n more from now on, or fewer.
func (g *gauge) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	g.now += n
}

// mean is how many there were on average from the span's beginning until now, or until its end.
func (g *gauge) mean() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	over := min(time.Since(g.from), g.to.Sub(g.from))
	if over <= 0 {
		return 0
	}
	return float64(g.area) / float64(over)
}

// peak is how many there were at the most.
func (g *gauge) peak() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settle()
	return g.most
}

// settle adds the time since the last change; mu is held.
func (g *gauge) settle() {
	began, ended := g.last, time.Now()
	g.last = ended
	if began.Before(g.from) {
		began = g.from
	}
	if ended.After(g.to) {
		ended = g.to
	}
	if over := ended.Sub(began); over > 0 {
		g.area += time.Duration(g.now) * over
		g.most = max(g.most, g.now)
	}
}
