package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Backoff and jitter: does waiting longer keep clients from meeting again?
//
// Model: all clients update one row at the same moment by optimistic concurrency. Each reads the row's version, then
// writes with that version; the write fails if another has come first, and the client waits and starts again from the
// read. So of all clients that have read the same version one succeeds. Only writes count as calls. Without jitter the
// clients that failed together come back together, however long they wait. No waiting at all is done first, and does
// the most work. Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015), and its simulator,
// aws-samples/aws-arch-backoff-simulator.

// Algorithm names how long a client waits after a write that failed.
type Algorithm string

const (
	None         Algorithm = "none"         // not at all
	Expo         Algorithm = "expo"         // the ceiling: Base doubled with each failure, up to Cap
	Equal        Algorithm = "equal"        // half the ceiling, and at random up to as much again
	Full         Algorithm = "full"         // at random from nothing to the ceiling
	Decorrelated Algorithm = "decorrelated" // at random from Base to three times the last wait, up to Cap
)

// Algorithms are all there are, in the order of the article's tables.
var Algorithms = []Algorithm{None, Expo, Equal, Full, Decorrelated}

// JitterParams are the parameters of [Jitter]; [PublishedJitter] has the article's.
type JitterParams struct {
	Clients   int
	Base, Cap time.Duration
	Hop       time.Duration // mean of one way to the server or back: |Normal(Hop, HopSD)|
	HopSD     time.Duration
	Algorithm Algorithm
	Trials    int
	Seed      uint64
}

// JitterResult is the work and the time until every client's write has succeeded.
type JitterResult struct {
	Calls    Summary         // writes, those that failed included
	Time     Summary         // seconds until the last client has its answer
	Arrivals []time.Duration // when writes reached the server in the first trial, in order
	Trials   int
}

// Check names a parameter that is out of its range.
func (p JitterParams) Check() error {
	var known error
	if !slices.Contains(Algorithms, p.Algorithm) {
		known = fmt.Errorf("no algorithm is called %q: use none, expo, equal, full or decorrelated", p.Algorithm)
	}
	return errors.Join(known,
		between("clients", p.Clients, 1, 1000),
		between("base", p.Base, 0, longest),
		between("cap", p.Cap, p.Base, longest),
		between("hop", p.Hop, 0, longest),
		between("standard deviation of a hop", p.HopSD, 0, longest),
		between("trials", p.Trials, 1, 10_000))
}

// Jitter runs the trials. It ends early only with ctx, and then with its error.
func Jitter(ctx context.Context, p JitterParams) (JitterResult, error) {
	if err := p.Check(); err != nil {
		return JitterResult{}, err
	}
	result := JitterResult{Trials: p.Trials}
	var calls, times []float64
	for trial := range p.Trials {
		if err := ctx.Err(); err != nil {
			return JitterResult{}, err
		}
		arrivals, end := p.contend(newRand(p.Seed, trial, 0))
		if trial == 0 {
			result.Arrivals = arrivals
		}
		calls, times = append(calls, float64(len(arrivals))), append(times, end)
	}
	result.Calls, result.Time = summarise(calls), summarise(times)
	return result, nil
}

// A message is on its way from a client to the server.
type message struct {
	client  int
	write   bool // or else a read
	version int  // that the write rests on
}

// contend is one trial: when the writes arrive, and when the last client is done, in seconds.
func (p JitterParams) contend(r *rand.Rand) (writes []time.Duration, end float64) {
	hop := func() float64 { return math.Abs(p.Hop.Seconds() + p.HopSD.Seconds()*r.NormFloat64()) }
	waits := make([]waiting, p.Clients)
	var sent agenda[message]
	for c := range p.Clients {
		sent.add(hop(), message{client: c})
	}
	version := 0
	for at, m, ok := sent.next(); ok; at, m, ok = sent.next() {
		switch {
		case !m.write: // the answer takes a hop, and the write that follows another
			sent.add(at+hop()+hop(), message{client: m.client, write: true, version: version})
			continue
		case m.version == version:
			version++
			end = max(end, at+hop())
		default:
			told := at + hop()
			sent.add(told+waits[m.client].next(p, r)+hop(), message{client: m.client})
		}
		writes = append(writes, duration(at))
	}
	return writes, end
}

// waiting is what a client knows of its failures so far.
type waiting struct {
	failures int
	last     float64 // seconds; decorrelated jitter only
}

// next is how long to wait after one more failure, in seconds. The ceiling is doubled before the first wait already, as
// in the published simulator.
func (w *waiting) next(p JitterParams, r *rand.Rand) float64 {
	w.failures++
	base, most := p.Base.Seconds(), p.Cap.Seconds()
	ceiling := min(most, base*math.Pow(2, float64(w.failures)))
	switch p.Algorithm {
	case Expo:
		return ceiling
	case Equal:
		return ceiling/2 + r.Float64()*ceiling/2
	case Full:
		return r.Float64() * ceiling
	case Decorrelated:
		last := cmp.Or(w.last, base)
		w.last = min(most, base+r.Float64()*(3*last-base))
		return w.last
	default:
		return 0
	}
}

// Histogram counts arrivals in bins of a width, from time 0 to the last arrival.
func Histogram(arrivals []time.Duration, width time.Duration) []int {
	var bins []int
	for _, at := range arrivals {
		for int(at/width) >= len(bins) {
			bins = append(bins, 0)
		}
		bins[at/width]++
	}
	return bins
}
