package chart

import (
	"math"
	"slices"
	"strings"
)

// Stacked draws, for each X, a column from it to the next, of the series' values on top of each other, the first at the
// foot: counts that add up, such as readers' outcomes a second. A value that is missing beside others counts as nothing.
type Stacked []Series

func (s Stacked) empty() bool { return Lines(s).empty() }

func (s Stacked) draw(c *canvas) {
	xs, values := columns(s)
	x0, width := c.figure.X.Min, columnWidth(xs)
	x1, y1 := x0, 0.0
	var names []string
	for i, x := range xs {
		sum := 0.0
		for j := range s {
			sum = math.Min(sum+amount(values[j][i]), huge)
		}
		if x >= x0 && x <= huge { // beyond it no column is drawn
			x1, y1 = math.Max(x1, x+width), math.Max(y1, sum)
		}
	}
	for _, series := range s {
		names = append(names, series.label())
	}
	f := c.frame(x0, x1, y1, names)
	var tags []tag
	foot := make([]float64, len(xs))
	for j, series := range s {
		tags = append(tags, f.layer(series, series.Colour.or(j), xs, values[j], foot, width))
	}
	slices.Reverse(tags) // so that labels of empty layers stand in the layers' order, from the foot up
	f.marks()            // over the columns, which would hide them
	f.tags(append(tags, f.reference()...))
}

// layer draws one series on top of foot, and adds it to foot.
func (f *frame) layer(s Series, colour Colour, xs, values, foot []float64, width float64) tag {
	t := tag{name: s.label(), want: f.bottom, from: -1, sample: func(x, y float64) {
		f.area("M"+coordinate(x)+" "+coordinate(y-6)+"h14v12h-14z", colour)
	}}
	var d strings.Builder
	for i, x := range xs {
		if x < f.x0 || x > huge {
			continue
		}
		low, left, right := foot[i], f.x(x), f.x(x+width)
		foot[i] = math.Min(low+amount(values[i]), huge)
		t.want, t.from = (f.y(low)+f.y(foot[i]))/2, right
		if foot[i] > low {
			d.WriteString("M" + coordinate(left) + " " + coordinate(f.y(low)) + "V" + coordinate(f.y(foot[i])) + "H" + coordinate(right) + "V" + coordinate(f.y(low)) + "Z")
		}
	}
	if d.Len() > 0 {
		f.area(d.String(), colour)
	}
	return t
}

// columnWidth is the least distance between columns.
func columnWidth(xs []float64) float64 {
	width := math.Inf(1)
	for i := 1; i < len(xs); i++ {
		width = math.Min(width, xs[i]-xs[i-1])
	}
	if math.IsInf(width, 1) {
		return 1
	}
	return width
}

// amount is what a value adds to a stack.
func amount(v float64) float64 {
	if !drawable(v) {
		return 0
	}
	return v
}

func (s Stacked) table(f Figure) (head []string, rows [][]string) { return tabulate(f, s) }

func (s Stacked) say(f Figure) []string {
	var said []string
	for _, series := range s {
		sum, all := 0.0, 0
		for _, p := range series.within(f.X.Min) {
			sum, all = sum+p.Y, all+1
		}
		if all == 0 {
			said = append(said, series.label())
			continue
		}
		said = append(said, series.Name+": "+f.Y.value(sum/float64(all))+" on average")
	}
	return said
}
