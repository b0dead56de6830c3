package experiments

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/sim"
)

// slowPages is the share of pages with so many leaves that meet a slow one.
func slowPages(slow float64, leaves int) float64 { return 1 - math.Pow(1-slow, float64(leaves)) }

// simulateTail makes the pages of the model.
func simulateTail(ctx context.Context, v lab.Values) (r lab.Result, err error) {
	q, leaves := v.Float("slow")/100, v.Int("fan-out")
	p := sim.HedgeParams{
		FanOut: leaves, Pages: v.Int("pages"), Quick: 10 * time.Millisecond, Slow: 200 * time.Millisecond, Share: q,
		Trials: v.Int("trials"), Seed: v.Seed(),
	}
	p95, late := p.Quantile(0.95), 2*p.Quick // no quick answer takes that long
	once, twice := slowPages(q, leaves), slowPages(q*q, leaves)
	runs := []struct {
		name       string
		after      time.Duration
		shared     bool
		slow, load float64
	}{
		{"one copy", 0, false, once, 1},
		{"second copy after the p95", p95, false, twice, 1.05},
		{"second copy when late", late, false, twice, 1 + q},
		{"second copy, both slow together", late, true, once, 1 + q},
	}
	table := lab.Table{
		Caption: fmt.Sprintf("Simulated: pages of %d leaves, %g %% of the answers slow; means ± standard deviations (trials: %d, of %d pages)", leaves, 100*q, p.Trials, p.Pages),
		Head:    []string{"way", "second copy after", "slow pages", "formula", "copies for each leaf", "formula", "page p50", "page p99"},
	}
	var bars chart.Bars
	for _, run := range runs {
		p.After, p.Shared = run.after, run.shared
		got, err := sim.Hedge(ctx, p)
		if err != nil {
			return r, err
		}
		after := "never"
		if run.after > 0 {
			after = millis(run.after)
		}
		table.Rows = append(table.Rows, []string{
			run.name, after, plusMinus(1, 100*got.SlowPages.Mean, 100*got.SlowPages.SD) + " %", digits(1, 100*run.slow) + " %",
			plusMinus(3, got.Load.Mean, got.Load.SD), digits(3, run.load), millis(seconds(got.P50.Mean)), millis(seconds(got.P99.Mean)),
		})
		bars = append(bars, chart.Row{Label: run.name, Value: 100 * got.SlowPages.Mean, Reference: chart.Reference{Label: "formula", Value: 100 * run.slow}})
		se := math.Sqrt(run.slow * (1 - run.slow) / float64(p.Pages*p.Trials))
		r.Checks = append(r.Checks,
			near("simulated, "+run.name+": slow pages, in percent", 2, 100*got.SlowPages.Mean, 100*run.slow, 400*se, tailAtScale),
			near("simulated, "+run.name+": copies for each leaf", 3, got.Load.Mean, run.load, 0.005, tailAtScale))
	}
	r.Tables, r.Trials = []lab.Table{table}, p.Trials
	r.Figures = []lab.Figure{chart.Figure{
		ID: "hedging-simulated", Title: fmt.Sprintf("%.1f %% of the pages are slow with one copy, and %.1f %% with a second when the first is late", bars[0].Value, bars[2].Value),
		Desc: "Pages that wait for a slow answer, beside the formula. Simulated.", X: chart.Axis{Label: "slow pages", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
	}}
	return r, nil
}

// tailsTold adds what was measured on the real servers.
func tailsTold(r *lab.Result, tails []tail, v lab.Values) {
	q, leaves, latency := v.Float("slow")/100, v.Int("fan-out"), v.Duration("latency")
	table := lab.Table{
		Caption: fmt.Sprintf("Injected: pages of %d real calls, %g %% of them over a link that adds %s, and in the last two rows from servers that take as long for all; second copies after %s; slow is from %s on (one run each)", leaves, 100*q, millis(latency), millis(v.Duration("after")), millis(latency*9/10)),
		Head:    []string{"way", "pages", "slow pages", "formula", "without a quick copy", "page p50", "page p99", "leaf p95", "copies for each leaf", "requests that arrived", "leaves without an answer"},
	}
	once, twice := slowPages(q, leaves), slowPages(q*q, leaves)
	expect := []float64{once, twice, once, 1, 1}
	var bars, loads chart.Bars
	slow := make([]float64, len(tails))
	for i, run := range hedgeRuns {
		t := &tails[i]
		n := t.slower(latency * 9 / 10)
		slow[i] = 100 * share(n, len(t.pages))
		table.Rows = append(table.Rows, []string{
			run.name, strconv.Itoa(len(t.pages)), percent(n, len(t.pages)), digits(1, 100*expect[i]) + " %", strconv.Itoa(t.doomed),
			millis(quantile(t.pages, 50)), millis(quantile(t.pages, 99)), millis(quantile(t.leaves, 95)), digits(3, t.load()), strconv.Itoa(t.requests), percent(t.failed, len(t.leaves)),
		})
		if !run.overload {
			bars = append(bars, chart.Row{Label: run.name, Value: slow[i], Reference: chart.Reference{Label: "formula", Value: 100 * expect[i]}})
		}
		loads = append(loads, chart.Row{Label: run.name, Value: t.load()})
	}
	r.Tables = append(r.Tables, table)
	r.Figures = append(r.Figures,
		chart.Figure{
			ID: "hedging-pages", Title: fmt.Sprintf("Of real pages %.0f %% are slow with one copy, %.0f %% with a second one, and %.0f %% where both are slow together", slow[0], slow[1], slow[2]),
			Desc: "Pages that wait for a slow answer, beside the formula. Injected.", X: chart.Axis{Label: "slow pages", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
		},
		chart.Figure{
			ID: "hedging-load", Title: fmt.Sprintf("A leaf takes %.2f copies with hedging, and when all is late %.2f without a budget and %.2f with it", tails[1].load(), tails[3].load(), tails[4].load()),
			Desc: "Copies sent to the two servers for each leaf. Injected.", X: chart.Axis{Label: "copies for each leaf", Digits: 3}, Plot: loads,
		})
	r.Finding = fmt.Sprintf("Of %d pages of %d real calls %.1f %% were slow with one copy, and %.1f %% with a second one after %s, for %.3f copies a leaf; where both copies were slow together, %.1f %%.",
		len(tails[0].pages), leaves, slow[0], slow[1], millis(v.Duration("after")), tails[1].load(), slow[2])
	r.Checks = append(r.Checks, tailChecks(tails, slow, expect)...)
	if p95 := quantile(tails[0].leaves, 95); p95 > v.Duration("after") {
		r.Notes = append(r.Notes, fmt.Sprintf("The machine was busy: 5 %% of the leaves took more than %s, so second copies went out for quick answers, too.", millis(p95)))
	}
}

// tailChecks hold the real pages against the formulas.
func tailChecks(tails []tail, slow, expect []float64) []lab.Check {
	margin := func(i int) float64 { // in percent
		p := expect[i]
		return 5 + 400*math.Sqrt(p*(1-p)/float64(max(len(tails[i].pages), 1)))
	}
	var checks []lab.Check
	for i := range 3 {
		n := float64(len(tails[i].pages))
		checks = append(checks, near("injected, "+hedgeRuns[i].name+": slow pages are those without a quick copy of some leaf", 0, slow[i]/100*n, float64(tails[i].doomed), 1+0.2*n, ourHedge))
	}
	return append(checks,
		near("injected, one copy: slow pages, in percent", 1, slow[0], 100*expect[0], margin(0), tailAtScale),
		below("injected, second copy when late: slow pages, in percent", 1, slow[1], 100*expect[1]+margin(1), ourHedge),
		near("injected, both slow together: slow pages, in percent", 1, slow[2], 100*expect[2], margin(2), tailAtScale),
		below("injected, second copy when late: copies for each leaf", 3, tails[1].load(), 1+hedgeBudget, ourHedge),
		near("injected, all late, no budget: copies for each leaf", 2, tails[3].load(), 2, 0.1, ourHedge),
		below("injected, all late, with the budget: copies for each leaf", 3, tails[4].load(), 1+hedgeBudget, ourHedge))
}
