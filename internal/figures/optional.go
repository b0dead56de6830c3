package figures

import (
	"fmt"

	"afloat/internal/availability"
	"afloat/internal/chart"
)

const (
	pageParts   = 10   // of the page that lesson 2's figure counts
	partIsThere = 0.99 // of the time, each
	pagesOf     = 1000
)

// optionalParts is lesson 2's: to make a part optional mends nothing, and turns an error page into a page with a gap.
func optionalParts() Figure {
	return Figure{
		Name: "optional-parts", Label: Computed, Code: "internal/figures/optional.go",
		How: "The product of the critical parts’ availabilities, and of all parts’",
		draw: func() chart.Figure {
			errorPages, gaps := chart.Series{Name: "error pages", Colour: chart.Vermillion}, chart.Series{Name: "pages with a gap", Colour: chart.Blue}
			for optional := range pageParts {
				failed, incomplete := outOf(optional)
				errorPages.Points = append(errorPages.Points, chart.Point{X: float64(optional), Y: failed})
				gaps.Points = append(gaps.Points, chart.Point{X: float64(optional), Y: incomplete})
			}
			all, _ := outOf(0)
			one, _ := outOf(pageParts - 1)
			return chart.Figure{
				Title: fmt.Sprintf("Of %d pages of %d parts, %.0f are errors if all parts must be there, and %.0f if one must", pagesOf, pageParts, all, one),
				Desc:  fmt.Sprintf("Pages that fail and pages with something missing, by how many of the %d parts are optional. Each part is there for %s of the time, and they fail independently. The two lines always add up to the same.", pageParts, percent(partIsThere, 0)),
				X:     chart.Axis{Label: "optional parts"},
				Y:     chart.Axis{Label: fmt.Sprintf("of %d pages", pagesOf), Digits: 1},
				Plot:  chart.Lines{errorPages, gaps},
			}
		},
	}
}

// outOf is how many pages fail, and how many are served without all their parts.
func outOf(optional int) (failed, incomplete float64) {
	served := seriesOf(pageParts-optional, partIsThere)
	return pagesOf * (1 - served), pagesOf * (served - availability.Series(served, seriesOf(optional, partIsThere)))
}
