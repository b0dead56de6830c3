package experiments

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// breakerTold makes tables, checks and charts of the three parts.
func breakerTold(outages []outage, shards []sharded, pools []pooled, v lab.Values) lab.Result {
	bare, guarded := &outages[0], &outages[1]
	none, eager, each := &shards[0], &shards[2], &shards[3]
	doomed, _ := spread(bare.doomed)
	kept, _ := spread(guarded.doomed)
	return lab.Result{
		Finding: fmt.Sprintf("In %v of hanging at %g calls/s %.0f calls were doomed without a breaker and %.0f with it, which let the first call succeed %s after the end, at the latest of %d trials. With one of three shards down %s succeeded without a breaker, %s with one eager breaker for all, and %s with one for each shard. In a shared pool %s of the other dependency's calls found a place, and with a bulkhead %s.",
			v.Duration("outage"), v.Float("rate"), doomed, kept, millis(slices.Max(guarded.recovery)), v.Int("trials"),
			percent(none.succeeded, none.calls), percent(eager.succeeded, eager.calls), percent(each.succeeded, each.calls),
			percent(pools[0].otherServed, pools[0].other), percent(pools[1].otherServed, pools[1].other)),
		Tables: []lab.Table{outageTable(outages, v), shardTable(shards, v), poolTable(pools, v), bulkheadTable(pools, v), defaultsTable(v)},
		Trials: v.Int("trials"), Checks: slices.Concat(outageChecks(outages, v), shardChecks(shards, v), poolChecks(pools, v)),
		Figures: []lab.Figure{outageFigure(outages, v), shardFigure(shards, v), poolFigure(pools, v)},
	}
}

func outageTable(outages []outage, v lab.Values) lab.Table {
	b := breakerOf(v)
	t := lab.Table{
		Caption: fmt.Sprintf("A dependency hangs for %v at %g calls/s, each with a timeout of %v (injected). The breaker opens at %g %% failures of at least %d calls in %v, for %v. Means ± standard deviations (trials: %d)", v.Duration("outage"), v.Float("rate"), v.Duration("timeout"), 100*b.FailureRatio, b.MinCalls, b.Window, b.OpenFor, v.Int("trials")),
		Head:    []string{"way", "calls", "succeeded", "doomed a trial", "formula", "waited in vain", "refused at once", "of them after the end", "first success after the end, mean", "latest"},
	}
	for i, name := range outageRuns {
		o := &outages[i]
		doomed, sd := spread(o.doomed)
		wasted, wastedSD := spread(o.wasted)
		late, lateSD := spread(o.late)
		t.Rows = append(t.Rows, []string{
			name, strconv.Itoa(o.calls), percent(o.succeeded, o.calls), plusMinus(0, doomed, sd), digits(0, outagePlanOf(0, i == 1, v).doomedCalls()),
			plusMinus(1, wasted, wastedSD) + " s", percent(o.refused, o.calls), plusMinus(0, late, lateSD), millis(averageTime(o.recovery)), millis(slices.Max(o.recovery)),
		})
	}
	return t
}

func averageTime(all []time.Duration) (mean time.Duration) {
	for _, d := range all {
		mean += d / time.Duration(len(all))
	}
	return mean
}

func shardTable(shards []sharded, v lab.Values) lab.Table {
	t := lab.Table{
		Caption: fmt.Sprintf("One of three shards refuses, at %g calls/s for %v (injected); the eager breaker opens at %g %%, the other at %g %%; mean ± standard deviation (trials: %d)", v.Float("shards"), v.Duration("for"), v.Float("eager"), 100*ourBreakerPolicy.FailureRatio, v.Int("trials")),
		Head:    []string{"way", "succeeded", "spread", "formula", "calls of the shards that are well, served", "refused", "tries at the one that is down"},
	}
	for i, run := range shardRuns {
		s := &shards[i]
		mean, sd := spread(s.success)
		formula := "–"
		if want, ok := shardFormula(i, v); ok {
			formula = digits(1, 100*want) + " %"
		}
		t.Rows = append(t.Rows, []string{
			run.name, percent(s.succeeded, s.calls), plusMinus(1, 100*mean, 100*sd) + " %", formula, percent(s.wellServed, s.well), percent(s.refused, s.calls), strconv.Itoa(s.down),
		})
	}
	return t
}

func poolTable(pools []pooled, v lab.Values) lab.Table {
	t := lab.Table{
		Caption: fmt.Sprintf("Two dependencies share a pool of %d places, %g calls/s of each; one takes %v on average (injected); calls of the second half of each run, means ± standard deviations (trials: %d)", v.Int("pool"), v.Float("callers")/2, v.Duration("latency"), v.Int("trials")),
		Head:    []string{"way", "places for the slow one", "the other's calls that found a place", "spread", "formula", "the slow one's refused by the bulkhead", "that found no place", "most of the slow at once", "places taken"},
	}
	for i := range 2 {
		o, p := &pools[i], poolPlanOf(0, i, v)
		mean, sd := spread(o.success)
		limit, formula := "all", digits(1, 100*p.found())+" %"
		if p.limit > 0 {
			limit, formula = strconv.Itoa(p.limit), "100 %"
		}
		t.Rows = append(t.Rows, []string{
			poolRuns[i].name, limit, percent(o.otherServed, o.other), plusMinus(1, 100*mean, 100*sd) + " %", formula,
			percent(o.refused, o.guarded), percent(o.left, o.guarded), strconv.Itoa(o.most), averaged(o.placesTaken),
		})
	}
	return t
}

