package experiments

import (
	"fmt"
	"math"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
)

// A netSum is one way over all trials.
type netSum struct {
	before, beforeOK, during, duringOK, late, lateOK, old int
	asked, fallen                                         int // of the database, before and in the outage
	beforeFor, duringFor                                  time.Duration
	hits, misses, most, wasted                            int
	shares                                                []float64 // percent answered in the outage, of each trial
	capacity                                              []float64
	waitsBefore, waits                                    []time.Duration
}

func netSumOf(caught []catch) (s netSum) {
	for _, c := range caught {
		before, beforeOK, _, waitsBefore := c.came(0, c.from)
		during, duringOK, old, waits := c.came(c.from, c.to)
		late, lateOK, _, _ := c.came(c.settled(), c.to)
		s.before, s.beforeOK, s.during, s.duringOK, s.old = s.before+before, s.beforeOK+beforeOK, s.during+during, s.duringOK+duringOK, s.old+old
		s.late, s.lateOK = s.late+late, s.lateOK+lateOK
		s.asked, s.fallen = s.asked+c.questions(0, c.from), s.fallen+c.questions(c.from, c.to)
		s.beforeFor, s.duringFor = s.beforeFor+c.from, s.duringFor+c.to-c.from
		s.hits, s.misses, s.most, s.wasted = s.hits+c.hits, s.misses+c.misses, max(s.most, c.most), s.wasted+c.wasted
		s.shares, s.capacity = append(s.shares, 100*share(duringOK, during)), append(s.capacity, c.capacity)
		s.waitsBefore, s.waits = append(s.waitsBefore, waitsBefore...), append(s.waits, waits...)
	}
	return s
}

// loadBefore and loadDuring are questions to the database a second.
func (s *netSum) loadBefore() float64 { return float64(s.asked) / s.beforeFor.Seconds() }
func (s *netSum) loadDuring() float64 { return float64(s.fallen) / s.duringFor.Seconds() }

// jump is how many times the load on the database grew, for each reader.
func (s *netSum) jump() float64 {
	return float64(s.fallen) / math.Max(1, float64(s.during)) / (math.Max(1, float64(s.asked)) / math.Max(1, float64(s.before)))
}

// missed is the share of the readers for whom the cache had nothing.
func (s *netSum) missed() float64 { return share(s.misses, s.hits+s.misses) }

func netsTold(caught [][]catch, plan netPlan, v lab.Values) lab.Result {
	trials := v.Int("trials")
	readers := lab.Table{
		Caption: fmt.Sprintf("Readers answered within %s: %d outages of the cache of %v, %g readers/s, %g %% of them for keys that it has (injected); mean ± standard deviation of the outages", millis(plan.patience), trials, plan.ends-plan.begins, v.Float("rate"), v.Float("hits")),
		Head:    []string{"way", "before", "in the outage", "of each outage", "in its second half", "with an old copy", "wait p50 before", "wait p50 in it", "wait p99 in it"},
	}
	load := lab.Table{
		Caption: fmt.Sprintf("The database, which can do about %.0f queries a second (injected)", float64(plan.workers)/plan.work.Seconds()),
		Head:    []string{"way", "asked before", "asked in the outage", "times as much", "1 ÷ (1 − hit share)", "most in it at once", "queries for readers who had left"},
	}
	sums := make([]netSum, len(nets))
	var bars, jumps chart.Bars
	for i, way := range nets {
		s := netSumOf(caught[i])
		sums[i] = s
		mean, sd := spread(s.shares)
		readers.Rows = append(readers.Rows, []string{
			way.name, percent(s.beforeOK, s.before), percent(s.duringOK, s.during), plusMinus(1, mean, sd) + " %", percent(s.lateOK, s.late), fmt.Sprint(s.old),
			millis(quantile(s.waitsBefore, 50)), millis(quantile(s.waits, 50)), millis(quantile(s.waits, 99)),
		})
		formula := ""
		if i == 0 {
			formula = digits(1, 1/s.missed())
			jumps = append(jumps, chart.Row{Label: way.name, Value: s.jump(), Reference: chart.Reference{Label: "formula", Value: 1 / s.missed()}})
		} else {
			jumps = append(jumps, chart.Row{Label: way.name, Value: s.jump()})
		}
		load.Rows = append(load.Rows, []string{
			way.name, digits(1, s.loadBefore()) + "/s", digits(1, s.loadDuring()) + "/s", digits(1, s.jump()), formula, fmt.Sprint(s.most), fmt.Sprint(s.wasted),
		})
		bars = append(bars, chart.Row{Label: way.name, Value: 100 * share(s.lateOK, s.late)})
	}
	naive, net := &sums[0], &sums[len(sums)-1]
	return lab.Result{
		Finding: fmt.Sprintf("Without the cache the database was asked %.1f times as often for each reader (formula: %.1f). Where all asked it, %s of the second half's readers were answered in time; with a limit %s; with old copies in memory %s, for %.1f queries a second.",
			naive.jump(), 1/naive.missed(), percent(naive.lateOK, naive.late), percent(sums[1].lateOK, sums[1].late), percent(net.lateOK, net.late), net.loadDuring()),
		Tables: []lab.Table{readers, load}, Trials: trials, Checks: netChecks(sums, plan, v),
		Figures: []lab.Figure{
			netFigure(caught, "safety-net-readers", fmt.Sprintf("All asking the database, %.0f %% are answered in the second half of the outage; with old copies in memory %.0f %%", bars[0].Value, bars[len(bars)-1].Value),
				"Readers answered in time, by when they came, in the first outage of each way. Injected.", "answered in time", func(c *catch, from, to time.Duration) int { _, ok, _, _ := c.came(from, to); return ok }),
			netFigure(caught, "safety-net-load", fmt.Sprintf("The database is asked %.0f times a second without the cache, and %.0f times with old copies", naive.loadDuring(), net.loadDuring()),
				"Questions that the database took, in the first outage of each way. Injected.", "questions", func(c *catch, from, to time.Duration) int { return c.questions(from, to) }),
			chart.Figure{ID: "safety-net-jump", Title: fmt.Sprintf("%.1f times the load on the database, by the formula %.1f", naive.jump(), 1/naive.missed()), Desc: "Questions that the database took for each reader, in the outage to before it. Injected.", X: chart.Axis{Label: "times as much", Digits: 1}, Plot: jumps},
		},
	}
}

