package chart

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAnyFigureIsDrawn: whatever the numbers, the drawing ends, is XML and holds no number that is none.
func TestAnyFigureIsDrawn(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 100), rapid.SampledFrom([]float64{
		0, 1, -1, 1e18, 1e18 + 256, 1e-300, 5e-324, huge, math.MaxFloat64, -math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1),
	}))
	rapid.Check(t, func(r *rapid.T) {
		draw := func(name string) float64 { return number.Draw(r, name) }
		text := func(name string) string { return rapid.String().Draw(r, name) }
		axis := func() Axis { return Axis{Label: text("label"), Unit: text("unit"), Min: draw("min"), Max: draw("max")} }
		reference := func() Reference { return Reference{draw("reference"), text("reference label")} }
		f := Figure{ID: text("id"), Title: text("title"), Desc: text("desc"), X: axis(), Y: axis(), Reference: reference()}
		var all []Series
		var rows []Row
		var bins Histogram
		var panels Panels
		var lanes Lanes
		var sequence Sequence
		var states States
		var values []float64
		for range rapid.IntRange(0, 4).Draw(r, "parts") {
			s := Series{Name: text("series"), Colour: Colour(rapid.Int().Draw(r, "colour"))}
			for range rapid.IntRange(0, 4).Draw(r, "points") {
				s.Points = append(s.Points, Point{draw("x"), draw("y")})
			}
			all = append(all, s)
			rows = append(rows, Row{Group: text("group"), Label: text("row"), Value: draw("value"), Low: draw("low"), High: draw("high"), Reference: reference()})
			bins = append(bins, Bin{draw("from"), draw("to"), draw("count")})
			values = append(values, draw("value"))
			panels = append(panels, Panel{text("panel"), bins})
			lanes = append(lanes, Lane{text("group"), text("lane"), []Span{{draw("from"), draw("to"), text("span"), Colour(rapid.Int().Draw(r, "colour")), rapid.Bool().Draw(r, "waits")}}})
			sequence.Actors, sequence.Steps = append(sequence.Actors, text("actor")), append(sequence.Steps, Step{Heading: text("heading"), To: len(sequence.Actors), Label: text("step"), Lost: rapid.Bool().Draw(r, "lost")})
			states.Boxes, states.Arrows = append(states.Boxes, Box{text("box"), text("says")}), append(states.Arrows, Arrow{From: len(states.Boxes), Label: text("arrow")})
			f.Marks = append(f.Marks, Mark{draw("at"), draw("for"), text("mark")})
		}
		for _, plot := range []Plot{Lines(all), Stacked(all), Bars(rows), Interval(rows), bins, Count(values, 5), panels, lanes, sequence, states} {
			f.Plot = plot
			for _, e := range parse(t, string(f.Standalone())+string(f.SVG())) {
				for name, value := range e.attr {
					if said := name == "class" || name == "id" || name == "aria-labelledby"; !said && (strings.Contains(value, "NaN") || strings.Contains(value, "Inf")) {
						r.Fatalf("%T: <%s> has %s=%q", plot, e.name, name, value)
					}
				}
			}
			f.HTML()
		}
	})
}
