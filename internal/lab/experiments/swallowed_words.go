package experiments

import (
	"fmt"
	"time"

	"afloat/internal/alert"
	"afloat/internal/chart"
	"afloat/internal/lab"
)

// The rules' places in the plan.
const (
	partsRule = iota
	errorsRule
)

// quietTold makes tables, checks and charts of what readers got, and of when the alarms fired.
func quietTold(all []quiet, p quietPlan, v lab.Values) lab.Result {
	trials, scale := v.Int("trials"), v.Int("scale")
	readers := lab.Table{
		Caption: fmt.Sprintf("Readers who came while %s was taken away (%s, injected); all trials together (trials: %d)", p.link, p.kind, trials),
		Head:    []string{"server", "readers", "served 200 within a second", "complete", "calls that failed at the dependency, in the whole run"},
	}
	alarms := lab.Table{
		Caption: fmt.Sprintf("When the alarms fire, counted from the first scrape that shows the fault; times divided by %d, scrapes every %s; means ± standard deviations (trials: %d)", scale, millis(p.scrape), trials),
		Head:    []string{"server", "alarm", "fired", "after", "that is, in earnest", "formula", "share when it fired", "its threshold"},
	}
	var bars chart.Bars
	for i, run := range quietRuns {
		q := &all[i]
		readers.Rows = append(readers.Rows, []string{run.name, fmt.Sprint(q.came), percent(q.served, q.came), percent(q.complete, q.came), digits(0, q.failed)})
		bars = append(bars, chart.Row{Group: run.name, Label: "served", Value: 100 * share(q.served, q.came)}, chart.Row{Group: run.name, Label: "complete", Value: 100 * share(q.complete, q.came)})
		for j, rule := range p.rules {
			mean, sd, fired, threshold := q.fired(j)
			row := []string{run.name, rule.Name, fmt.Sprintf("%d of %d", fired, trials), "never", "never", "never", "–", fmt.Sprintf("%g %%", 100*rule.Above)}
			if fired > 0 {
				row[3], row[4], row[6] = plusMinus(2, mean, sd)+" s", inEarnest(mean, scale), digits(1, 100*threshold)+" %"
			}
			if p.rings(i, j) {
				row[5] = digits(2, p.firesAfter(j).Seconds()) + " s"
			}
			alarms.Rows = append(alarms.Rows, row)
		}
	}
	rules := lab.Table{Caption: "The rules, as docs/operations.md has them, with their times undivided", Head: []string{"alarm", "expression", "for", "who is called"}}
	for _, r := range alert.Rules() {
		rules.Rows = append(rules.Rows, []string{r.Name, r.Expr(), inEarnest(r.For.Seconds(), 1), r.Severity})
	}
	isolated := &all[1]
	mean, _, fired, _ := isolated.fired(partsRule)
	_, _, loud, _ := isolated.fired(errorsRule)
	when := "never"
	if fired > 0 {
		when = fmt.Sprintf("after %.2f s, %s in earnest", mean, inEarnest(mean, scale))
	}
	return lab.Result{
		Finding: fmt.Sprintf("With one part out of reach %s of the pages were served where nothing is isolated, and where it is %s, of which %s complete. There the alarm on status codes fired in %d of %d trials, and the alarm on missing parts in %d, %s.",
			percent(all[0].served, all[0].came), percent(isolated.served, isolated.came), percent(isolated.complete, isolated.came), loud, trials, fired, when),
		Tables: []lab.Table{readers, alarms, rules}, Trials: trials, Checks: quietChecks(all, p, trials),
		Figures: []lab.Figure{
			chart.Figure{
				ID: "swallowed-pages", Title: fmt.Sprintf("Isolated, %.0f %% of the pages are served and %.0f %% are complete", bars[2].Value, bars[3].Value),
				Desc: "Pages of the readers who came during the fault. Injected.", X: chart.Axis{Label: "of the pages", Unit: "%", Max: 100, Digits: 1}, Plot: bars,
			},
			quietTimeline(isolated, p),
		},
	}
}

// inEarnest is a time without the scale.
func inEarnest(mean float64, scale int) string {
	return seconds(mean * float64(scale)).Round(time.Second).String()
}

