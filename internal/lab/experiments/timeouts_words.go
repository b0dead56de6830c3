package experiments

import (
	"fmt"
	"strconv"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// waitsTold makes tables, checks and charts of both parts.
func waitsTold(chain []waited, storm []stormed, v lab.Values) lab.Result {
	m := waitModelOf(v)
	limits := lab.Table{Caption: "The blog's own timeouts, from internal/policy", Head: []string{"calls", "dependency", "one attempt", "attempts at most", "the whole call"}}
	for _, row := range policy.Afloat().Rows() {
		limits.Rows = append(limits.Rows, []string{row.Name, row.Link, limit(row.AttemptDeadline), strconv.Itoa(max(row.Retry.Attempts, 1)), limit(row.Deadline)})
	}
	none, timeout, travels := &chain[0], &chain[1], &chain[2]
	held, _ := spread(none.busy)
	vain := func(w *waited) float64 {
		work, _ := spread(w.inWork)
		wasted, _ := spread(w.vain)
		return 100 * wasted / max(work, 1e-9)
	}
	wide, tied := &storm[1], &storm[2]
	r := lab.Result{
		Finding: fmt.Sprintf("At %g readers/s, %g %% of whose answers take %v, %s of %d workers were held without a timeout and %s of the readers served; with a timeout of %v %s, while %.0f %% of the dependency's work was for nobody; with a deadline that travels %s, and %.0f %%. At a healthy dependency a timeout of %s made %.2f tries a call, and %.2f where it has %d places (trials: %d).",
			m.rate, 100*m.share, m.slow, digits(1, held), m.workers, percent(none.served, none.came), m.timeout, percent(timeout.served, timeout.came), vain(timeout),
			percent(travels.served, travels.came), vain(travels), millis(tightTimeout(v)), share(wide.tries, wide.calls), share(tied.tries, tied.calls), v.Int("few"), v.Int("trials")),
		Tables: []lab.Table{chainTable(chain, v), stormTable(storm, v), limits}, Trials: v.Int("trials"),
		Checks: append(chainChecks(chain, m), stormChecks(storm, v)...),
	}
	r.Figures = []lab.Figure{servedOfChain(chain), workOfChain(chain), triesOfStorm(storm, v)}
	var missed int
	var late time.Duration
	for i := range chain {
		missed, late = missed+chain[i].missed, max(late, chain[i].late)
	}
	r.Notes = []string{fmt.Sprintf("Whether the generator kept up: %d readers were not sent, and the latest came %s too late.", missed, millis(late))}
	return r
}

func limit(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return d.String()
}

func chainTable(chain []waited, v lab.Values) lab.Table {
	t := lab.Table{
		Caption: fmt.Sprintf("Readers of the second half of each run of %v, and what was held for them (injected); means ± standard deviations (trials: %d)", v.Duration("for"), v.Int("trials")),
		Head: []string{
			"server", "served in time", "spread", "p50", "p99", "readers in the server", "at the most", "rate × mean time", "workers held",
			"calls in work", "at the most", "of them for nobody", "false timeouts, of quick answers",
		},
	}
	for i, run := range waitRuns {
		w := &chain[i]
		mean, sd := spread(w.success)
		t.Rows = append(t.Rows, []string{
			run.name, percent(w.served, w.came), plusMinus(1, 100*mean, 100*sd) + " %", millis(quantile(w.waits, 50)), millis(quantile(w.waits, 99)),
			averaged(w.inside), strconv.Itoa(w.mostInside), averaged(w.little), averaged(w.busy), averaged(w.inWork), strconv.Itoa(w.mostInWork), averaged(w.vain), percent(w.wronged, w.healthy),
		})
	}
	return t
}

func averaged(values []float64) string {
	mean, sd := spread(values)
	return plusMinus(1, mean, sd)
}

func stormTable(storm []stormed, v lab.Values) lab.Table {
	t := lab.Table{
		Caption: fmt.Sprintf("A dependency with which nothing is wrong, and a timeout that is too tight (injected); answers take %v on average, the tight timeout is %s, the ample one %v; means ± standard deviations (trials: %d)", v.Duration("answer"), millis(tightTimeout(v)), ampleTimeout(v), v.Int("trials")),
		Head:    []string{"calls", "succeeded", "spread", "false timeouts, of tries", "tries a call", "formula, with their share", "p99", "calls in work", "of them for nobody"},
	}
	for i, run := range stormRuns {
		s := &storm[i]
		mean, sd := spread(s.success)
		formula := digits(2, retryFormula(i, s, v))
		if run.budgets {
			formula = "at most 1.10"
		}
		t.Rows = append(t.Rows, []string{
			run.name, percent(s.succeeded, s.calls), plusMinus(1, 100*mean, 100*sd) + " %", percent(s.timedOut, s.tries), plusMeans(s.perCall), formula,
			millis(quantile(s.waits, 99)), averaged(s.inWork), averaged(s.vain),
		})
	}
	return t
}

func plusMeans(values []float64) string {
	mean, sd := spread(values)
	return plusMinus(2, mean, sd)
}

func servedOfChain(chain []waited) chart.Figure {
	var bars chart.Bars
	for i, run := range waitRuns {
		bars = append(bars, chart.Row{Label: run.name, Value: 100 * share(chain[i].served, chain[i].came)})
	}
	return chart.Figure{
		ID: "timeouts-served", Title: fmt.Sprintf("Without a timeout %.0f %% of the readers are served, with one %.0f %%, and with few places at the dependency %.0f %% unless the deadline travels", bars[0].Value, bars[1].Value, bars[3].Value),
		Desc: "Readers answered 200 within their patience. Injected.", X: chart.Axis{Label: "served in time", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
	}
}

func workOfChain(chain []waited) chart.Figure {
	var bars chart.Bars
	for i, run := range waitRuns {
		work, _ := spread(chain[i].inWork)
		vain, _ := spread(chain[i].vain)
		bars = append(bars, chart.Row{Group: run.name, Label: "in work", Value: work}, chart.Row{Group: run.name, Label: "for nobody", Value: vain})
	}
	return chart.Figure{
		ID: "timeouts-work", Title: fmt.Sprintf("With a timeout %.1f of %.1f calls at the dependency are for nobody, with a deadline that travels %.1f of %.1f", bars[3].Value, bars[2].Value, bars[5].Value, bars[4].Value),
		Desc: "Calls in work at the dependency at a time, on average, and those of them whose caller has left. Injected.", X: chart.Axis{Label: "calls at a time", Digits: 1}, Plot: bars,
	}
}

func triesOfStorm(storm []stormed, v lab.Values) chart.Figure {
	var bars chart.Bars
	for i, run := range stormRuns {
		row := chart.Row{Label: run.name, Value: share(storm[i].tries, storm[i].calls)}
		if !run.budgets {
			row.Reference = chart.Reference{Label: "formula", Value: retryFormula(i, &storm[i], v)}
		}
		bars = append(bars, row)
	}
	return chart.Figure{
		ID: "timeouts-storm", Title: fmt.Sprintf("A tight timeout with retries makes %.2f tries a call, and %.2f where the dependency has few places", bars[1].Value, bars[2].Value),
		Desc: "Tries at a healthy dependency for each call; the formula is (1 − p^n) ÷ (1 − p) with the share of tries that timed out. Injected.", X: chart.Axis{Label: "tries a call", Digits: 2}, Plot: bars,
	}
}
