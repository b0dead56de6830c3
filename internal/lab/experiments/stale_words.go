package experiments

import (
	"fmt"
	"math"
	"slices"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
)

// A staleSum is what one cache's witnesses saw, over all outages.
type staleSum struct {
	meanwhile, served int
	share, formula    []float64 // of readers served while the source was gone, of each outage
	oldest            []float64 // ms, of each outage
	age               float64   // ms, mean over all answers
	waits             []time.Duration
	before, well      int // readers and queries before the outages
	gone              int // tries in them
	goneFor           time.Duration
	wrong             int       // readers who were told yes after the revocation
	wrongFor          []float64 // ms from the revocation to the last of them, of each outage
	wrongMost         []float64 // ms, as the windows allow; NaN: they don't end it
}

// staleSumOf adds up; window is how old an answer may be, below 0 without a bound.
func staleSumOf(seen []witness, window time.Duration) (s staleSum) {
	answers := 0
	for _, w := range seen {
		all := w.meanwhile()
		served, oldest := 0, time.Duration(0)
		for _, r := range all {
			s.waits = append(s.waits, r.took)
			if r.ok {
				served, oldest, s.age, answers = served+1, max(oldest, r.age), s.age+ms(r.age), answers+1
			}
		}
		last := time.Duration(0)
		for _, r := range w.readers {
			if after := r.came - w.revoked; r.ok && r.yes && after > 0 {
				s.wrong, last = s.wrong+1, max(last, after)
			}
		}
		long := w.to - w.from - 2*staleWait
		left, most := window-w.copyAge, window-w.copyAge-(w.revoked-w.from)
		if window < 0 {
			left, most = long, w.to-w.revoked
		}
		if window == 0 {
			left, most = 0, 0
		}
		s.meanwhile, s.served = s.meanwhile+len(all), s.served+served
		s.share, s.formula = append(s.share, 100*share(served, len(all))), append(s.formula, 100*min(1, max(0, left.Seconds()/long.Seconds())))
		s.oldest, s.wrongFor, s.wrongMost = append(s.oldest, ms(oldest)), append(s.wrongFor, ms(last)), append(s.wrongMost, ms(max(0, min(most, w.to-w.revoked))))
		s.before, s.well, s.gone, s.goneFor = s.before+w.beforeOutage, s.well+w.well, s.gone+w.gone, s.goneFor+w.to-w.from
	}
	s.age /= math.Max(1, float64(answers))
	return s
}

func ms(d time.Duration) float64 { return 1000 * d.Seconds() }

// windows are how old each cache's answers may be; below 0: there is no bound.
func windows(v lab.Values) []time.Duration {
	fresh, keep := v.Duration("fresh"), v.Duration("keep")
	return []time.Duration{0, fresh, fresh + keep, -1}
}

func staleTold(seen [][]witness, v lab.Values) lab.Result {
	trials, outage := v.Int("trials"), v.Duration("outage")
	served := lab.Table{
		Caption: fmt.Sprintf("While the source was gone: %d outages of %v, %g readers/s, copies fresh for %v and standing in for %v more (injected; time divided by 1,000); mean ± standard deviation of the outages", trials, outage, v.Float("rate"), v.Duration("fresh"), v.Duration("keep")),
		Head:    []string{"cache", "readers served", "share of them", "formula", "oldest answer", "mean age", "wait p99", "queries a reader while well", "tries/s while gone"},
	}
	wrong := lab.Table{
		Caption: fmt.Sprintf("A permission that ended %v after the source had gone: who was told that it holds (injected)", staleRevoke),
		Head:    []string{"cache", "readers told so", "an outage", "the last one, after the end", "as the windows allow"},
	}
	sums := make([]staleSum, len(staleCaches))
	var bars, revoked chart.Bars
	for i, window := range windows(v) {
		s := staleSumOf(seen[i], window)
		sums[i] = s
		name := staleCaches[i].name
		sharing, sd := spread(s.share)
		formula, _ := spread(s.formula)
		oldest, oldestSD := spread(s.oldest)
		long, longSD := spread(s.wrongFor)
		most, _ := spread(s.wrongMost)
		served.Rows = append(served.Rows, []string{
			name, fmt.Sprintf("%d of %d", s.served, s.meanwhile), plusMinus(1, sharing, sd) + " %", digits(1, formula) + " %", plusMinus(0, oldest, oldestSD) + " ms",
			digits(0, s.age) + " ms", millis(quantile(s.waits, 99)), digits(3, float64(s.well)/math.Max(1, float64(s.before))), digits(0, float64(s.gone)/s.goneFor.Seconds()),
		})
		wrong.Rows = append(wrong.Rows, []string{name, fmt.Sprint(s.wrong), digits(0, float64(s.wrong)/float64(trials)), plusMinus(0, long, longSD) + " ms", digits(0, most) + " ms"})
		bars = append(bars, chart.Row{Label: name, Value: sharing, Reference: chart.Reference{Label: "formula", Value: formula}})
		revoked = append(revoked, chart.Row{Label: name, Value: long, Reference: chart.Reference{Label: "windows", Value: most}})
	}
	r := lab.Result{
		Finding: fmt.Sprintf("While the source was gone %s %% of readers were served without a copy, %s %% with one while it is fresh, and %s %% with stale-if-error, whose oldest answer was %s ms old (fresh %v + stale %v). A revoked permission was shown for %s ms more with it, and for %s ms where nothing ends the copy.",
			digits(0, bars[0].Value), digits(0, bars[1].Value), digits(0, bars[2].Value), digits(0, meanOfAll(sums[2].oldest)), v.Duration("fresh"), v.Duration("keep"), digits(0, revoked[2].Value), digits(0, revoked[3].Value)),
		Tables: []lab.Table{served, wrong}, Trials: trials,
		Checks: staleChecks(sums, v),
		Figures: []lab.Figure{
			ageFigure(seen, v),
			chart.Figure{ID: "stale-served", Title: fmt.Sprintf("%.0f %% of readers are served without a copy, %.0f %% while it is fresh, %.0f %% with stale-if-error", bars[0].Value, bars[1].Value, bars[2].Value), Desc: "Readers who got an answer while the source was gone, beside the formula. Injected.", X: chart.Axis{Label: "served", Unit: "%", Max: 100, Digits: 1}, Plot: bars},
			chart.Figure{ID: "stale-revoked", Title: fmt.Sprintf("What was revoked is shown for up to %.0f ms more with a bound, and for %.0f ms without", revoked[2].Value, revoked[3].Value), Desc: "From the end of the permission to the last reader who was told that it holds, beside what the windows allow. Injected.", X: chart.Axis{Label: "shown after its end", Unit: "ms"}, Plot: revoked},
		},
	}
	return r
}

