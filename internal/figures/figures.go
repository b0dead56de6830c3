// Package figures has the articles' drawings, a file for each. Their numbers
// are computed from a formula, simulated with a seed, read from the policies'
// table or from a recorded run, and never typed: a drawing is as right as the
// program that shows it.
package figures

import (
	"html/template"
	"sync"

	"afloat/internal/chart"
)

// Label says what a figure's numbers are worth.
type Label string

const (
	Computed  Label = "computed"  // from a formula, or from the policies' table
	Simulated Label = "simulated" // from a model, with a seed
	Recorded  Label = "recorded"  // measured once on a running system
)

// Figure is a drawing. It is drawn when it is first asked for.
type Figure struct {
	Name  string
	Label Label
	How   string // what its numbers come from, to stand behind the label
	Code  string // the file that draws it

	draw func() chart.Figure
}

// Chart is what is drawn: title, description, picture and table.
func (f Figure) Chart() chart.Figure { return f.draw() }

// HTML is the whole figure for a page that links to chart.css. The id begins
// the ids of its parts, so it must be the only one of its name on a page.
func (f Figure) HTML(id string) template.HTML {
	c := f.draw()
	c.ID = id
	return c.HTML()
}

// Find returns the figure of a name.
func Find(name string) (Figure, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Figure{}, false
}

// All are the figures, in the order of the lessons.
var All = sync.OnceValue(func() []Figure {
	list := []Figure{
		seriesParallel(), optionalParts(), deadlineTravels(), retryTimeline(), arrivalHistograms(), metastableLoop(), replyLost(),
		breakerStates(), staleLadder(), expiryHerd(), safetyNetLoad(), queueGrowth(), hedgeTimeline(), failoverTimeline(),
	}
	for i := range list {
		list[i].draw = sync.OnceValue(list[i].draw)
	}
	return list
})
