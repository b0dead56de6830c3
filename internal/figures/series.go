package figures

import (
	"fmt"

	"afloat/internal/availability"
	"afloat/internal/chart"
)

// mostParts is Hystrix's thirty, so that the line ends at its wiki's number.
const mostParts = 30

// seriesParallel is lesson 1's: each part that must be up takes some availability away, and a second copy gives it back.
func seriesParallel() Figure {
	return Figure{
		Name: "series-parallel", Label: Computed, Code: "internal/figures/series.go",
		How: "The product of the parts’ availabilities, over a month of 30 days",
		draw: func() chart.Figure {
			end := seriesOf(mostParts, 0.9999)
			return chart.Figure{
				Title: fmt.Sprintf("%d parts of %s make a page of %s: %s down a month", mostParts, percent(0.9999, 2), percent(end, 2), minutes(availability.PerMonth(end))),
				Desc:  "Downtime of a page that needs all its parts, by their number, if they fail independently. Where failures have a common cause, two copies fail together and the lowest line is out of reach.",
				X:     chart.Axis{Label: "parts that must all be up", Max: mostParts},
				Y:     chart.Axis{Label: "down in a month", Unit: "h"},
				Plot: chart.Lines{
					downtimes("each 99.9 %", func(n int) float64 { return seriesOf(n, 0.999) }),
					downtimes("each 99.99 %", func(n int) float64 { return seriesOf(n, 0.9999) }),
					downtimes("two copies of each, 99.9 %", func(n int) float64 { return seriesOf(n, availability.Parallel(0.999, 0.999)) }),
				},
			}
		},
	}
}

// seriesOf is the availability of what needs n parts of one availability.
func seriesOf(n int, each float64) float64 {
	parts := make([]float64, n)
	for i := range parts {
		parts[i] = each
	}
	return availability.Series(parts...)
}

func downtimes(name string, of func(parts int) float64) chart.Series {
	s := chart.Series{Name: name}
	for n := 1; n <= mostParts; n++ {
		s.Points = append(s.Points, chart.Point{X: float64(n), Y: availability.PerMonth(of(n)).Hours()})
	}
	return s
}
