package recorded

import (
	"fmt"

	"afloat/internal/chart"
)

// Figures draws a case over its seconds, with the fault marked: readers, their p99, comments, and the twin's readers where
// there are any; its totals, where the seconds weren't kept. Their ids begin with the case's name.
func (c Case) Figures() []chart.Figure {
	s := c.Seconds
	if s.IsZero() {
		return c.totals()
	}
	all := []chart.Figure{
		c.figure("reads", fmt.Sprintf("%s: %d reads failed", c.Does, sum(s.Failed)),
			"Readers of the blog, by when they were due: through the published port, a connection each.", chart.Axis{Label: "reads", Unit: "/s"},
			chart.Stacked{{Name: "page came", Points: points(s.Served), Colour: chart.Green}, {Name: "failed", Points: points(s.Failed), Colour: chart.Vermillion}}),
		c.figure("p99", fmt.Sprintf("p99 %.0f ms under the fault, %.0f healthy", c.Under.P99, c.Healthy.P99),
			"p99 of the readers due in each second.", chart.Axis{Label: "p99", Unit: "ms"}, chart.Lines{{Name: "p99", Points: points(s.P99)}}),
		c.figure("comments", fmt.Sprintf("%d comments acknowledged, %d of them by the outbox; %d lost, %d doubled", c.Comments.Acknowledged, c.Comments.Outbox, c.Comments.Lost, c.Comments.Doubled),
			"Answers to comments; who got none or a refusal sent the same form again.", chart.Axis{Label: "answers", Unit: "/s"},
			chart.Stacked{{Name: "direct", Points: points(s.Direct), Colour: chart.Blue}, {Name: "outbox", Points: points(s.Outbox), Colour: chart.Orange}, {Name: "refused or broken", Points: points(s.Refused), Colour: chart.Vermillion}}),
	}
	if len(s.TwinServed) == 0 {
		return all
	}
	return append(all, c.figure("twin", fmt.Sprintf("The twin without protections: %d of %d reads failed", c.Twin.Failed, c.Twin.Of),
		"Readers of the naive twin in the same seconds, a connection each.", chart.Axis{Label: "reads", Unit: "/s"},
		chart.Stacked{{Name: "page came", Points: points(s.TwinServed), Colour: chart.Green}, {Name: "failed", Points: points(s.TwinFailed), Colour: chart.Vermillion}}))
}

// totals draws what is left of a case without its seconds.
func (c Case) totals() []chart.Figure {
	return []chart.Figure{
		{
			ID: c.Name + "-failed", Title: fmt.Sprintf("%s: %.1f %% of the fleet's reads failed, and %.0f %% of the naive twin's", c.Does, c.Failed(), c.TwinFailed()),
			Desc: "Reads that failed from the fault to the end.", X: chart.Axis{Label: "failed", Unit: "%", Max: 100, Digits: 1},
			Plot: chart.Bars{{Label: "the fleet", Value: c.Failed()}, {Label: "the naive twin", Value: c.TwinFailed()}},
		},
		{
			ID: c.Name + "-p99", Title: fmt.Sprintf("p99 %.0f ms under the fault, %.0f healthy", c.Under.P99, c.Healthy.P99),
			Desc: "p99 of the fleet's readers, from when each was due.", X: chart.Axis{Label: "p99", Unit: "ms"},
			Plot: chart.Bars{{Label: "healthy", Value: c.Healthy.P99}, {Label: "under the fault", Value: c.Under.P99}},
		},
	}
}

func (c Case) figure(id, title, desc string, y chart.Axis, plot chart.Plot) chart.Figure {
	return chart.Figure{
		ID: c.Name + "-" + id, Title: title, Desc: desc, X: chart.Axis{Label: "time", Unit: "s"}, Y: y, Height: 120, Plot: plot,
		Marks: []chart.Mark{{At: c.Fault, For: c.Heal - c.Fault, Label: "fault"}},
	}
}

func points[N int | float64](values []N) (all []chart.Point) {
	for i, v := range values {
		all = append(all, chart.Point{X: float64(i), Y: float64(v)})
	}
	return all
}

func sum(counts []int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
