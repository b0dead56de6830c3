package availability

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Outages: when is each link down, if it is to be up for a share q of the time?
//
// Idea: an on/off renewal process. Up spans and down spans alternate, each exponentially distributed, with means
// q·cycle and (1−q)·cycle: so the expected availability is exactly q, at any instant, if the first span is drawn as
// one that an observer comes upon. What was drawn has an availability of its own, which [ExactUptime] gives. Source: any
// book on reliability, such as Barlow and Proschan, "Mathematical Theory of Reliability" (1965), on alternating renewal.

// A Span is an outage, from the start of the schedule.
type Span struct{ From, To time.Duration }

// A Schedule says how outages are drawn.
type Schedule struct {
	Uptime []float64     // expected availability of each link, above 0; a link of 1 has no outage
	Cycle  time.Duration // mean time from the start of one outage of a link to the start of its next

	// Correlated gives all links one cause: an outage strikes all of them at once. The link with the lowest uptime is
	// down longest, the others are back after a part of that, and so every link still has its own uptime.
	Correlated bool
}

// Check names every value that makes no sense, and its range.
func (s Schedule) Check() error {
	for i, q := range s.Uptime {
		if !(q > 0 && q <= 1) {
			return fmt.Errorf("the uptime of link %d is %v: it must be above 0 and at most 1", i+1, q)
		}
	}
	if s.Cycle <= 0 {
		return fmt.Errorf("the outage cycle is %v: it must be above 0, and a usual value is a thirtieth of the whole", s.Cycle)
	}
	return nil
}

// Draw gives each link's outages until the horizon, in order and apart. A link's outages depend on the seed and its
// place alone, so that one more link leaves those of the others as they are. The schedule must have passed Check.
func (s Schedule) Draw(horizon time.Duration, seed uint64) [][]Span {
	links := make([][]Span, len(s.Uptime))
	if s.Correlated && len(s.Uptime) > 0 {
		worst := slices.Min(s.Uptime)
		shared := s.process(worst, horizon, newRand(seed, 0))
		for i, q := range s.Uptime {
			links[i] = clip(shared, (1-q)/(1-worst), horizon)
		}
		return links
	}
	for i, q := range s.Uptime {
		links[i] = clip(s.process(q, horizon, newRand(seed, uint64(i))), 1, horizon)
	}
	return links
}

// process draws outages up to the horizon. The first may have begun before time 0: an observer comes upon a link that
// is down with probability 1−q, and exponential spans look the same backwards and forwards from any instant.
func (s Schedule) process(q float64, horizon time.Duration, r *rand.Rand) []Span {
	if q == 1 {
		return nil
	}
	span := func(share float64) time.Duration { return time.Duration(share * r.ExpFloat64() * float64(s.Cycle)) }
	var outages []Span
	at := time.Duration(0)
	if r.Float64() >= q {
		began := -span(1 - q)
		at = span(1 - q)
		outages = append(outages, Span{From: began, To: at})
	}
	for {
		at += span(q)
		if at >= horizon {
			return outages
		}
		down := Span{From: at, To: at + span(1-q)}
		outages, at = append(outages, down), down.To
	}
}

// clip keeps the first part of each outage, and of that what lies within the horizon.
func clip(outages []Span, part float64, horizon time.Duration) []Span {
	var within []Span
	for _, o := range outages {
		o.To = min(o.From+time.Duration(part*float64(o.To-o.From)), horizon)
		o.From = max(o.From, 0)
		if o.To > o.From {
			within = append(within, o)
		}
	}
	return within
}

// Union is when any of the links is down, in order and apart: the outages of what needs all of them.
func Union(links ...[]Span) []Span {
	all := slices.Concat(links...)
	slices.SortFunc(all, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	var union []Span
	for _, o := range all {
		if last := len(union) - 1; last >= 0 && o.From <= union[last].To {
			union[last].To = max(union[last].To, o.To)
		} else {
			union = append(union, o)
		}
	}
	return union
}

// ExactUptime is the availability, until the horizon, of a link with these outages, which are apart and within it: what
// a measurement without sampling error would give.
func ExactUptime(outages []Span, horizon time.Duration) float64 {
	var down time.Duration
	for _, o := range outages {
		down += o.To - o.From
	}
	return 1 - down.Seconds()/horizon.Seconds()
}

// newRand makes a source of its own for each stream of a seed. ChaCha8 mixes: neighbouring seeds have nothing in common.
func newRand(seed, stream uint64) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], stream)
	return rand.New(rand.NewChaCha8(key))
}
