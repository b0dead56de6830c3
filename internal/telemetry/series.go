package telemetry

import (
	"slices"
	"time"
)

// A Series is the figures of consecutive seconds, in columns of equal length,
// one entry a second; and the marks of the same time.
type Series struct {
	From  int64                 `json:"from"`   // the first second, since 1970
	Pages map[Outcome][]uint64  `json:"pages"`  // pages by what readers got
	P50   []Millis              `json:"p50_ms"` // how long pages took
	P99   []Millis              `json:"p99_ms"`
	Links map[string]LinkSeries `json:"links"`           // by dependency
	Marks []Mark                `json:"marks,omitempty"` // oldest first
}

// A LinkSeries is what was asked of one dependency.
type LinkSeries struct {
	Attempts []uint64 `json:"attempts"` // tries that ended; what hangs isn't in yet
	Errors   []uint64 `json:"errors"`   // of these, those that failed
	P50      []Millis `json:"p50_ms"`   // how long they took
	P99      []Millis `json:"p99_ms"`
}

// Seconds is the length of the columns.
func (s Series) Seconds() int { return len(s.P50) }

// Window returns the seconds from from until before to, as far as they are
// kept, and their marks. The present second belongs to it only in part.
func (t *Timeline) Window(from, to time.Time) Series {
	now := time.Now().Unix()
	first := max(from.Unix(), now-t.length-spare+1)
	n := int(max(0, min(to.Unix(), now+1)-first))
	s := Series{From: first, Pages: map[Outcome][]uint64{}, P50: make([]Millis, n), P99: make([]Millis, n), Links: map[string]LinkSeries{}}
	for _, o := range Outcomes {
		s.Pages[o] = make([]uint64, n)
	}
	for link := range t.links {
		s.Links[link] = LinkSeries{make([]uint64, n), make([]uint64, n), make([]Millis, n), make([]Millis, n)}
	}
	for i := range n {
		second := t.at(first + int64(i))
		pages := t.pages(second)
		for o, count := range pages.outcomes {
			s.Pages[Outcome(o)][i] = count
		}
		s.P50[i], s.P99[i] = pages.took.quantile(0.5), pages.took.quantile(0.99)
		for link, policies := range t.links {
			asked, into := total(policies, second), s.Links[link]
			into.Attempts[i], into.Errors[i] = asked.took.count(), asked.errors
			into.P50[i], into.P99[i] = asked.took.quantile(0.5), asked.took.quantile(0.99)
		}
	}
	s.Marks, _, _ = t.Marks(0)
	s.Marks = slices.DeleteFunc(s.Marks, func(m Mark) bool { return m.At.Unix() < first || m.At.Unix() >= first+int64(n) })
	return s
}

// A Rate is traffic over some seconds.
type Rate struct {
	PerSecond float64 `json:"per_second"`
	Errors    float64 `json:"errors_per_second"`
	P50       Millis  `json:"p50_ms"`
	P99       Millis  `json:"p99_ms"`
}

// Rates are the traffic of readers, and to each dependency in sum and by policy.
type Rates struct {
	Readers  Rate            `json:"readers"` // pages; the errors are those that failed
	Links    map[string]Rate `json:"links"`
	Policies map[string]Rate `json:"policies"`
}

// Rates returns the rates of the last over, in whole seconds. The present
// second isn't among them, since it isn't over.
func (t *Timeline) Rates(over time.Duration) Rates {
	n := min(max(1, int64(over/time.Second)), t.length)
	now := time.Now().Unix()
	var past []*second
	for at := now - n; at < now; at++ {
		past = append(past, t.at(at))
	}
	rate := func(took *tally, errors uint64) Rate {
		return Rate{float64(took.count()) / float64(n), float64(errors) / float64(n), took.quantile(0.5), took.quantile(0.99)}
	}
	pages := t.pages(past...)
	r := Rates{Readers: rate(&pages.took, pages.outcomes[Failed]), Links: map[string]Rate{}, Policies: map[string]Rate{}}
	for link, policies := range t.links {
		asked := total(policies, past...)
		r.Links[link] = rate(&asked.took, asked.errors)
	}
	for policy, i := range t.policies {
		asked := total([]int{i}, past...)
		r.Policies[policy] = rate(&asked.took, asked.errors)
	}
	return r
}

type pageSum struct {
	outcomes [outcomes]uint64
	took     tally
}

// pages adds up seconds, of which those that are nil were quiet.
func (t *Timeline) pages(seconds ...*second) (sum pageSum) {
	for _, s := range seconds {
		if s == nil {
			continue
		}
		for o := range s.pages {
			sum.outcomes[o] += uint64(s.pages[o].Load())
		}
		sum.took.sum(&s.took)
	}
	return sum
}

type trafficSum struct {
	errors uint64
	took   tally
}

// total adds up what some policies asked in some seconds.
func total(policies []int, seconds ...*second) (sum trafficSum) {
	for _, s := range seconds {
		if s == nil {
			continue
		}
		for _, i := range policies {
			sum.errors += uint64(s.policies[i].errors.Load())
			sum.took.sum(&s.policies[i].took)
		}
	}
	return sum
}
