// Package chart draws figures as SVG with a title, a description and a data table.
//
// A Figure says what is found and on which axes; its Plot is one of Lines, Stacked, Bars, Interval, Histogram, Panels
// and Lanes, or, without axes, of Sequence and States. Each
// axis begins at zero and names its unit, each series is labelled where it ends instead of in a legend, and each colour
// (Okabe and Ito's, which colour-blind readers can tell apart) comes with a dash, a shape or a hatching of its own.
// There is no script and no inline style: the look lives in chart.css, which a page links to and which Standalone
// embeds. The same figure always gives the same bytes.
package chart

import (
	"cmp"
	_ "embed" // for CSS
	"html/template"
	"math"
	"strings"
)

// CSS is the style sheet that the drawings need. The copy in static/ is what pages link to.
//
//go:generate cp chart.css ../../static/chart.css
//go:embed chart.css
var CSS string

// A Figure is a chart with all that it says. It is a value: nothing here changes it.
type Figure struct {
	ID        string    // begins the ids of its parts, so it must be the only one of its name on a page
	Title     string    // states the finding, with numbers and units
	Desc      string    // what is shown, how it was come by; the series are described without being asked
	X, Y      Axis      // Bars, Interval and Lanes lie on their side: their values are on X, and Y is not used
	Marks     []Mark    // on the X axis of Lines, Stacked, Histogram and Panels
	Reference Reference // a value to compare all others with
	Height    int       // of the plot of Lines, Stacked and Histogram, where the whole is 640 wide; 0 is 220. Of each of Panels; 0 is 84
	Plot      Plot
}

// A Plot is one of Lines, Stacked, Bars, Interval, Histogram, Panels, Lanes, Sequence and States.
type Plot interface {
	empty() bool
	draw(c *canvas)
	table(f Figure) (head []string, rows [][]string)
	say(f Figure) []string // one clause for each series or row
}

// An Axis says what its numbers are.
type Axis struct {
	Label  string  // "latency"
	Unit   string  // "ms", "/s"; may be empty
	Max    float64 // how far the axis reaches at least: data beyond it makes it longer, so nothing is cut off
	Min    float64 // where an X axis begins, for time before now and for intervals far from zero; Y begins at zero
	Digits int     // after the decimal point, of values; 0 is as many as make four significant digits
}

// A Mark is a moment of the X axis, or the time from At on where For is more than zero: a breaker's change of state, a
// fault. For is positive infinity for what has not ended.
type Mark struct {
	At, For float64
	Label   string
}

// A Reference is a value to compare with, such as a formula's. Without a label there is none.
type Reference struct {
	Value float64
	Label string // "formula"
}

// A Point is one measurement. A value below zero, infinite or not a number is a gap.
type Point struct{ X, Y float64 }

// A Series is a name and its points, by rising X.
type Series struct {
	Name   string
	Points []Point
	Colour Colour // the zero value gives the first series Blue, the second Vermillion, and so on
}

// A Colour is one of Okabe and Ito's, with the dash, shape and hatching that go with it.
type Colour int

// The colours, in the order in which they are given out.
const (
	Blue Colour = 1 + iota
	Vermillion
	Green
	Purple
	Orange
	Sky
	Yellow
	Ink
)

const (
	wideWidth   = 640
	narrowWidth = 340 // for a column too narrow for the other's text
	usualHeight = 220
)

// SVG returns the picture for a page that links to chart.css: two drawings, of which the page shows the one whose text
// can be read in the width there is. It holds the title and the description for those who hear the page, and not the
// table: see HTML.
func (f Figure) SVG() template.HTML {
	return template.HTML(`<div class="chart ch-fit">` + f.draw("wide", wideWidth) + f.draw("narrow", narrowWidth) + "</div>") // every text in it went through canvas.text or escape
}

// Standalone returns the picture as a file of its own, with its title to be seen and its style sheet inside.
func (f Figure) Standalone() []byte {
	return []byte(f.draw("alone", wideWidth) + "\n")
}

func (f Figure) draw(kind string, width float64) string {
	f.X, f.Y = f.X.sane(), f.Y.sane()
	c := &canvas{figure: f, id: identifier(f.ID) + "-" + kind, width: width, narrow: width == narrowWidth, used: map[Colour]bool{}}
	if kind == "alone" {
		for _, line := range wrap(f.Title, (width-12)/1.2) {
			c.y += 20
			c.text(0, c.y, "ch-title", start, line)
		}
		c.y += 8
	}
	if f.Plot == nil || f.Plot.empty() {
		c.text(width/2, c.y+50, "ch-empty", middle, "no data yet")
		c.y += 100
	} else {
		f.Plot.draw(c)
	}
	return c.close(kind)
}

func (f Figure) description() string {
	said := []string{f.Desc}
	if f.Plot == nil || f.Plot.empty() {
		said = append(said, "No data yet.")
	} else {
		said = append(said, sentence(f.Plot.say(f)), f.note())
	}
	return strings.TrimSpace(strings.Join(said, " "))
}

// note tells the marks and the reference, of which a crowded picture may not have room for every label.
func (f Figure) note() string {
	var said []string
	for _, m := range f.Marks {
		switch {
		case math.IsInf(m.For, 1):
			said = append(said, m.Label+" from "+f.X.value(m.At)+" on")
		case m.For > 0:
			said = append(said, m.Label+" from "+f.X.value(m.At)+" to "+f.X.value(m.At+m.For))
		default:
			said = append(said, m.Label+" at "+f.X.value(m.At))
		}
	}
	if f.Reference.Label != "" {
		axis := f.Y
		if _, lying := f.Plot.(sideways); lying {
			axis = f.X
		}
		said = append(said, f.Reference.Label+" "+axis.value(f.Reference.Value))
	}
	return sentence(said)
}

// sideways are the plots whose values lie on X.
type sideways interface{ sideways() }

func (b Bars) sideways()     {}
func (i Interval) sideways() {}
func (l Lanes) sideways()    {}

func sentence(clauses []string) string {
	if len(clauses) == 0 {
		return ""
	}
	return strings.Join(clauses, "; ") + "."
}

// or returns the colour itself, or that of a place in the figure.
func (c Colour) or(place int) Colour { return (max(cmp.Or(c, Colour(place+1)), Blue)-1)%Ink + 1 }

// drawable reports whether a value has a place on an axis from zero.
func drawable(v float64) bool { return v >= 0 && v <= huge }

// huge keeps sums and scales finite.
const huge = 1e300