// fired is how long after the fault a rule fired, in seconds, in how many trials, and at which share at the last.
func (q *quiet) fired(rule int) (mean, sd float64, trials int, at float64) {
	var after []float64
	for _, t := range q.trials {
		if d, ok := t.after(rule); ok {
			after, at = append(after, d.Seconds()), t.firings[rule].Share
		}
	}
	mean, sd = spread(after)
	return mean, sd, len(after), at
}

// rings reports whether a rule should fire for one of quietRuns. A page that fails as a whole has no parts to count.
func (p quietPlan) rings(run, rule int) bool {
	r := quietRuns[run]
	if rule == partsRule {
		return r.isolated
	}
	return !r.isolated || r.critical
}

// firesAfter is the time from the fault until a rule fires, where all its events are bad from the fault on.
func (p quietPlan) firesAfter(rule int) time.Duration {
	r := p.rules[rule]
	return seconds(r.Above*r.Window.Seconds()) + r.For
}

func quietTimeline(q *quiet, p quietPlan) chart.Figure {
	served, complete := chart.Series{Name: "served"}, chart.Series{Name: "complete"}
	for at := time.Duration(0); at+time.Second <= p.readers.Duration; at += time.Second {
		s := lab.Summarise(came(q.last, at, at+time.Second), within)
		served.Points = append(served.Points, chart.Point{X: at.Seconds(), Y: float64(s.OK)})
		complete.Points = append(complete.Points, chart.Point{X: at.Seconds(), Y: float64(s.Complete)})
	}
	marks := []chart.Mark{{At: p.calm.Seconds(), For: p.fault.Seconds(), Label: p.kind}}
	title := "Isolated, the pages go on and lack a part, and no alarm fires"
	if d, ok := q.trials[len(q.trials)-1].after(partsRule); ok {
		marks = append(marks, chart.Mark{At: (p.calm + d).Seconds(), Label: "alarm"})
		title = fmt.Sprintf("Isolated, the pages go on and lack a part; the alarm on missing parts fires after %.1f s", d.Seconds())
	}
	return chart.Figure{
		ID: "swallowed-time", Title: title, Desc: "Readers who arrived in each second of the last trial: served within a second, and served with every part. Injected; the alarms' times are divided.",
		X: chart.Axis{Label: "time of arrival", Unit: "s", Max: p.readers.Duration.Seconds()}, Y: chart.Axis{Label: "pages", Unit: "/s", Max: p.readers.Rate},
		Marks: marks, Plot: chart.Lines{served, complete},
	}
}

func quietChecks(all []quiet, p quietPlan, trials int) (checks []lab.Check) {
	for i, run := range quietRuns {
		q := &all[i]
		served, complete := 100*share(q.served, q.came), 100*share(q.complete, q.came)
		if run.isolated && !run.critical {
			checks = append(checks,
				lab.Check{Claim: run.name + ": served, in percent", Want: "at least 99.0", Got: digits(1, served), Met: served >= 99, Source: ourIsolation},
				below(run.name+": complete, in percent", 1, complete, 2, ourIsolation))
		} else {
			checks = append(checks, below(run.name+": served, in percent", 1, served, 2, ourIsolation))
		}
		for j, rule := range p.rules {
			claim := fmt.Sprintf("%s: %s", run.name, rule.Name)
			if !p.rings(i, j) {
				_, _, fired, _ := q.fired(j)
				checks = append(checks, lab.Check{Claim: claim + " fires", Want: fmt.Sprintf("in 0 of %d trials", trials), Got: fmt.Sprintf("in %d", fired), Met: fired == 0, Source: ourAlerts})
				continue
			}
			checks = append(checks, p.inTime(claim, q, j))
		}
	}
	return checks
}

// inTime wants a rule to fire in each trial, neither too soon nor too late.
func (p quietPlan) inTime(claim string, q *quiet, rule int) lab.Check {
	least, most := p.rules[rule].For-p.scrape, p.firesAfter(rule)+4*p.scrape+seconds(3/p.readers.Rate)
	c := lab.Check{Claim: claim + " fires, in s after the fault, in each trial", Want: fmt.Sprintf("from %.2f to %.2f", least.Seconds(), most.Seconds()), Met: true, Source: ourAlerts}
	for i, t := range q.trials {
		after, ok := t.after(rule)
		if i > 0 {
			c.Got += ", "
		}
		if !ok {
			c.Got, c.Met = c.Got+"never", false
			continue
		}
		c.Got += digits(2, after.Seconds())
		c.Met = c.Met && after >= least && after <= most
	}
	return c
}
