package availability

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Interval: how far may a measured availability be from the true one?
//
// Idea: the requests of one outage fail together, so 2,400 of them are not 2,400 independent observations: the
// binomial interval, which takes them to be, covers the truth in 29 to 83 % of such measurements, not in 95. What is
// nearly independent is one stretch of time and the next. So requests are put into blocks, and the blocks are
// resampled (block bootstrap; Künsch, 1989; Efron and Tibshirani, "An Introduction to the Bootstrap", 1993,
// chapters 8 and 12). An on/off link of uptime q forgets its state within q·(1−q) of a mean cycle, at most a quarter
// of it, so blocks as long as one mean cycle are enough, also for a page that needs several such links: its outages
// have no cycle of their own, but forget as fast. The plain percentiles are too narrow for few blocks: here each
// resample is divided by its own standard error (bootstrap-t), which covers 93 to 97 % with 15 to 60 blocks.
// It still says nothing about what a longer measurement would have met for the first time.

// MinBlocks is the fewest blocks that an interval is made from.
const MinBlocks = 8

// A Request is when a reader asked, from the start, and whether the answer counts as served.
type Request struct {
	At time.Duration
	OK bool
}

// A Block is how many requests of one stretch of time were served.
type Block struct{ Good, Total int }

// Blocks puts requests into blocks of a length, which is best the mean cycle of the outages. What is left of the
// horizon after the last whole block belongs to that. There is always one block, and a block may be empty.
func Blocks(requests []Request, horizon, length time.Duration) []Block {
	blocks := make([]Block, max(1, horizon/length))
	for _, r := range requests {
		b := &blocks[min(int(r.At/length), len(blocks)-1)]
		b.Total++
		if r.OK {
			b.Good++
		}
	}
	return blocks
}

// An Estimate is a measured availability with its confidence interval.
type Estimate struct{ Mean, Low, High float64 }

// Contains reports whether a value, such as the formula's, lies in the interval.
func (e Estimate) Contains(v float64) bool { return e.Low <= v && v <= e.High }

// Wilson is the interval for independent requests; total must be above 0. It is here to be shown beside [Interval],
// whose requests are not independent.
func Wilson(good, total int, level float64) Estimate {
	z := math.Sqrt2 * math.Erfinv(level)
	n, p := float64(total), float64(good)/float64(total)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Estimate{Mean: p, Low: max(0, middle-half), High: min(1, middle+half)}
}

// Interval is the share of served requests, with an interval at a confidence level such as 0.95, by bootstrap-t over
// so many resamples: 2000 are plenty. Empty blocks don't count, and fewer than [MinBlocks] others are an error.
//
// Where so few blocks hold a failure that many a resample has none, the bootstrap can't tell how low the truth may be.
// Then the low end is Wilson's for blocks without any failure, as if the others were lost whole: wide, but true. The
// high end is treated alike when hardly anything succeeded.
func Interval(blocks []Block, level float64, resamples int, seed uint64) (Estimate, error) {
	blocks = slices.DeleteFunc(slices.Clone(blocks), func(b Block) bool { return b.Total == 0 })
	switch {
	case len(blocks) < MinBlocks:
		return Estimate{}, fmt.Errorf("%d blocks with requests are too few for an interval, which takes %d: measure for longer",
			len(blocks), MinBlocks)
	case !(level > 0 && level < 1):
		return Estimate{}, fmt.Errorf("the confidence level is %v: it must be between 0 and 1, such as 0.95", level)
	case resamples < 100:
		return Estimate{}, fmt.Errorf("%d resamples are too few: at least 100, and better 2000", resamples)
	}
	mean, se := ratio(blocks)
	ts := studentised(blocks, mean, resamples, newRand(seed, 0))
	cut := int(float64(resamples) * (1 - level) / 2)
	low, high := ts[resamples-1-cut], ts[cut] // a resample that is too high speaks of a truth that is lower

	e := Estimate{Mean: mean, Low: max(0, mean-low*se), High: min(1, mean-high*se)}
	if clean := count(blocks, func(b Block) bool { return b.Good == b.Total }); mean == 1 || math.IsInf(low, 1) {
		e.Low = min(mean, Wilson(clean, len(blocks), level).Low)
	}
	if some := count(blocks, func(b Block) bool { return b.Good > 0 }); mean == 0 || math.IsInf(high, -1) {
		e.High = max(mean, Wilson(some, len(blocks), level).High)
	}
	return e, nil
}

// studentised draws resamples and says, in order, by how many of its own standard errors each is above the mean.
func studentised(blocks []Block, mean float64, resamples int, r *rand.Rand) []float64 {
	ts := make([]float64, resamples)
	resample := make([]Block, len(blocks))
	for i := range ts {
		for j := range resample {
			resample[j] = blocks[r.IntN(len(blocks))]
		}
		if m, se := ratio(resample); m != mean { // and equal to it is 0, whatever the error
			ts[i] = (m - mean) / se // ±Inf where all of the resample is alike
		}
	}
	slices.Sort(ts)
	return ts
}

// ratio is the share that was served and its standard error between blocks, by the delta method for a ratio. The usual
// factor n/(n−1) is left out: bootstrap-t divides by one such error and multiplies by another.
func ratio(blocks []Block) (mean, se float64) {
	var good, total, squares float64
	for _, b := range blocks {
		good, total = good+float64(b.Good), total+float64(b.Total)
	}
	mean = good / total
	for _, b := range blocks {
		d := float64(b.Good) - mean*float64(b.Total)
		squares += d * d
	}
	return mean, math.Sqrt(squares) / total
}

func count(blocks []Block, is func(Block) bool) int {
	n := 0
	for _, b := range blocks {
		if is(b) {
			n++
		}
	}
	return n
}
