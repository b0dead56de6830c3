package experiments

import (
	"fmt"
	"math"
	"strconv"

	"afloat/internal/availability"
	"afloat/internal/chart"
	"afloat/internal/lab"
)

// postedTold makes tables, checks and a chart of what was posted.
func postedTold(all []posted, per100 [][]float64, v lab.Values) lab.Result {
	p, retries := v.Float("lost")/100, v.Int("attempts")-1
	formula := 100 * (availability.RetryLoad(p, retries) - 1)
	table := lab.Table{
		Caption: fmt.Sprintf("Comments of %d callers; %g %% of the replies lost after the commit, up to %d attempts, %s between two (injected); duplicates: mean ± standard deviation (trials: %d)", all[0].calls, 100*p, retries+1, millis(v.Duration("wait")), v.Int("trials")),
		Head:    []string{"way", "calls", "told that it succeeded", "tries at Postgres", "replies lost", "rows written", "duplicates for 100 calls", "formula", "told that it failed, and written"},
	}
	var bars chart.Bars
	expect := []float64{formula, 0, formula}
	for i, way := range posters {
		got := all[i]
		mean, sd := spread(per100[i])
		table.Rows = append(table.Rows, []string{
			way.name, strconv.Itoa(got.calls), percent(got.told, got.calls), strconv.Itoa(got.tries), strconv.Itoa(got.lost), strconv.Itoa(got.rows),
			plusMinus(1, mean, sd), digits(1, expect[i]), strconv.Itoa(got.written - got.told),
		})
		bars = append(bars, chart.Row{Label: way.name, Value: got.per100(), Reference: chart.Reference{Label: "formula", Value: expect[i]}})
	}
	none, key, pruned := all[0], all[1], all[2]
	r := lab.Result{
		Finding: fmt.Sprintf("Of %d callers' comments, with %g %% of the replies lost, there were %d duplicates without a key, %.1f for 100 calls; %d with a key, and %d with one that was pruned too soon. Without a key %s callers were told that theirs was written, with one %s.",
			none.calls, 100*p, none.duplicates(), none.per100(), key.duplicates(), pruned.duplicates(), percent(none.told, none.calls), percent(key.told, key.calls)),
		Tables: []lab.Table{table, stripeTable()}, Trials: v.Int("trials"),
		Figures: []lab.Figure{chart.Figure{
			ID: "idempotency-duplicates", Title: fmt.Sprintf("%.1f duplicates for 100 calls without a key, %.1f with one, and %.1f where it is pruned too soon", none.per100(), key.per100(), pruned.per100()),
			Desc: "Rows beyond one for each caller, for 100 calls, beside the formula. Injected.", X: chart.Axis{Label: "duplicates for 100 calls", Digits: 1}, Plot: bars,
		}},
		Checks: postedChecks(all, formula, p, retries),
	}
	for i, got := range all {
		if got.otherwise > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s: %d of %d calls failed otherwise than by a lost reply.", posters[i].name, got.otherwise, got.calls))
		}
	}
	return r
}

// postedChecks hold what was posted against the formulas.
func postedChecks(all []posted, formula, p float64, retries int) []lab.Check {
	none, key, pruned := all[0], all[1], all[2]
	n := float64(none.calls)
	margin := 400 * triesSD(p, retries) / math.Sqrt(n)
	told := 100 * (1 - availability.RetryFailure(p, retries))
	exactly := func(claim string, got, want int, source lab.Reference) lab.Check {
		return lab.Check{Claim: claim, Want: strconv.Itoa(want), Got: strconv.Itoa(got), Met: got == want, Source: source}
	}
	return []lab.Check{
		near("no key: duplicates for 100 calls", 1, none.per100(), formula, margin, ourPosting),
		exactly("no key: rows, one for each try", none.rows, none.tries, ourPosting),
		exactly("key, kept for good: duplicates", key.duplicates(), 0, ourComments),
		exactly("key, kept for good: calls of which there is a row", key.written, key.calls, ourComments),
		near("key, pruned too soon: duplicates for 100 calls", 1, pruned.per100(), formula, margin+formula/10, stripeKeys),
		near("no key: callers told that it succeeded, in percent", 1, 100*share(none.told, none.calls), told, 100*4*math.Sqrt(told/100*(1-told/100)/n), ourPosting),
		exactly("key, kept for good: callers told that it succeeded, as without", key.told, none.told, ourPosting),
	}
}

// triesSD is the standard deviation of the tries that a call makes, when each fails with probability p.
func triesSD(p float64, retries int) float64 {
	mean, squares := availability.RetryLoad(p, retries), 0.0
	for i := range retries + 1 {
		tries := float64(i + 1)
		chance := math.Pow(p, float64(i))
		if i < retries {
			chance *= 1 - p // that it ends here; the last try ends it either way
		}
		squares += chance * tries * tries
	}
	return math.Sqrt(squares - mean*mean)
}

// stripeTable is what another's keys do, as its reference says.
func stripeTable() lab.Table {
	return lab.Table{
		Caption: "What Stripe's API v1 saves under a key, as its reference says; not measured here",
		Head:    []string{"the first request", "saved", "a further one with its key gets"},
		Rows: [][]string{
			{"was carried out", "status and body", "the same answer"},
			{"failed while it was carried out, a 500 included", "status and body", "the same error"},
			{"failed validation", "nothing", "a new try"},
			{"conflicted with one under way at the same time", "nothing", "a new try"},
			{"was made with other parameters", "status and body", "an error of its own"},
			{"was at least 24 hours ago, and its key is pruned", "nothing any more", "a new request"},
		},
	}
}
