package sim

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Hedging: what if one copy is slow?
//
// Model: a page asks so many leaves at once and waits for the last. A leaf's answer is quick, uniformly from half to one
// and a half times Quick, or with a small probability slow. Where no answer has come after a while a second copy goes to
// another replica, whose answer is quick or slow by itself, and the first of the two counts; or, where the slowness has
// a cause that replicas share, is as slow as the first. A second copy costs load, and no other answer is late because
// of it: at a replica without room to spare it would be.
// Source: Dean and Barroso, "The Tail at Scale" (CACM 2013), whose arithmetic it is; the latencies are this model's own.

// HedgeParams are the parameters of [Hedge].
type HedgeParams struct {
	FanOut int           // leaves of a page
	Pages  int           // in a trial
	Quick  time.Duration // mean of a quick answer
	Slow   time.Duration // a slow answer
	Share  float64       // probability that an answer is slow
	After  time.Duration // when to send a second copy; 0 is never
	Shared bool          // both copies of a leaf are slow together
	Trials int
	Seed   uint64
}

// HedgeResult is both sides of hedging.
type HedgeResult struct {
	SlowPages Summary // share of pages that took as long as a slow answer
	Load      Summary // copies for each leaf
	P50, P99  Summary // seconds that a page took
	Trials    int
}

// Check names a parameter that is out of its range.
func (p HedgeParams) Check() error {
	return errors.Join(
		between("fan-out", p.FanOut, 1, 10_000),
		between("pages", p.Pages, 1, 1_000_000),
		between("fan-out × pages", float64(p.FanOut)*float64(p.Pages), 1, mostCalls),
		between("quick answer", p.Quick, time.Microsecond, longest),
		between("slow answer", p.Slow, 2*p.Quick, longest),
		between("slow share", p.Share, 0, 1),
		between("wait before a second copy", p.After, 0, p.Slow/2),
		between("trials", p.Trials, 1, 1000))
}

// Quantile is the time within which so large a share of single answers is there.
func (p HedgeParams) Quantile(q float64) time.Duration {
	if q > 1-p.Share {
		return p.Slow
	}
	return p.quick(q / (1 - p.Share))
}

// quick is a quick answer's time for a draw from [0, 1).
func (p HedgeParams) quick(u float64) time.Duration {
	return time.Duration((0.5 + u) * float64(p.Quick))
}

// Hedge runs the trials. It ends early only with ctx, and then with its error. Whether and when second copies are sent
// changes nothing about the first ones: a seed draws the same.
func Hedge(ctx context.Context, p HedgeParams) (HedgeResult, error) {
	if err := p.Check(); err != nil {
		return HedgeResult{}, err
	}
	var slow, load, p50, p99 []float64
	for trial := range p.Trials {
		if err := ctx.Err(); err != nil {
			return HedgeResult{}, err
		}
		pages, copies := p.pages(trial)
		slices.Sort(pages)
		quick, _ := slices.BinarySearch(pages, p.Slow)
		slow = append(slow, 1-float64(quick)/float64(p.Pages))
		load = append(load, float64(copies)/float64(p.Pages*p.FanOut))
		p50 = append(p50, pages[(p.Pages-1)/2].Seconds())
		p99 = append(p99, pages[(p.Pages*99+99)/100-1].Seconds())
	}
	return HedgeResult{SlowPages: summarise(slow), Load: summarise(load), P50: summarise(p50), P99: summarise(p99), Trials: p.Trials}, nil
}

// pages is one trial: how long each page took, and the copies sent for all of them.
func (p HedgeParams) pages(trial int) (took []time.Duration, copies int) {
	firsts, seconds := newRand(p.Seed, trial, 0), newRand(p.Seed, trial, 1)
	took = make([]time.Duration, p.Pages)
	for page := range took {
		for range p.FanOut {
			slow := firsts.Float64() < p.Share
			leaf := p.quick(firsts.Float64())
			if slow {
				leaf = p.Slow
			}
			copies++
			if p.After > 0 && leaf > p.After {
				copies++
				again := seconds.Float64() < p.Share
				second := p.quick(seconds.Float64())
				if again && !p.Shared || slow && p.Shared {
					second = p.Slow
				}
				leaf = min(leaf, p.After+second)
			}
			took[page] = max(took[page], leaf)
		}
	}
	return took, copies
}
