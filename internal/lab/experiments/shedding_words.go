package experiments

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/sim"
)

// rushesTold makes tables, checks and a chart of what the servers did.
func rushesTold(all []atLoad, v lab.Values) lab.Result {
	worst := &all[len(all)-1]
	table := lab.Table{
		Caption: fmt.Sprintf("Callers of the second half of each run of %v (injected); means ± standard deviations (trials: %d)", v.Duration("for"), v.Int("trials")),
		Head:    []string{"load", "server", "calls/s", "answered in time/s", "workers could do/s", "refused", "gave up", "p99 of the answered", "most in the server", "health checks answered 200"},
	}
	byPriority := lab.Table{
		Caption: fmt.Sprintf("The same by priority, at %s %% (injected)", worst.percent),
		Head:    []string{"server", "priority", "callers", "answered in time", "refused"},
	}
	var missed, asked, healthy int
	var late time.Duration
	for i := range all {
		load := &all[i]
		for j, name := range busyServers {
			s := &load.servers[j]
			goodput, sd := spread(s.goodput)
			can, canSD := spread(s.capacity)
			table.Rows = append(table.Rows, []string{
				load.percent + " %", name, digits(0, load.offered), plusMinus(0, goodput, sd), plusMinus(0, can, canSD),
				percent(s.refused, s.came), percent(s.left, s.came), s.p99(), strconv.Itoa(s.most), fmt.Sprintf("%d of %d", s.healthy, s.asked),
			})
			missed, late = missed+s.missed, max(late, s.late)
			asked, healthy = asked+s.asked, healthy+s.healthy
		}
	}
	var bars chart.Bars
	for j, name := range busyServers {
		for _, p := range priorities {
			n := worst.servers[j].byPriority[p]
			byPriority.Rows = append(byPriority.Rows, []string{name, p.String(), strconv.Itoa(n.came), percent(n.served, n.came), percent(n.refused, n.came)})
			bars = append(bars, chart.Row{Group: name, Label: p.String(), Value: 100 * share(n.served, n.came)})
		}
	}
	queue, shed := &worst.servers[0], &worst.servers[1]
	queued, _ := spread(queue.goodput)
	kept, _ := spread(shed.goodput)
	high, low := shed.byPriority[2], shed.byPriority[0]
	r := lab.Result{
		Finding: fmt.Sprintf("At %.0f calls/s, %s %% of what it can do, the server with a queue without a bound answered %.0f/s in time, and the one that sheds %.0f/s: %s of high priority and %s of low. Meanwhile it refused %s, and %d of %d health checks were answered 200 (trials: %d).",
			worst.offered, worst.percent, queued, kept, percent(high.served, high.came), percent(low.served, low.came), percent(shed.refused, shed.came), shed.healthy, shed.asked, v.Int("trials")),
		Tables: []lab.Table{table, byPriority}, Trials: v.Int("trials"),
		Figures: []lab.Figure{
			goodputFigure(all),
			chart.Figure{
				ID: "shedding-priorities", Title: fmt.Sprintf("At %s %% the server that sheds answers %.0f %% of high priority, and %.0f %% of low", worst.percent, 100*share(high.served, high.came), 100*share(low.served, low.came)),
				Desc: "Callers answered in time, by priority. Injected.", X: chart.Axis{Label: "answered in time", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
			},
		},
		Notes: []string{fmt.Sprintf("Whether the generator kept up: %d callers were not sent, and the latest came %s too late.", missed, millis(late))},
	}
	r.Checks = append(rushChecks(all, v), lab.Check{
		Claim: "health checks answered 200, on both servers at all loads", Want: fmt.Sprintf("%d of %d", asked, asked),
		Got: fmt.Sprintf("%d of %d", healthy, asked), Met: healthy == asked && asked > 0, Source: ourBusyServer,
	})
	return r
}

// share is a part of a whole; 0 of nothing.
func share(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

// rushChecks hold the servers against what they should do.
func rushChecks(all []atLoad, v lab.Values) (checks []lab.Check) {
	for i := range all {
		load := &all[i]
		factor := fraction(load.percent)
		can, _ := spread(load.servers[1].capacity)
		if wait := seconds((factor - 1) * v.Duration("for").Seconds() / 2); 2*wait >= 3*v.Duration("patience") {
			queued, _ := spread(load.servers[0].goodput)
			checks = append(checks, below(fmt.Sprintf("queue without a bound at %s %%, where it is %s long: answered in time/s", load.percent, millis(wait)), 0, queued, can/10, ourBusyServer))
		}
		if factor >= 1.5 {
			kept, _ := spread(load.servers[1].goodput)
			checks = append(checks, lab.Check{
				Claim: fmt.Sprintf("shedding at %s %%: answered in time/s", load.percent), Want: "at least " + digits(0, 0.8*can),
				Got: digits(0, kept), Met: kept >= 0.8*can, Source: ourShedder,
			})
		}
	}
	worst := &all[len(all)-1]
	if fraction(worst.percent) < 1.5 {
		return checks
	}
	f := worst.servers[1].fate
	refused := func(priority int) float64 { return share(f.byPriority[priority].refused, f.byPriority[priority].came) }
	return append(checks, lab.Check{
		Claim: fmt.Sprintf("shedding at %s %%: refused of low, normal and high priority", worst.percent),
		Want:  fmt.Sprintf("in this order, and of high at most %.1f %%", 50*share(f.refused, f.came)),
		Got:   fmt.Sprintf("%.1f %%, %.1f %% and %.1f %%", 100*refused(0), 100*refused(1), 100*refused(2)),
		Met:   refused(0) > refused(1) && refused(1) > refused(2) && refused(2) <= share(f.refused, f.came)/2, Source: ourShedder,
	})
}

// throttleTold adds the simulated throttle.
func throttleTold(ctx context.Context, r *lab.Result, ks []string, v lab.Values) error {
	example := sim.PublishedThrottle(2, v.Int("trials"), v.Seed())
	table := lab.Table{
		Caption: fmt.Sprintf("Clients that refuse by themselves (simulated): %d clients with a window of %v make %g requests/s of a backend that can do %g/s, and then %g/s; means ± standard deviations (trials: %d)",
			example.Clients, example.Window, example.Overload, example.Capacity, example.Calm, example.Trials),
		Head: []string{"K", "reach the backend/s", "accepted/s", "reach it for each accepted", "formula", "refused by the clients", "of the calm, until they refuse less than a tenth"},
	}
	var bars chart.Bars
	for _, k := range ks {
		factor, err := strconv.ParseFloat(k, 64)
		if err != nil {
			return err
		}
		p := sim.PublishedThrottle(factor, v.Int("trials"), v.Seed())
		got, err := sim.Throttle(ctx, p)
		if err != nil {
			return err
		}
		recovery := plusMinus(0, got.Recovery.Mean, got.Recovery.SD) + " s"
		if got.Recovery.Mean >= p.After.Seconds()-1 {
			recovery = fmt.Sprintf("more than the %.0f s watched", p.After.Seconds())
		}
		table.Rows = append(table.Rows, []string{
			k, plusMinus(0, got.Sent.Mean, got.Sent.SD), plusMinus(0, got.Accepted.Mean, got.Accepted.SD), plusMinus(2, got.Ratio.Mean, got.Ratio.SD), k,
			plusMinus(1, 100*got.Refused.Mean, 100*got.Refused.SD) + " %", recovery,
		})
		bars = append(bars, chart.Row{Label: "K = " + k, Value: got.Ratio.Mean, Reference: chart.Reference{Label: "formula", Value: factor}})
		r.Checks = append(r.Checks, near("simulated, K = "+k+": requests that reach the backend for each accepted one", 2, got.Ratio.Mean, factor, 0.05*factor, sreThrottling))
		if k == "2" {
			r.Checks = append(r.Checks, lab.Check{
				Claim: "simulated, K = 2: clients go on refusing after the overload", Want: "for more than 120 s", Got: recovery,
				Met: got.Recovery.Mean > p.Window.Seconds(), Source: sreThrottling,
			})
		}
	}
	r.Tables = append(r.Tables, table)
	r.Figures = append(r.Figures, chart.Figure{
		ID: "shedding-throttle", Title: fmt.Sprintf("Under ten times the load the backend gets %s requests for each that it accepts", enumerate(means(table.Rows, 3))),
		Desc: "Requests that reach the backend for each that it accepts, by K. Simulated.", X: chart.Axis{Label: "requests for each accepted", Digits: 2}, Plot: bars,
	})
	return nil
}

// means are the figures of a column without their spread.
func means(rows [][]string, column int) []string {
	var all []string
	for _, row := range rows {
		mean, _, _ := strings.Cut(row[column], " ")
		all = append(all, mean)
	}
	return all
}