// netFigure draws something of the first outage of each way, a second.
func netFigure(caught [][]catch, id, title, desc, axis string, count func(c *catch, from, to time.Duration) int) chart.Figure {
	const bin = time.Second / 2
	var lines chart.Lines
	for i, way := range nets {
		c := &caught[i][0]
		end := c.readers[len(c.readers)-1].came
		series := chart.Series{Name: way.name}
		for from := time.Duration(0); from+bin <= end; from += bin {
			series.Points = append(series.Points, chart.Point{X: (from + bin/2).Seconds(), Y: float64(count(c, from, from+bin)) / bin.Seconds()})
		}
		lines = append(lines, series)
	}
	first := &caught[0][0]
	return chart.Figure{
		ID: id, Title: title, Desc: desc, X: chart.Axis{Label: "time", Unit: "s"}, Y: chart.Axis{Label: axis, Unit: "/s"}, Plot: lines,
		Marks: []chart.Mark{{At: first.from.Seconds(), For: (first.to - first.from).Seconds(), Label: "cache gone"}},
	}
}

func netChecks(sums []netSum, plan netPlan, v lab.Values) []lab.Check {
	naive, limited, shared, net := &sums[0], &sums[1], &sums[2], &sums[3]
	misses, asked := 1-v.Float("hits")/100, 0.0
	drawn := 0
	for _, s := range sums[:3] { // the memory keeps readers from the cache
		drawn, asked = drawn+s.hits+s.misses, asked+float64(s.misses)
	}
	sd := math.Sqrt(misses * (1 - misses) / math.Max(1, float64(drawn)/3)) // the three draw the same readers
	rate, can := v.Float("rate"), meanOfAll(limited.capacity)
	keys := float64(plan.keys)
	kept := misses*rate + keys/(netFresh.Seconds()+keys/(rate*(1-misses))) // a copy's life, and the wait for the reader who ends it
	checks := []lab.Check{
		near("readers for whom the cache had nothing, in percent", 1, 100*asked/math.Max(1, float64(drawn)), 100*misses, 400*sd, ourNarrowDB),
		near("all ask the database: times as many questions for each reader, 1 ÷ (1 − hit share)", 1, naive.jump(), 1/naive.missed(), 0.1/naive.missed(), ourNarrowDB),
	}
	if rate > 1.5*can { // else there is no overload that this could show
		checks = append(checks,
			below("all ask the database: answered in time in the second half, in percent", 1, 100*share(naive.lateOK, naive.late), 5, avoidFallback),
			near("with a limit: answered in time in the second half, in percent: what the database can do", 1, 100*share(limited.lateOK, limited.late), 100*can/rate, 10, ourNarrowDB))
	}
	return append(checks,
		atLeast("and coalescing: answered in time in the second half, in percent: no fewer than with the limit alone", 1, 100*share(shared.lateOK, shared.late), 100*share(limited.lateOK, limited.late)-5, ourNarrowDB),
		atLeast("and old copies in memory: answered in time in the outage, in percent", 1, 100*share(net.duringOK, net.during), 97, ourNarrowDB),
		near("and old copies in memory: questions a second: those for rare keys, and one for each popular key and copy's life", 1, net.loadDuring(), kept, 0.3*kept, ourNarrowDB))
}

// atLeast holds a measurement against the least that it may be.
func atLeast(claim string, n int, got, least float64, source lab.Reference) lab.Check {
	return lab.Check{Claim: claim, Want: "at least " + digits(n, least), Got: digits(n, got), Met: got >= least-1e-9, Source: source}
}
