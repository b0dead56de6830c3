package main

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestWritersWaitAsAsked: not before the answer's Retry-After, later after each try, and not all at once.
func TestWritersWaitAsAsked(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		asks  time.Duration
		tries int
		least time.Duration
	}{
		{0, 1, time.Second},
		{0, 2, 2 * time.Second},
		{5 * time.Second, 1, 5 * time.Second},
		{5 * time.Second, 3, 20 * time.Second},
		{5 * time.Second, 9, 20 * time.Second},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			p := (&comment{tries: make([]try, c.tries-1, c.tries)}).after(try{later: c.asks}).pause(random)
			if seen[p] = true; p < c.least || p >= 2*c.least {
				t.Errorf("asked for %v, after %d tries: %v", c.asks, c.tries, p)
			}
		}
		if len(seen) < 90 {
			t.Errorf("asked for %v: %d different pauses of 100", c.asks, len(seen))
		}
	}
}

func (c *comment) after(t try) *comment {
	c.tries = append(c.tries, t)
	return c
}
