package experiments

import (
	"fmt"
	"math"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
)

// herdsTold makes tables, checks and charts of what the herds did.
func herdsTold(herds [2][]herd, rate float64, fill time.Duration, trials int) lab.Result {
	load := lab.Table{
		Caption: fmt.Sprintf("Queries for each of %d expiries at %g callers/s and a query of %s (injected); mean ± standard deviation", trials, rate, millis(fill)),
		Head:    []string{"cache", "queries an expiry", "in all", "connections taken", "most at once", "callers meanwhile", "waited p50", "waited p99"},
	}
	failing := lab.Table{
		Caption: fmt.Sprintf("The same when the first query of each of %d expiries fails (injected)", trials),
		Head:    []string{"cache", "queries in all", "callers meanwhile", "failed"},
	}
	var queries, waits chart.Bars
	counted, taken, queued := 0, 0, 0
	for i, cache := range caches {
		h, f := &herds[0][i], &herds[1][i]
		mean, sd := spread(h.queries)
		load.Rows = append(load.Rows, []string{
			cache.name, plusMinus(1, mean, sd), fmt.Sprint(total(h.queries)), fmt.Sprint(h.taken), fmt.Sprint(h.most),
			fmt.Sprint(len(h.waits)), millis(h.quantile(50)), millis(h.quantile(99)),
		})
		failing.Rows = append(failing.Rows, []string{cache.name, fmt.Sprint(total(f.queries)), fmt.Sprint(len(f.waits)), fmt.Sprintf("%d of %d", f.failed, len(f.waits))})
		queries = append(queries, chart.Row{Label: cache.name, Value: mean})
		waits = append(waits, chart.Row{Group: cache.name, Label: "p50", Value: 1000 * h.quantile(50).Seconds()}, chart.Row{Group: cache.name, Label: "p99", Value: 1000 * h.quantile(99).Seconds()})
		counted, taken, queued = counted+total(h.queries)+total(f.queries), taken+h.taken+f.taken, queued+h.queued+f.queued
	}
	alone, shared, behind := &herds[0][0], &herds[0][1], &herds[0][2]
	took, _ := spread(alone.first)
	expect := 1 + rate*took // the first to miss, and all who come while its query runs
	queries[0].Reference = chart.Reference{Label: "formula", Value: expect}
	each, _ := spread(alone.queries)
	one, _ := spread(shared.queries)
	r := lab.Result{
		Finding: fmt.Sprintf("An expired copy at %g callers/s and a query of %.0f ms made %.1f queries without coalescing and %.1f with it (means of %d expiries); the callers who came meanwhile waited %s and %s at p50, and %s where the old copy was given away. When the first query failed, %d of %d callers failed without coalescing and %d of %d with it.",
			rate, 1000*took, each, one, trials, millis(alone.quantile(50)), millis(shared.quantile(50)), millis(behind.quantile(50)),
			herds[1][0].failed, len(herds[1][0].waits), herds[1][1].failed, len(herds[1][1].waits)),
		Tables: []lab.Table{load, failing}, Trials: trials,
		Figures: []lab.Figure{
			chart.Figure{ID: "stampede-queries", Title: fmt.Sprintf("%.1f queries for an expired copy become %.1f when callers share them", each, one), Desc: "Queries at Postgres for each expiry; the formula is 1 + rate × time of the query. Injected.", X: chart.Axis{Label: "queries an expiry", Digits: 1}, Plot: queries},
			chart.Figure{ID: "stampede-waits", Title: fmt.Sprintf("At p99 callers waited %s each for itself, %s coalesced, and %s with the old copy", millis(alone.quantile(99)), millis(shared.quantile(99)), millis(behind.quantile(99))), Desc: "Waits of the callers who came between the expiry and the end of the first query. Injected.", X: chart.Axis{Label: "wait", Unit: "ms", Digits: 2}, Plot: waits},
		},
	}
	r.Checks = stampedeChecks(herds, rate, took, fill, trials)
	r.Checks = append(r.Checks, lab.Check{Claim: "queries counted by the callers are those that took a connection", Want: fmt.Sprint(counted), Got: fmt.Sprint(taken), Met: counted == taken, Source: lab.Reference{Text: "internal/lab/experiments/stampede_herd.go", URL: "/source/internal/lab/experiments/stampede_herd.go"}})
	if queued > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d of %d queries waited for a free connection, and so took longer than they were told to.", queued, counted))
	}
	return r
}

// stampedeChecks hold the three caches against what they should do.
func stampedeChecks(herds [2][]herd, rate, took float64, fill time.Duration, trials int) []lab.Check {
	ours := lab.Reference{Text: "internal/resilience/coalesce.go", URL: "/source/internal/resilience/coalesce.go"}
	mean, _ := spread(herds[0][0].queries)
	expect := 1 + rate*took
	checks := []lab.Check{near("queries an expiry without coalescing: 1 + rate × time of the query", 1, mean, expect, 4*math.Sqrt(expect/float64(trials))+0.1*expect, scalingMemcache)}
	for i, source := range []lab.Reference{scalingMemcache, rfc5861} {
		got := total(herds[0][i+1].queries)
		checks = append(checks, lab.Check{Claim: "queries in all, " + caches[i+1].name, Want: fmt.Sprintf("%d: one for each expiry", trials), Got: fmt.Sprint(got), Met: got == trials, Source: source})
	}
	slow := herds[0][2].quantile(99)
	checks = append(checks, lab.Check{Claim: "nobody waits while the old copy is given away: p99", Want: "under " + millis(fill/10), Got: millis(slow), Met: slow < fill/10, Source: rfc5861})
	alone, shared, behind := &herds[1][0], &herds[1][1], &herds[1][2]
	return append(checks,
		lab.Check{Claim: "callers who failed with the first query, each asking for itself", Want: fmt.Sprintf("at most %d: one for each expiry", trials), Got: fmt.Sprint(alone.failed), Met: alone.failed <= trials, Source: ours},
		lab.Check{Claim: "callers who failed with the first query, coalesced", Want: "at least 90 % of those who came meanwhile", Got: fmt.Sprintf("%d of %d", shared.failed, len(shared.waits)), Met: float64(shared.failed) >= 0.9*float64(len(shared.waits)), Source: ours},
		lab.Check{Claim: "callers who failed with the first query while the old copy is given away", Want: "0", Got: fmt.Sprint(behind.failed), Met: behind.failed == 0, Source: rfc5861})
}

// total is the sum of counts.
func total(counts []float64) (sum int) {
	for _, n := range counts {
		sum += int(n)
	}
	return sum
}

// millis writes a wait: "0.04 ms", "1.2 ms", "104 ms".
func millis(d time.Duration) string {
	ms := 1000 * d.Seconds()
	switch {
	case ms < 1:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}
