package experiments

import (
	"fmt"
	"math"
	"slices"

	"afloat/internal/availability"
	"afloat/internal/chart"
	"afloat/internal/lab"
)

// availabilityResult sets the formula beside what was measured.
func availabilityResult(forecasts []Forecast, uptime map[string]float64, schedule availability.Schedule, naive, isolated, protected []availabilityReading) lab.Result {
	formula := lab.Table{Caption: "By the formula for independent failures", Head: []string{"blog", "needs", "available", "nines", "down"}}
	for _, f := range forecasts {
		formula.Rows = append(formula.Rows, []string{f.Server, f.Formula(), f.Percent(), f.Nines(), f.Month()})
	}
	measured := lab.Table{Caption: "Measured: a 200 within a second", Head: []string{"blog", "seed", "readers", "served", "95 % interval", "as if readers were independent", "formula", "the drawn outages leave", "postgres", "redis", "recommendations"}}
	rows := chart.Interval{}
	for _, readings := range [][]availabilityReading{naive, isolated, protected} {
		for _, r := range readings {
			measured.Rows = append(measured.Rows, r.row())
			row := chart.Row{
				Group: r.forecast.Server, Label: fmt.Sprintf("seed %d", r.seed), Value: 100 * r.estimate.Mean, Low: 100 * r.estimate.Low, High: 100 * r.estimate.High,
				Reference: chart.Reference{Value: 100 * r.forecast.Share, Label: "formula"}, Colour: chart.Blue,
			}
			if len(naive) == 1 {
				row.Group, row.Label = "", r.forecast.Server
			}
			rows = append(rows, row)
		}
	}

	product, best := forecasts[0].Share, slices.Max(schedule.Uptime)
	inside, above := 0, 0
	for i := range naive {
		if naive[i].estimate.Contains(product) {
			inside++
		}
		if m := protected[i].estimate.Mean; m > best || m == 1 {
			above++
		}
	}
	title := fmt.Sprintf("Served: naive %s, isolated %s, protected %s", sharePercent(meanOf(naive)), sharePercent(meanOf(isolated)), sharePercent(meanOf(protected)))
	result := lab.Result{
		Trials: len(naive), Tables: []lab.Table{measured, formula},
		Figures: []lab.Figure{chart.Figure{
			ID: "availability", Title: title,
			Desc: "Share of readers who got the page within a second, with its 95 % interval (block bootstrap), and the formula's value. Injected.",
			X:    chart.Axis{Label: "served", Unit: "%", Max: 100, Digits: 1}, Plot: rows,
		}},
	}
	causes := "independently"
	if schedule.Correlated {
		causes = "by one cause"
		result.Checks = append(result.Checks, commonCause(naive, product, slices.Min(schedule.Uptime)))
	} else {
		want := max(1, len(naive)*17/20) // of 20 true 95 % intervals fewer than 17 contain their value once in 60 times
		result.Checks = append(result.Checks, lab.Check{
			Claim: fmt.Sprintf("naive: the formula's %s lies within the 95 %% interval", sharePercent(product)), Want: fmt.Sprintf("at least %d of %d", want, len(naive)),
			Got: fmt.Sprintf("%d of %d", inside, len(naive)), Met: inside >= want, Source: hystrixWiki,
		})
	}
	result.Checks = append(result.Checks, lab.Check{
		Claim: fmt.Sprintf("protected: above its best single dependency, %s", sharePercent(best)), Want: fmt.Sprintf("%d of %d", len(naive), len(naive)),
		Got: fmt.Sprintf("%d of %d; lowest %s", above, len(naive), sharePercent(lowest(protected))), Met: above == len(naive), Source: ourSeries,
	})
	result.Finding = fmt.Sprintf("With Postgres up for %s of the time, Redis for %s and recommendations for %s, failing %s: naive served %s of %d readers where the formula says %s, which %d of %d intervals contain; isolated %s of %d (formula %s); protected %s of %d.",
		sharePercent(uptime["postgres"]), sharePercent(uptime["redis"]), sharePercent(uptime["recommendations"]), causes,
		sharePercent(meanOf(naive)), readersOf(naive), sharePercent(product), inside, len(naive),
		sharePercent(meanOf(isolated)), readersOf(isolated), sharePercent(forecasts[1].Share), sharePercent(meanOf(protected)), readersOf(protected))
	result.Notes = []string{"“The drawn outages leave” is the share of time in which nothing that the page needs was down, in this seed's outages: it differs from the formula by chance, and from what is served by what happens at an outage's edges, where a connection that died in it may fail one more reader."}
	if len(naive) > 1 {
		result.Notes = append(result.Notes, fmt.Sprintf("Isolated was measured under the outages of seed %d only.", isolated[0].seed))
	}
	return result
}

// commonCause holds correlated outages against the formula for independent ones.
func commonCause(naive []availabilityReading, product, worst float64) lab.Check {
	got := meanOf(naive)
	return lab.Check{
		Claim: "naive under one common cause: nearer to its worst dependency than to the product",
		Want:  fmt.Sprintf("nearer to %s than to %s", sharePercent(worst), sharePercent(product)), Got: sharePercent(got),
		Met: math.Abs(got-worst) < math.Abs(got-product), Source: ourSeries,
	}
}

func (r availabilityReading) row() []string {
	between := func(e availability.Estimate) string { return fmt.Sprintf("%.1f to %.1f %%", 100*e.Low, 100*e.High) }
	row := []string{
		r.forecast.Server, fmt.Sprint(r.seed), fmt.Sprint(r.readers), sharePercent(r.estimate.Mean), between(r.estimate), between(r.alone),
		r.forecast.Percent(), sharePercent(r.exact),
	}
	for _, d := range dependencies {
		row = append(row, fmt.Sprintf("%.2f tries a reader", triesPer(r.outcome, d)))
	}
	return row
}

// triesPer is how often each reader made a server ask a dependency.
func triesPer(o lab.Outcome, link string) float64 {
	return float64(o.Bore[link].Attempts) / float64(max(1, len(o.Samples)))
}

// meanOf is over all readers of all seeds.
func meanOf(readings []availabilityReading) float64 {
	served := 0.0
	for _, r := range readings {
		served += r.estimate.Mean * float64(r.readers)
	}
	return served / float64(max(1, readersOf(readings)))
}

func readersOf(readings []availabilityReading) (n int) {
	for _, r := range readings {
		n += r.readers
	}
	return n
}

func lowest(readings []availabilityReading) float64 {
	least := 1.0
	for _, r := range readings {
		least = min(least, r.estimate.Mean)
	}
	return least
}
