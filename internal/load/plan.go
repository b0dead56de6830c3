// Package load sends open-loop readers to a blog and measures what they got.
//
// Open loop means that a reader arrives when the plan says so, however slow the
// blog is: real readers don't wait for each other. A closed loop, which sends
// the next request after the last reply, slows down together with its target
// and hides the very tail it should show.
package load

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"
)

// Limits of a plan: enough to measure with, too little to do harm by accident.
const (
	MaxRate     = 200.0 // requests a second
	MaxDuration = 10 * time.Minute
	maxTimeout  = time.Minute
	maxWorkers  = 20_000
	maxZipf     = 5.0
	defaultZipf = 1.1
)

// Plan says which readers arrive when. The same plan makes the same arrivals
// and the same choice of paths.
type Plan struct {
	Target       string        // base URL; loopback unless its host is in AllowedHosts
	AllowedHosts []string      // further hosts that may be loaded, without port
	Rate         float64       // mean arrivals a second, above 0 and at most 200
	Duration     time.Duration // how long readers arrive, at most 10 minutes
	Seed         uint64        // of arrivals and paths
	Paths        []string      // most popular first, each starting with /
	Zipf         float64       // exponent of popularity by rank, at most 5; 0 means 1.1
	Timeout      time.Duration // longest wait for one reply, at most 1 minute
	MaxWorkers   int           // most requests at once; 0 means as many as arrive
	Fresh        bool          // a connection for each reader: net/http then never sends a request again by itself

	// Check, unless it is nil, looks at the body of each 200, which has come whole, and tells what is wrong with it.
	// A reader whose page is wrong got no page: see Sample.Error. It is called from one goroutine.
	Check func(path string, body []byte) error

	// Each, unless it is nil, is told what became of each reader, one at a time and as they end. Those who were
	// never sent are told at the end; those cut off by the end of Run's ctx are not.
	Each func(Sample)
}

// Validate reports everything that is wrong with the plan, joined, each with
// field, range and unit.
func (p Plan) Validate() error {
	errs := []error{p.checkTarget()}
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	// Written so that NaN fails.
	check(p.Rate > 0 && p.Rate <= MaxRate, "rate is %v: give requests a second, above 0 and at most %v", p.Rate, MaxRate)
	check(p.Duration > 0 && p.Duration <= MaxDuration, "duration is %v: give a time above 0 and at most %v", p.Duration, MaxDuration)
	check(p.Timeout > 0 && p.Timeout <= maxTimeout, "timeout is %v: give a time above 0 and at most %v", p.Timeout, maxTimeout)
	check(p.Zipf >= 0 && p.Zipf <= maxZipf, "zipf is %v: give an exponent from 0 (meaning %v) to %v", p.Zipf, defaultZipf, maxZipf)
	check(p.MaxWorkers >= 0 && p.MaxWorkers <= maxWorkers, "max workers is %d: give requests at once, from 0 (no limit) to %d", p.MaxWorkers, maxWorkers)
	check(len(p.Paths) > 0, "paths is empty: give at least one")
	for i, path := range p.Paths {
		u, err := url.Parse(path)
		check(err == nil && strings.HasPrefix(path, "/") && u.Host == "" && u.Fragment == "",
			"paths[%d] is %q: give a path that starts with one /", i, path)
	}
	return errors.Join(errs...)
}

func (p Plan) checkTarget() error {
	u, err := url.Parse(p.Target)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.User != nil || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("target is no base URL: give one like http://127.0.0.1:8080")
	}
	host := u.Hostname()
	addr, err := netip.ParseAddr(host)
	loopback := host == "localhost" || err == nil && addr.Unmap().IsLoopback()
	if !loopback && !slices.Contains(p.AllowedHosts, host) {
		return fmt.Errorf("target's host %q is not loopback: load only what is yours, and name its host among the allowed ones", host)
	}
	return nil
}

// arrival is one reader: when, counted from the start, and to which path.
type arrival struct {
	at   time.Duration
	path string
}

// arrivals draws a Poisson process: readers who know nothing of each other, so
// gaps are exponential and bursts happen.
func (p Plan) arrivals() []arrival {
	random := rand.New(rand.NewPCG(p.Seed, 0))
	popularity := zipf(len(p.Paths), p.Zipf)
	var out []arrival
	for at := 0.0; ; {
		at += random.ExpFloat64() / p.Rate
		if at >= p.Duration.Seconds() {
			return out
		}
		rank := min(sort.SearchFloat64s(popularity, random.Float64()), len(p.Paths)-1)
		out = append(out, arrival{at: time.Duration(at * float64(time.Second)), path: p.Paths[rank]})
	}
}

// zipf returns the cumulative probabilities of n ranks, where rank k is drawn
// in proportion to 1/k^exponent. (rand.Zipf allows no exponent of 1 or less.)
func zipf(n int, exponent float64) []float64 {
	if exponent == 0 {
		exponent = defaultZipf
	}
	cumulative := make([]float64, n)
	sum := 0.0
	for k := range cumulative {
		sum += math.Pow(float64(k+1), -exponent)
		cumulative[k] = sum
	}
	for k := range cumulative {
		cumulative[k] /= sum
	}
	return cumulative
}