func bulkheadTable(pools []pooled, v lab.Values) lab.Table {
	t := lab.Table{
		Caption: fmt.Sprintf("What a bulkhead refuses, against Erlang's loss formula (injected); calls of the second half of each run, means ± standard deviations (trials: %d)", v.Int("trials")),
		Head:    []string{"dependency", "time of a call, mean", "in flight on average, if none is refused", "places", "refused", "spread", "formula"},
	}
	for i := 1; i < len(poolRuns); i++ {
		o, p := &pools[i], poolPlanOf(0, i, v)
		mean, sd := spread(o.refusal)
		offered := p.half() * p.takes.Seconds()
		t.Rows = append(t.Rows, []string{
			poolRuns[i].name, millis(p.takes), digits(1, offered), strconv.Itoa(p.limit), percent(o.refused, o.guarded), plusMinus(1, 100*mean, 100*sd) + " %", digits(1, 100*erlangB(p.limit, offered)) + " %",
		})
	}
	return t
}

// defaultsTable sets others' defaults beside the blog's own. The doomed calls are what follows from them by formula.
func defaultsTable(v lab.Values) lab.Table {
	rate, b, row := v.Float("rate"), ourBreakerPolicy, policy.Afloat().CommentReads
	doomed := func(calls float64) string { return digits(0, calls) }
	return lab.Table{
		Caption: fmt.Sprintf("Defaults of others, and the blog's own; doomed calls follow from them for a steady %g calls/s that all begin to fail (computed)", rate),
		Head:    []string{"breaker", "opens at", "of at least", "that it looks back", "stays open", "then", "timeout of a call", "doomed calls until it opens"},
		Rows: [][]string{
			{"Afloat, comments", fmt.Sprintf("%g %%", 100*b.FailureRatio), fmt.Sprintf("%d calls", b.MinCalls), b.Window.String(), b.OpenFor.String(), fmt.Sprintf("%d probe at a time", b.Probes), row.AttemptDeadline.String(), doomed(b.FailureRatio * b.Window.Seconds() * rate)},
			{"Hystrix", "50 %", "20 calls", "10s", "5s", "1 probe", "1s", doomed(0.5 * 10 * rate)},
			{"resilience4j", "50 %", "100 calls", "100 calls", "1m0s", "10 calls", "not the breaker's", "50"},
			{"Envoy, outlier detection (off unless set)", "5 in a row, 5xx", "5 calls", "5 calls", "30s × times ejected, at most 10 % of the hosts and at least one", "back in, at a sweep every 10s", "not the detection's", "5 of each host"},
		},
	}
}

func outageFigure(outages []outage, v lab.Values) chart.Figure {
	var bars chart.Bars
	for i, name := range outageRuns {
		mean, _ := spread(outages[i].doomed)
		bars = append(bars, chart.Row{Label: name, Value: mean, Reference: chart.Reference{Label: "formula", Value: outagePlanOf(0, i == 1, v).doomedCalls()}})
	}
	return chart.Figure{
		ID: "breaker-doomed", Title: fmt.Sprintf("%.0f doomed calls in an outage of %v become %.0f with a breaker", bars[0].Value, v.Duration("outage"), bars[1].Value),
		Desc: "Calls that reached a dependency which hung, and failed; means of the trials. Injected.", X: chart.Axis{Label: "doomed calls", Digits: 0}, Plot: bars,
	}
}

func shardFigure(shards []sharded, v lab.Values) chart.Figure {
	var bars chart.Bars
	for i, run := range shardRuns {
		row := chart.Row{Label: run.name, Value: 100 * share(shards[i].succeeded, shards[i].calls)}
		if want, ok := shardFormula(i, v); ok {
			row.Reference = chart.Reference{Label: "formula", Value: 100 * want}
		}
		bars = append(bars, row)
	}
	return chart.Figure{
		ID: "breaker-shards", Title: fmt.Sprintf("With one of three shards down %.0f %% succeed without a breaker, %.0f %% with an eager one for all, and %.0f %% with one for each", bars[0].Value, bars[2].Value, bars[3].Value),
		Desc: "Calls that succeeded. Injected.", X: chart.Axis{Label: "succeeded", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
	}
}

func poolFigure(pools []pooled, v lab.Values) chart.Figure {
	var bars chart.Bars
	for i := range 2 {
		bars = append(bars, chart.Row{Label: poolRuns[i].name, Value: 100 * share(pools[i].otherServed, pools[i].other)})
	}
	bars[0].Reference = chart.Reference{Label: "formula", Value: 100 * poolPlanOf(0, 0, v).found()}
	return chart.Figure{
		ID: "breaker-pool", Title: fmt.Sprintf("One slow dependency leaves the other a place in %.0f %% of its calls, and with a bulkhead in %.0f %%", bars[0].Value, bars[1].Value),
		Desc: "Calls of the dependency that is well which found a place in the shared pool. Injected.", X: chart.Axis{Label: "found a place", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
	}
}
