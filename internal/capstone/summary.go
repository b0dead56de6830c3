package capstone

import (
	"slices"
	"time"

	"afloat/internal/resilience"
)

// A Summary is what several looks at one page came to.
type Summary struct {
	Looks   int
	OK      int // whole pages, 200
	Errors  int // answered with an error page
	Waiting int // nothing whole came in time
	Median  time.Duration
	Longest time.Duration
	Parts   map[string]Row // of the whole pages
}

// A Row is what became of one part.
type Row struct {
	Looks                  int
	States                 map[string]int  // how often each
	Back                   int             // times that it was well again at the look after one at which it was not
	Last                   string          // its state at the last look
	Breakers, Errs         map[string]int  // how often each; "" is none
	FewestTries, MostTries int             // of looks with any
	Asked                  int             // looks at which the dependency was tried
	Quickest, Slowest      time.Duration   // of these
	took                   []time.Duration // of each
}

// Summarise adds up looks.
func Summarise(looks []Look) Summary {
	s := Summary{Looks: len(looks), Parts: map[string]Row{}}
	var took []time.Duration
	for _, l := range looks {
		took = append(took, l.Took)
		switch l.Status {
		case 200:
			s.OK++
			for name, seen := range l.Parts {
				s.Parts[name] = s.Parts[name].with(seen)
			}
		case 0:
			s.Waiting++
		default:
			s.Errors++
		}
	}
	if slices.Sort(took); len(took) > 0 {
		s.Median, s.Longest = took[len(took)/2], took[len(took)-1]
	}
	return s
}

func (r Row) with(s Seen) Row {
	if r.Looks == 0 {
		r.Last, r.States, r.Breakers, r.Errs = s.State, map[string]int{}, map[string]int{}, map[string]int{}
	}
	if r.Looks++; well(s.State) && !well(r.Last) {
		r.Back++
	}
	r.Last = s.State
	r.States[s.State]++
	r.Breakers[s.Breaker]++
	r.Errs[s.Error]++
	if s.Tries == 0 {
		return r
	}
	if r.Asked == 0 {
		r.FewestTries, r.Quickest = s.Tries, s.Took
	}
	r.Asked++
	r.took = append(r.took, s.Took)
	r.FewestTries, r.MostTries = min(r.FewestTries, s.Tries), max(r.MostTries, s.Tries)
	r.Quickest, r.Slowest = min(r.Quickest, s.Took), max(r.Slowest, s.Took)
	return r
}

// share is how many of the looks had one of these states, from 0 to 1.
func (r Row) share(states ...string) float64 {
	n := 0
	for _, s := range states {
		n += r.States[s]
	}
	return float64(n) / float64(max(1, r.Looks))
}

func well(state string) bool { return !resilience.State(state).Degraded() }

// degraded is the share of looks at which the part was less than a healthy one.
func (r Row) degraded() float64 { return r.share("stale", "fallback", "missing") }

// without reports whether no look showed a breaker.
func (r Row) without() bool { return r.Breakers[""] == r.Looks }

// mostlyAsked reports whether the dependency was tried at nearly every look.
func (r Row) mostlyAsked() bool { return r.Looks > 0 && float64(r.Asked) >= 0.8*float64(r.Looks) }

// typical is the median time of the calls: at the first look the patient may not have heard of the fault yet.
func (r Row) typical() time.Duration {
	if r.Asked == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(r.took))[r.Asked/2]
}

// cut reports whether connections broke in the middle of an exchange.
func (r Row) cut() bool { return r.Errs["reset"]+r.Errs["closed"] > 0 }

// mostly reports whether n of the looks are nearly all of them; the first ones may be of a blog that has just met the
// fault.
func (s Summary) mostly(n int) bool { return s.Looks > 0 && float64(n) >= 0.8*float64(s.Looks) }
