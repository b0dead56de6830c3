package chart

import (
	"math"
	"slices"
	"strings"
)

// Lines draws series over the same axes. A gap in the data is a gap in the line.
type Lines []Series

const fewPoints = 15 // so many are shown as points, too

func (l Lines) empty() bool {
	return !slices.ContainsFunc(l, func(s Series) bool { return slices.ContainsFunc(s.Points, plain) })
}

// plain reports whether a point can be drawn.
func plain(p Point) bool { return math.Abs(p.X) <= huge && drawable(p.Y) }

func (l Lines) draw(c *canvas) {
	x0, x1, y1 := c.figure.X.Min, c.figure.X.Min, 0.0
	var names []string
	for _, s := range l {
		for _, p := range s.within(x0) {
			x1, y1 = math.Max(x1, p.X), math.Max(y1, p.Y)
		}
		names = append(names, s.label())
	}
	f := c.frame(x0, x1, y1, names)
	f.marks()
	tags := f.reference()
	for i, s := range l {
		tags = append(tags, f.polyline(s, s.Colour.or(i)))
	}
	f.tags(tags)
}

// within are the points that can be drawn on an axis that begins at x0.
func (s Series) within(x0 float64) []Point {
	return slices.DeleteFunc(slices.Clone(s.Points), func(p Point) bool { return !plain(p) || p.X < x0 })
}

func (s Series) label() string {
	if slices.ContainsFunc(s.Points, plain) {
		return s.Name
	}
	return s.Name + " (no data)"
}

// polyline draws a line, with its points where there are few or where one stands alone.
func (f *frame) polyline(s Series, colour Colour) tag {
	var d strings.Builder
	var dots []Point
	points := s.within(f.x0)
	shown := func(i int) bool { return i >= 0 && i < len(s.Points) && plain(s.Points[i]) && s.Points[i].X >= f.x0 }
	for i, p := range s.Points {
		if !shown(i) {
			continue
		}
		pen := "L"
		if !shown(i - 1) {
			pen = "M"
		}
		d.WriteString(pen + coordinate(f.x(p.X)) + " " + coordinate(f.y(p.Y)))
		if len(points) <= fewPoints || pen == "M" && !shown(i+1) {
			dots = append(dots, p)
		}
	}
	t := tag{name: s.label(), want: f.bottom, from: -1, sample: func(x, y float64) {
		f.path("M"+coordinate(x)+" "+coordinate(y)+"h"+coordinate(keyWidth), "ch-line "+colour.class(), dashed(colour))
		f.shape(colour, x+keyWidth/2, y, 3.5)
	}}
	if len(points) == 0 {
		return t
	}
	f.path(d.String(), "ch-line "+colour.class(), dashed(colour))
	for _, p := range dots {
		f.shape(colour, f.x(p.X), f.y(p.Y), 3.5)
	}
	last := points[len(points)-1]
	t.want, t.from = f.y(last.Y), f.x(last.X)
	return t
}

func dashed(colour Colour) string {
	if dashes[colour-1] == "" {
		return ""
	}
	return ` stroke-dasharray="` + dashes[colour-1] + `"`
}

func (l Lines) table(f Figure) (head []string, rows [][]string) { return tabulate(f, l) }

func (l Lines) say(f Figure) []string {
	var said []string
	for _, s := range l {
		points := s.within(f.X.Min)
		if len(points) == 0 {
			said = append(said, s.label())
			continue
		}
		most := points[0]
		for _, p := range points {
			if p.Y > most.Y {
				most = p
			}
		}
		said = append(said, s.Name+": from "+f.Y.value(points[0].Y)+" to "+f.Y.value(points[len(points)-1].Y)+
			", at most "+f.Y.value(most.Y)+" at "+f.X.value(most.X))
	}
	return said
}

// tabulate has a row for each X of any series.
func tabulate(f Figure, all []Series) (head []string, rows [][]string) {
	head = []string{f.X.title()}
	for _, s := range all {
		head = append(head, Axis{Label: s.Name, Unit: f.Y.Unit}.title())
	}
	xs, columns := columns(all)
	for i, x := range xs {
		row := []string{f.X.number(x)}
		for _, column := range columns {
			row = append(row, f.Y.number(column[i]))
		}
		rows = append(rows, row)
	}
	return head, rows
}

// columns sets series side by side: every X there is, and for each series its value there, or not a number.
func columns(all []Series) (xs []float64, values [][]float64) {
	for _, s := range all {
		for _, p := range s.Points {
			if finite(p.X) {
				xs = append(xs, p.X)
			}
		}
	}
	slices.Sort(xs)
	xs = slices.Compact(xs)
	for _, s := range all {
		column := slices.Repeat([]float64{math.NaN()}, len(xs))
		for _, p := range s.Points {
			if i, found := slices.BinarySearch(xs, p.X); found {
				column[i] = p.Y
			}
		}
		values = append(values, column)
	}
	return xs, values
}
