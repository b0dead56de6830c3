package experiments

import (
	"fmt"
	"slices"
	"strings"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
)

// known are the names of all protections, in the order of the ladder.
func known() (names []string) {
	for _, p := range policy.Protections() {
		names = append(names, string(p.Protection))
	}
	return names
}

func protectionNames() string { return strings.Join(known(), ",") }

// A score is what one rung's readers got, and what it cost.
type score struct {
	lab.Summary
	least, most float64 // share served of one trial
	tries       map[string]float64
}

// scoreOf puts a rung's trials together.
func scoreOf(r step, v lab.Values) score {
	margin := v.Duration("margin")
	s := score{least: 1, tries: map[string]float64{}}
	var during []load.Sample
	for _, o := range r.got {
		of := came(o.Samples, margin, margin+v.Duration("for"))
		during = append(during, of...)
		share := shareOf(lab.Summarise(of, within))
		s.least, s.most = min(s.least, share), max(s.most, share)
		for _, d := range dependencies {
			s.tries[d] += triesPer(o, d) / float64(len(r.got))
		}
	}
	s.Summary = lab.Summarise(during, within)
	return s
}

func shareOf(s lab.Summary) float64 { return float64(s.OK) / float64(max(1, s.Readers)) }

// ladderResult sets the rungs side by side.
func ladderResult(rungs []step, v lab.Values) lab.Result {
	trials := v.Int("trials")
	up := lab.Table{Caption: "Up the ladder: each rung has all of those above it in this table", Head: ladderHead(trials, "buys")}
	out := lab.Table{Caption: "Left out alone: everything but one", Head: ladderHead(trials, "its loss costs")}
	var served, waits, tries chart.Bars
	var scores []score
	everything := slices.IndexFunc(rungs, func(r step) bool { return len(r.on) == len(known()) })
	for i, r := range rungs {
		s := scoreOf(r, v)
		scores = append(scores, s)
		switch {
		case r.without:
			out.Rows = append(out.Rows, s.row(r.name, trials, points(shareOf(s.Summary)-shareOf(scores[everything].Summary))))
		case i == 0:
			up.Rows = append(up.Rows, s.row(r.name, trials, ""))
		default:
			up.Rows = append(up.Rows, s.row(r.name, trials, points(shareOf(s.Summary)-shareOf(scores[i-1].Summary))))
		}
		served = append(served, chart.Row{Group: r.short, Label: "served", Value: 100 * shareOf(s.Summary)},
			chart.Row{Group: r.short, Label: "with every part", Value: 100 * float64(s.Complete) / float64(max(1, s.Readers))})
		waits = append(waits, chart.Row{Label: r.short, Value: float64(s.P99.Milliseconds())})
		for _, d := range dependencies {
			tries = append(tries, chart.Row{Group: r.short, Label: d, Value: s.tries[d]})
		}
	}
	nothing, all := scores[0], scores[everything]
	result := lab.Result{
		Finding: ladderFinding(rungs[:everything+1], scores, v), Tables: []lab.Table{up}, Trials: trials,
		Figures: []lab.Figure{
			chart.Figure{ID: "ladder-served", Title: fmt.Sprintf("Served within a second: %s with nothing, %s with everything", sharePercent(shareOf(nothing.Summary)), sharePercent(shareOf(all.Summary))),
				Desc: "Readers who came during the faults. Injected.", X: chart.Axis{Label: "of those who came", Unit: "%", Max: 100, Digits: 1}, Plot: served},
			chart.Figure{ID: "ladder-waits", Title: fmt.Sprintf("99th percentile of the wait: %s with nothing, %s with everything", short(nothing.P99), short(all.P99)),
				Desc: "Readers who came during the faults, served or not. Injected.", X: chart.Axis{Label: "p99", Unit: "ms"}, Plot: waits},
			chart.Figure{ID: "ladder-tries", Title: fmt.Sprintf("Tries a reader: %.1f with nothing, %.1f with everything", nothing.allTries(), all.allTries()),
				Desc: "Tries at each dependency, of the whole run, a reader who came. Injected.", X: chart.Axis{Label: "tries", Unit: "a reader"}, Plot: tries},
		},
		Checks: []lab.Check{{Claim: "everything: served within a second", Want: fmt.Sprintf("%d of %d", all.Readers, all.Readers), Got: fmt.Sprintf("%d of %d", all.OK, all.Readers), Met: all.OK == all.Readers, Source: ourProtections}},
		Notes:  []string{"What a protection buys depends on the order in which they are added. Tries are of the whole run, readers before and after the faults included; background work, such as watching the database, is among them."},
	}
	if len(out.Rows) > 0 {
		result.Tables = append(result.Tables, out)
	}
	if kind := v.Choice("kind"); kind == "refuse" || kind == "hang" || kind == "reset" {
		result.Checks = append(result.Checks, lab.Check{
			Claim: "nothing: served within a second", Want: fmt.Sprintf("fewer than with everything, %d", all.OK),
			Got: fmt.Sprintf("%d of %d", nothing.OK, nothing.Readers), Met: nothing.OK < all.OK, Source: ourProtections,
		})
	}
	return result
}

func ladderHead(trials int, change string) []string {
	head := []string{"protections", "readers", "served", change, "complete", "p50", "p99", "postgres", "redis", "recommendations"}
	if trials > 1 {
		head = append(head, "served, trial by trial")
	}
	return head
}

func (s score) row(name string, trials int, change string) []string {
	row := []string{name, fmt.Sprint(s.Readers), percent(s.OK, s.Readers), change, percent(s.Complete, s.Readers), short(s.P50), short(s.P99)}
	for _, d := range dependencies {
		row = append(row, fmt.Sprintf("%.2f tries a reader", s.tries[d]))
	}
	if trials > 1 {
		row = append(row, fmt.Sprintf("%s to %s", sharePercent(s.least), sharePercent(s.most)))
	}
	return row
}

func (s score) allTries() (sum float64) {
	for _, n := range s.tries {
		sum += n
	}
	return sum
}

// points writes a difference of shares.
func points(share float64) string { return signed(1, 100*share) + " points" }

// ladderFinding names both ends, and the rung that bought most.
func ladderFinding(rungs []step, scores []score, v lab.Values) string {
	best, most := 0, 0.0
	for i := 1; i < len(rungs); i++ {
		if gain := shareOf(scores[i].Summary) - shareOf(scores[i-1].Summary); gain > most {
			best, most = i, gain
		}
	}
	broken := brokenName(v.Choice("link"))
	if v.Choice("link") == "mixed" {
		broken = "Postgres, Redis and recommendations in turn"
	}
	nothing, all := scores[0], scores[len(rungs)-1]
	said := fmt.Sprintf("In %s with %s %s: with nothing on %d of %d readers were served within a second (p99 %s, %.1f tries a reader), with everything %d of %d (p99 %s, %.1f tries)",
		v.Duration("for"), broken, doing[v.Choice("kind")], nothing.OK, nothing.Readers, short(nothing.P99), nothing.allTries(), all.OK, all.Readers, short(all.P99), all.allTries())
	if best == 0 {
		return said + "; no rung bought any."
	}
	return said + fmt.Sprintf("; of the rungs measured, “%s” bought most: from %d to %d.", rungs[best].name, scores[best-1].OK, scores[best].OK)
}
