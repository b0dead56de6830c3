package telemetry

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/resilience"
)

// An Outcome is what a reader got for a page.
type Outcome uint8

// Outcomes, best first.
const (
	Fresh   Outcome = iota // what the page is about is fresh, and the rest is healthy
	Cached                 // as Fresh, but what it is about is a copy within its lifetime
	Partial                // what it is about is fresh or cached; something around it is stale or missing
	Stale                  // what it is about is a stale or lesser copy
	Failed                 // an error page, or none
	outcomes
)

// Outcomes lists them all, best first.
var Outcomes = []Outcome{Fresh, Cached, Partial, Stale, Failed}

var outcomeNames = [outcomes]string{"fresh", "cached", "partial", "stale", "failed"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText makes an Outcome its name in JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(b []byte) error {
	i := slices.Index(outcomeNames[:], string(b))
	if i < 0 {
		return fmt.Errorf("no outcome of a page is called %q", b)
	}
	*o = Outcome(i)
	return nil
}

// A Timeline keeps, for each of the last seconds, what readers got and what was
// asked of each dependency; and beside them the marks that explain a change.
// Its memory is bounded, and counting takes neither a lock nor, but for the
// first of a second, an allocation. It is safe for concurrent use. Make one
// with NewTimeline.
type Timeline struct {
	length   int64
	policies map[string]int // policy → its place in a second
	links    map[string][]int
	ring     []atomic.Pointer[second]

	mu      sync.Mutex
	marks   []Mark // oldest first
	most    int
	seq     int64
	changed chan struct{} // closed and replaced at each mark
}

// A second is what happened in one. Once another has taken its place in the
// ring nobody counts in it any more, but whoever reads it may go on.
type second struct {
	at       int64 // since 1970
	pages    [outcomes]atomic.Uint32
	took     histogram
	policies []traffic
}

// traffic is what one policy asked of its dependency; the attempts are those in took.
type traffic struct {
	errors atomic.Uint32
	took   histogram
}

// spare is how many seconds are kept beyond the length: the present one, which
// isn't over; the one before it, which may not be told yet; and one for a reader
// in whose way a second ends.
const spare = 3

// NewTimeline keeps the last length, in whole seconds, and at most marks marks.
// Whoever asks for seconds that are over and settled gets all of the length.
// links names the dependency behind each policy; a policy that it lacks is not
// counted.
func NewTimeline(length time.Duration, marks int, links map[string]string) *Timeline {
	t := &Timeline{
		length: max(1, int64(length/time.Second)), policies: map[string]int{}, links: map[string][]int{},
		most: max(1, marks), changed: make(chan struct{}),
		seq: time.Now().UnixMilli(), // a restarted server must not repeat the numbers that its clients know
	}
	// One second more than is shown, so that the oldest isn't replaced while it is read.
	t.ring = make([]atomic.Pointer[second], t.length+spare+1)
	for i, policy := range slices.Sorted(maps.Keys(links)) {
		t.policies[policy] = i
		t.links[links[policy]] = append(t.links[links[policy]], i)
	}
	return t
}

// Page counts one page as a reader got it, in the second in which it ended.
func (t *Timeline) Page(o Outcome, took time.Duration) {
	s := t.now()
	s.pages[o].Add(1)
	s.took.add(took)
}

// Observe counts an attempt in the second in which it ended, and marks a
// breaker's change; it is what a guard takes as its observer.
func (t *Timeline) Observe(e resilience.Event) {
	switch e.Kind {
	case resilience.AttemptEvent, resilience.HedgeEvent:
		i, known := t.policies[e.Policy]
		if !known {
			return
		}
		p := &t.now().policies[i]
		if e.Err != nil && e.Class != resilience.Neutral {
			p.errors.Add(1)
		}
		p.took.add(e.Took)
	case resilience.BreakerEvent:
		if e.From != resilience.Closed && e.To != resilience.Closed {
			return // a probe that failed: under a hang there are several a second, which would crowd out all else
		}
		t.Mark(BreakerMark, e.Policy, fmt.Sprintf("breaker of %s: %s → %s", e.Policy, e.From, e.To))
	}
}

// now is the present second. It goes by the wall clock: a clock that is set back
// counts in the seconds it repeats.
func (t *Timeline) now() *second {
	at := time.Now().Unix()
	place := t.place(at)
	for {
		s := place.Load()
		if s != nil && s.at == at {
			return s
		}
		place.CompareAndSwap(s, &second{at: at, policies: make([]traffic, len(t.policies))})
	}
}

// at is a second that has passed; nil if nothing was counted in it.
func (t *Timeline) at(at int64) *second {
	if s := t.place(at).Load(); s != nil && s.at == at {
		return s
	}
	return nil
}

func (t *Timeline) place(at int64) *atomic.Pointer[second] {
	return &t.ring[uint64(at)%uint64(len(t.ring))]
}