// ageFigure draws how old the answers of the first outage were, over its time.
func ageFigure(seen [][]witness, v lab.Values) chart.Figure {
	const bin = 100 * time.Millisecond
	var lines chart.Lines
	for i, c := range staleCaches {
		if i == 0 {
			continue // its answers have no age
		}
		sums, counts := map[int]float64{}, map[int]int{}
		last := 0
		for _, r := range seen[i][0].readers {
			at := int(r.came / bin)
			last = max(last, at)
			if r.ok {
				sums[at], counts[at] = sums[at]+ms(r.age), counts[at]+1
			}
		}
		series := chart.Series{Name: c.name}
		for at := range last + 1 {
			age := -1.0 // nobody got an answer: a gap
			if counts[at] > 0 {
				age = sums[at] / float64(counts[at])
			}
			series.Points = append(series.Points, chart.Point{X: float64(at) * bin.Seconds(), Y: age})
		}
		lines = append(lines, series)
	}
	first := seen[1][0]
	window := v.Duration("fresh") + v.Duration("keep")
	return chart.Figure{
		ID: "stale-age", Title: fmt.Sprintf("A copy serves up to an age of %v, %v fresh and %v stale; where its line ends, readers get errors", window, v.Duration("fresh"), v.Duration("keep")),
		Desc: "Mean age of the answers of the first outage, by tenths of a second. Injected; 1 s stands for 1,000 s.",
		X:    chart.Axis{Label: "time", Unit: "s"}, Y: chart.Axis{Label: "age", Unit: "ms"},
		Reference: chart.Reference{Label: "both windows", Value: ms(window)},
		Marks: []chart.Mark{
			{At: first.from.Seconds(), For: (first.to - first.from).Seconds(), Label: "source gone"},
			{At: first.revoked.Seconds(), Label: "permission ends"},
		},
		Plot: lines,
	}
}

// staleTolerance is that of instants: a busy machine, and four gaps between readers.
func staleTolerance(v lab.Values) float64 { return 30 + 4000/v.Float("rate") }

func staleChecks(sums []staleSum, v lab.Values) (checks []lab.Check) {
	tolerance, all := staleTolerance(v), windows(v)
	for _, i := range []int{1, 2} {
		if v.Duration("outage") <= all[i] {
			continue // the source is back before the copy's end
		}
		oldest := slices.Max(sums[i].oldest) // of a single outage it depends on whether somebody comes at the copy's end
		checks = append(checks,
			near(staleCaches[i].name+": age of the oldest answer of all outages, in ms", 0, oldest, ms(all[i]), tolerance, rfc5861),
			near(staleCaches[i].name+": how long what was revoked is shown, in ms, as the windows allow", 0, meanOfAll(sums[i].wrongFor), meanOfAll(sums[i].wrongMost), tolerance, ourStale))
	}
	for i := range sums {
		p := meanOfAll(sums[i].formula) / 100
		se := math.Sqrt(p * (1 - p) / math.Max(1, float64(sums[i].meanwhile)))
		checks = append(checks, near(staleCaches[i].name+": share of readers served while the source was gone, in percent", 1, meanOfAll(sums[i].share), 100*p, 2+400*se, rfc5861))
	}
	trials := float64(v.Int("trials"))
	return append(checks,
		atLeast("and stale without end: how long what was revoked is shown, in ms: as long as the source is gone, and until it is asked again", 0, meanOfAll(sums[3].wrongFor), meanOfAll(sums[3].wrongMost)-tolerance, ourStale),
		near("no copy: queries while the source is well, one for each reader", 0, float64(sums[0].well), float64(sums[0].before), 2*trials, ourStale),
		below("and stale, if error: queries while the source is well, for each outage: one for each max-age", 1, float64(sums[2].well)/trials, 1+2+1, ourStale))
}

func meanOfAll(values []float64) float64 {
	mean, _ := spread(values)
	return mean
}
