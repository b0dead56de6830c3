package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"afloat/internal/recorded"
)

// result is a case as it came out.
type result struct {
	Name     string    `json:"name"`
	Does     string    `json:"does"`
	Targets  []string  `json:"targets"` // the services that were hit
	Began    time.Time `json:"began"`
	Revision string    `json:"revision"`

	Healthy latency           `json:"healthy"`
	Fault   latency           `json:"fault"`
	Reads   map[string]served `json:"reads"`                 // by kind, the twin's too, from the fault on
	InHand  int               `json:"in_hand"`               // of the blog's failed reads: those due before the fault was over
	Causes  map[string]int    `json:"causes,omitempty"`      // of the blog's failed reads: status or error
	Twin    map[string]int    `json:"twin_causes,omitempty"` // of the twin's

	Comments     ledger  `json:"comments"`
	SlowestPost  float64 `json:"slowest_post_ms"`
	DirectAfter  float64 `json:"direct_after_s"`  // from the fault on; 0: always were, below 0: never again
	RefusedUntil float64 `json:"refused_until_s"` // from the fault on
	RedisGap     float64 `json:"redis_gap_s"`
	HealthyAfter float64 `json:"healthy_after_s"` // from the heal on

	FaultAt float64          `json:"fault_s"` // from the begin of the readers on
	HealAt  float64          `json:"heal_s"`
	Seconds recorded.Seconds `json:"seconds"`

	Broken    []string `json:"broken,omitempty"` // the bounds that did not hold
	Before    []string `json:"before,omitempty"` // what did not hold in earlier tries
	Failed    string   `json:"failed,omitempty"` // why it could not be carried out to its end
	Exception string   `json:"exception,omitempty"`
}

// unforgivable reports whether no second try can mend what happened. A comment that passed an outbox out of reach falls
// short, and no more: it would have been refused otherwise.
func (r result) unforgivable() bool {
	return r.Comments.Lost+r.Comments.Doubled+r.Comments.Disordered > 0
}

// latency is in milliseconds, from when a reader was due.
type latency struct {
	Reads int     `json:"reads"`
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Max   float64 `json:"max_ms"`
}

type served struct {
	Failed int `json:"failed"`
	Of     int `json:"of"`
}

// times are the moments of a case. Readers who came later than until are not judged: some of them were still on the way
// when the case ended.
type times struct{ begin, fault, faulted, heal, healed, until, end time.Time }

func latencies(reads []read, from, to time.Time) latency {
	var all []time.Duration
	for _, r := range reads {
		if r.kind != twinReads && !r.due.Before(from) && r.due.Before(to) {
			all = append(all, r.Latency)
		}
	}
	if len(all) == 0 {
		return latency{}
	}
	slices.Sort(all)
	rank := func(percent int) float64 { return ms(all[max((len(all)*percent+99)/100, 1)-1]) }
	return latency{Reads: len(all), P50: rank(50), P99: rank(99), Max: ms(all[len(all)-1])}
}

func ms(d time.Duration) float64 {
	return float64(d.Round(100*time.Microsecond)) / float64(time.Millisecond)
}

func seconds(d time.Duration) float64 { return d.Round(10 * time.Millisecond).Seconds() }

// read takes a case's reads: latencies before the fault and under it, failures from the fault on.
func (r *result) read(reads []read, t times) {
	r.Healthy, r.Fault = latencies(reads, t.begin, t.fault), latencies(reads, t.fault, t.heal)
	r.Fault.Max = max(r.Fault.Max, latencies(reads, t.heal, t.until).Max) // coming back must not hurt either
	r.Reads, r.Causes, r.Twin = map[string]served{}, map[string]int{}, map[string]int{}
	for _, one := range reads {
		if one.due.Before(t.fault) || one.due.After(t.until) {
			continue
		}
		s := r.Reads[one.kind]
		s.Of++
		if one.failed() {
			s.Failed++
			if one.kind == twinReads {
				r.Twin[cause(one)]++
			} else {
				r.Causes[cause(one)]++
				if one.due.Before(t.faulted) {
					r.InHand++
				}
			}
		}
		r.Reads[one.kind] = s
	}
}

func cause(r read) string {
	switch {
	case r.Error != "":
		return r.Error
	case r.Status != 200:
		return strconv.Itoa(r.Status)
	}
	return "slow"
}

// judge tells which bounds did not hold.
func (r *result) judge(b bounds) {
	r.Broken, r.Exception = nil, b.exception
	check := func(ok bool, format string, args ...any) {
		if !ok {
			r.Broken = append(r.Broken, fmt.Sprintf(format, args...))
		}
	}
	check(r.Comments.Lost == 0, "%d acknowledged comments lost", r.Comments.Lost)
	check(r.Comments.Doubled == 0, "%d comments doubled", r.Comments.Doubled)
	check(r.Comments.Disordered == 0, "%d comments out of order", r.Comments.Disordered)
	check(r.Comments.Passed == 0, "%d comments out of order, which went past an outbox out of reach", r.Comments.Passed)
	check(r.Comments.Acknowledged > 0, "no comment was acknowledged")
	if b.exception != "" {
		return
	}
	failed := 0
	for _, kind := range b.reads {
		check(r.Reads[kind].Of > 0, "no %s reads", kind)
		check(r.Reads[kind].Failed == 0 || b.inHand, "%s", failures(kind, r.Reads[kind]))
		failed += r.Reads[kind].Failed
	}
	check(!b.inHand || failed <= r.InHand, "%d reads failed, and only %d were in its hands", failed, r.InHand)
	most := max(b.p99*r.Healthy.P99, ms(p99Floor))
	check(b.p99 == 0 || r.Fault.P99 <= most, "p99 %.1f ms under the fault, above %.1f", r.Fault.P99, most)
	check(b.slowest == 0 || r.Fault.Max <= ms(b.slowest), "slowest read %.0f ms, above %.0f", r.Fault.Max, ms(b.slowest))
	check(b.post == 0 || r.SlowestPost <= ms(b.post), "slowest answer to a comment %.0f ms, above %.0f", r.SlowestPost, ms(b.post))
	check(b.direct == 0 || r.DirectAfter >= 0 && r.DirectAfter <= b.direct.Seconds(), "direct again after %.1f s, above %.0f (below 0: never)", r.DirectAfter, b.direct.Seconds())
	check(r.RefusedUntil <= b.refused.Seconds(), "%d POSTs refused, the last %.1f s after the fault", r.Comments.Refused, r.RefusedUntil)
	check(b.redis == 0 || r.RedisGap <= b.redis.Seconds(), "%.1f s without Redis writes, above %.0f", r.RedisGap, b.redis.Seconds())
	check(b.refused > 0 || r.Comments.GivenUp == 0, "%d comments never acknowledged", r.Comments.GivenUp)
}
