package availability_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"afloat/internal/availability"
)

// reading simulates readers of a page that needs every link: Poisson arrivals, 20 a second.
func reading(s availability.Schedule, seed uint64) []availability.Request {
	outages := availability.Union(s.Draw(horizon, seed)...)
	r := rand.New(rand.NewPCG(seed, 1))
	var requests []availability.Request
	for at := time.Duration(0); ; {
		at += time.Duration(r.ExpFloat64() * float64(time.Second) / 20)
		if at >= horizon {
			return requests
		}
		for len(outages) > 0 && outages[0].To <= at {
			outages = outages[1:]
		}
		requests = append(requests, availability.Request{At: at, OK: len(outages) == 0 || at < outages[0].From})
	}
}

// TestCoverage: of 95 % intervals around measurements, at least 92 % hold the formula's value, q³, where those that
// take requests for independent hold it far less often. A measurement has 20 to 60 mean cycles.
func TestCoverage(t *testing.T) {
	const trials = 600
	for _, c := range []struct {
		q        float64
		cycle    time.Duration
		binomial float64 // what the interval for independent requests stays below
	}{
		{0.9, 2 * time.Second, 0.70}, {0.9, 6 * time.Second, 0.40},
		{0.95, 2 * time.Second, 0.72}, {0.95, 6 * time.Second, 0.50},
		{0.99, 2 * time.Second, 0.90}, {0.99, 6 * time.Second, 0.80},
	} {
		s := availability.Schedule{Uptime: []float64{c.q, c.q, c.q}, Cycle: c.cycle}
		formula := availability.Series(s.Uptime...)
		honest, binomial := 0, 0
		for seed := range uint64(trials) {
			requests := reading(s, seed)
			estimate, err := availability.Interval(availability.Blocks(requests, horizon, c.cycle), 0.95, 1000, seed)
			if err != nil {
				t.Fatal(err)
			}
			if estimate.Contains(formula) {
				honest++
			}
			good := 0
			for _, r := range requests {
				if r.OK {
					good++
				}
			}
			if availability.Wilson(good, len(requests), 0.95).Contains(formula) {
				binomial++
			}
		}
		got, wrong := float64(honest)/trials, float64(binomial)/trials
		t.Logf("q = %v, %v cycles in %v: block bootstrap covers %.1f %%, binomial %.1f %%", c.q, c.cycle, horizon, 100*got, 100*wrong)
		if got < 0.92 || got > 0.985 {
			t.Errorf("q = %v, cycle %v: a 95 %% interval covers %.1f %%", c.q, c.cycle, 100*got)
		}
		if wrong > c.binomial {
			t.Errorf("q = %v, cycle %v: the binomial interval covers %.1f %%: are these outages?", c.q, c.cycle, 100*wrong)
		}
	}
}

// TestTheFormulaFailsWhenOutagesCorrelate: with one cause the intervals hold the worst link's uptime, and not the product.
func TestTheFormulaFailsWhenOutagesCorrelate(t *testing.T) {
	s := availability.Schedule{Uptime: []float64{0.8, 0.8, 0.8}, Cycle: cycle, Correlated: true}
	product, worst := 0, 0
	const trials = 200
	for seed := range uint64(trials) {
		estimate, err := availability.Interval(availability.Blocks(reading(s, seed), horizon, cycle), 0.95, 1000, seed)
		if err != nil {
			t.Fatal(err)
		}
		if estimate.Contains(availability.Series(s.Uptime...)) {
			product++
		}
		if estimate.Contains(0.8) {
			worst++
		}
	}
	if product > trials/20 || worst < trials*9/10 {
		t.Errorf("of %d intervals %d hold the product and %d the worst link's uptime", trials, product, worst)
	}
}

func TestWilson(t *testing.T) {
	// 81 of 263: the example of Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I.
	e := availability.Wilson(81, 263, 0.95)
	if math.Abs(e.Low-0.2553) > 0.0001 || math.Abs(e.High-0.3662) > 0.0001 {
		t.Errorf("got %.4f to %.4f, want 0.2553 to 0.3662", e.Low, e.High)
	}
}

// TestFewFailures: a page that hardly failed, or hardly served, still has an interval that says so.
func TestFewFailures(t *testing.T) {
	even := func(good ...int) []availability.Block {
		blocks := make([]availability.Block, 60)
		for i := range blocks {
			blocks[i] = availability.Block{Good: good[min(i, len(good)-1)], Total: 40}
		}
		return blocks
	}
	for name, c := range map[string]struct {
		blocks          []availability.Block
		mean, low, high float64
	}{
		"none failed":     {even(40), 1, 0.940, 1},
		"one block lost":  {even(0, 40), 59.0 / 60, 0.911, 1},
		"none was served": {even(0), 0, 0, 0.060},
		"one was served":  {even(40, 0), 1.0 / 60, 0, 0.089},
		"all alike":       {even(20), 0.5, 0.5, 0.5},
	} {
		e, err := availability.Interval(c.blocks, 0.95, 1000, 1)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(e.Mean-c.mean) > 1e-9 || math.Abs(e.Low-c.low) > 0.001 || e.High > c.high+0.005 || e.High < e.Mean {
			t.Errorf("%s: got %+v, want %+v", name, e, c)
		}
	}
}

func TestIntervalRefusesWhatItCantTell(t *testing.T) {
	enough := make([]availability.Block, availability.MinBlocks)
	for i := range enough {
		enough[i] = availability.Block{Good: i, Total: 10}
	}
	if _, err := availability.Interval(enough, 0.95, 1000, 1); err != nil {
		t.Error(err)
	}
	sparse := append([]availability.Block{{}}, enough[1:]...)
	for what, err := range map[string]error{
		"too few": second(availability.Interval(sparse, 0.95, 1000, 1)),
		"level":   second(availability.Interval(enough, 95, 1000, 1)),
		"resamp":  second(availability.Interval(enough, 0.95, 10, 1)),
	} {
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got error %v", what, err)
		}
	}
}

func TestBlocks(t *testing.T) {
	at := func(s float64, ok bool) availability.Request {
		return availability.Request{At: time.Duration(s * float64(time.Second)), OK: ok}
	}
	got := availability.Blocks([]availability.Request{at(0, true), at(1.9, false), at(2, true), at(5.5, true)}, 5600*time.Millisecond, 2*time.Second)
	if len(got) != 2 || got[0] != (availability.Block{Good: 1, Total: 2}) || got[1] != (availability.Block{Good: 2, Total: 2}) {
		t.Errorf("got %v", got)
	}
}

func second[T any](_ T, err error) error { return err }
