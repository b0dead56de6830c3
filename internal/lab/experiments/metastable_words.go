package experiments

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/sim"
)

// told makes tables, checks and charts of the trials.
func told(ways []string, trials []map[string]*course, times spiked) (r lab.Result) {
	table := lab.Table{
		Caption: fmt.Sprintf("The last %g s of each trial, %g s after a spike of %g s (injected, time divided by 10); means ± standard deviation", times.watch.Seconds(), times.settle.Seconds(), times.spike.Seconds()),
		Head:    []string{"tried again", "stayed down", "calls/s", "attempts/s", "answered/s", "requests of a whole trial at the server", "for each call"},
	}
	var said []string
	late, missed, sent, reached := time.Duration(0), 0, 0, 0
	for _, way := range ways {
		var offered, attempts, answered, bore, grown []float64
		down, ended, tries := 0, 0, 0
		for _, trial := range trials {
			c, end := trial[way], times.end(trial[way])
			if times.down(c) {
				down, ended, tries = down+1, ended+end.ended, tries+end.tries
			}
			s := times.watch.Seconds()
			offered, attempts, answered = append(offered, float64(end.offered)/s), append(attempts, float64(end.attempts)/s), append(answered, float64(end.answered)/s)
			bore, grown = append(bore, float64(c.bore)), append(grown, float64(c.bore)/float64(max(c.sum(0, times.length()).offered, 1)))
			late, missed = max(late, c.late), missed+c.missed
			sent, reached = sent+c.sum(0, times.length()).attempts, reached+c.bore
		}
		mean := func(n int, values []float64) string { m, sd := spread(values); return plusMinus(n, m, sd) }
		table.Rows = append(table.Rows, []string{
			retrying[way], fmt.Sprintf("%d of %d", down, len(trials)),
			mean(0, offered), mean(0, attempts), mean(0, answered), mean(0, bore), mean(2, grown),
		})
		m, _ := spread(attempts)
		said = append(said, fmt.Sprintf("%d of %d trials when calls were tried again %s (%.0f attempts/s)", down, len(trials), retrying[way], m))
		r.Checks = append(r.Checks, collapseChecks(way, down, len(trials), float64(tries)/float64(max(ended, 1)))...)
	}
	r.Finding = fmt.Sprintf("%g s after the spike, at the load from before it, nothing was answered for %g s in %s.", times.settle.Seconds(), times.watch.Seconds(), enumerate(said))
	r.Tables = []lab.Table{table}
	for _, way := range ways {
		r.Figures = append(r.Figures, timeline(way, telling(ways, trials, times), trials, times))
	}
	r.Notes = []string{
		fmt.Sprintf("Whether the generator kept up: %d callers were not sent, the latest came %s too late, and %s attempts reached the server.", missed, millis(late), percent(reached, sent)),
		"Arrivals follow the seed. Waits and network delays are drawn anew each time, and the machine adds its own: the same seed need not tip the same trials.",
	}
	return r
}

// collapseChecks hold one way to try again against what the simulation says of it.
func collapseChecks(way string, down, trials int, grown float64) []lab.Check {
	got := fmt.Sprintf("%d of %d", down, trials)
	if way != atOnce {
		most, source := trials/10, collapseSimulation
		if way == budgeted {
			source = fixingRetries
		}
		return []lab.Check{{Claim: "stays down, tried again " + retrying[way], Want: fmt.Sprintf("at most %d of %d", most, trials), Got: got, Met: down <= most, Source: source}}
	}
	least := int(math.Ceil(0.4 * float64(trials)))
	checks := []lab.Check{{Claim: "stays down, tried again " + retrying[way], Want: fmt.Sprintf("at least %d of %d", least, trials), Got: got, Met: down >= least, Source: collapseSimulation}}
	if down > 0 {
		checks = append(checks, near("attempts of a call that ended while it was down", 2, grown, 3, 0.1, collapseSimulation))
	}
	return checks
}

// telling is the number of the trial to show: the first that fell when tried again at once, or else the first.
func telling(ways []string, trials []map[string]*course, times spiked) int {
	for i, trial := range trials {
		if times.down(trial[ways[0]]) {
			return i
		}
	}
	return 0
}

// timeline draws a trial.
func timeline(way string, trial int, trials []map[string]*course, times spiked) chart.Figure {
	c := trials[trial][way]
	offered, attempts, answered := chart.Series{Name: "calls offered"}, chart.Series{Name: "attempts"}, chart.Series{Name: "answered in time"}
	for i, s := range c.slots {
		at := (float64(i) + 0.5) / slotsASecond
		offered.Points = append(offered.Points, chart.Point{X: at, Y: float64(s.offered * slotsASecond)})
		attempts.Points = append(attempts.Points, chart.Point{X: at, Y: float64(s.attempts * slotsASecond)})
		answered.Points = append(answered.Points, chart.Point{X: at, Y: float64(s.answered * slotsASecond)})
	}
	end, s := times.end(c), times.watch.Seconds()
	return chart.Figure{
		ID: "metastable-" + way,
		Title: fmt.Sprintf("Tried again %s: %g s after the spike, %.0f calls/s make %.0f attempts/s, and %.0f/s are answered",
			retrying[way], times.settle.Seconds(), float64(end.offered)/s, float64(end.attempts)/s, float64(end.answered)/s),
		Desc:  fmt.Sprintf("Trial %d, counted in tenths of a second. Injected; time divided by 10.", trial+1),
		X:     chart.Axis{Label: "time", Unit: "s"},
		Y:     chart.Axis{Label: "rate", Unit: "/s"},
		Marks: []chart.Mark{{At: times.before.Seconds(), For: times.spike.Seconds(), Label: "spike"}},
		Plot:  chart.Lines{offered, attempts, answered},
	}
}

// simulateCollapse runs the published simulation beside the trials.
func simulateCollapse(ctx context.Context, seed uint64) (lab.Table, []lab.Check, error) {
	const runs = 30
	table := lab.Table{
		Caption: "Brooker's simulation with its own parameters and times, computed again (simulated)",
		Head:    []string{"tried again", "stayed down", "as it was published"},
	}
	var down [2]int
	for i, backoff := range []bool{false, true} {
		r, err := sim.Collapse(ctx, sim.PublishedCollapse(backoff, runs, seed))
		if err != nil {
			return lab.Table{}, nil, err
		}
		down[i] = r.Collapsed
		table.Rows = append(table.Rows, []string{
			retrying[[]string{atOnce, backsOff}[i]], fmt.Sprintf("%d of %d", r.Collapsed, runs), []string{"24 of 30", "0 of 30"}[i],
		})
	}
	got := func(i int) string { return fmt.Sprintf("%d of %d", down[i], runs) }
	return table, []lab.Check{
		{Claim: "simulated: stays down, tried again at once (24 of 30)", Want: "17 to 27 of 30", Got: got(0), Met: down[0] >= 17 && down[0] <= 27, Source: collapseSimulation},
		{Claim: "simulated: stays down with backoff and full jitter (0 of 30)", Want: "at most 1 of 30", Got: got(1), Met: down[1] <= 1, Source: collapseSimulation},
	}, nil
}

// enumerate joins clauses: "a, b and c".
func enumerate(clauses []string) string {
	last := len(clauses) - 1
	if last < 1 {
		return strings.Join(clauses, "")
	}
	return strings.Join(clauses[:last], ", ") + " and " + clauses[last]
}
