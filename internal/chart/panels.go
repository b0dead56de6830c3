package chart

import "math"

// Panels draws histograms one below the other, over the same axes, so that their shapes can be compared.
type Panels []Panel

// A Panel is one of them.
type Panel struct {
	Label string
	Bins  Histogram
}

// panelHeight is lower than a plot that stands alone.
const panelHeight = 84

func (p Panels) empty() bool {
	for _, panel := range p {
		if !panel.Bins.empty() {
			return false
		}
	}
	return true
}

func (p Panels) draw(c *canvas) {
	x0, x1, y1 := math.Inf(1), math.Inf(-1), 0.0
	for _, panel := range p {
		low, high, most := panel.Bins.reach()
		x0, x1, y1 = math.Min(x0, low), math.Max(x1, high), math.Max(y1, most)
	}
	if x0 > 0 && c.figure.X.Min <= x0 {
		x0 = c.figure.X.Min
	}
	if c.figure.Height == 0 {
		c.figure.Height = panelHeight
	}
	axis, marks := c.figure.X, c.figure.Marks
	for i, panel := range p {
		for _, line := range wrap(panel.Label, c.width) {
			c.y += lineHeight
			c.text(0, c.y-3, "ch-group", start, line)
		}
		c.figure.X = axis
		if i < len(p)-1 {
			c.figure.X.Label, c.figure.X.Unit = "", "" // the last one says it for all
		}
		if i > 0 {
			c.figure.Marks = unnamed(marks)
		}
		f := c.frame(x0, x1, y1, nil)
		panel.Bins.bars(f, Blue.or(i))
		f.marks()
		c.y += 6
	}
	c.figure.X, c.figure.Marks = axis, marks
}

// unnamed are marks whose labels stand in a panel above.
func unnamed(marks []Mark) []Mark {
	var all []Mark
	for _, m := range marks {
		m.Label = ""
		all = append(all, m)
	}
	return all
}

func (p Panels) table(f Figure) (head []string, rows [][]string) {
	all := make([]Series, len(p))
	for i, panel := range p {
		all[i].Name = panel.Label
		for _, b := range panel.Bins {
			all[i].Points = append(all[i].Points, Point{X: b.From, Y: b.Count})
		}
	}
	head, rows = tabulate(f, all)
	head[0] += " from"
	return head, rows
}

func (p Panels) say(f Figure) []string {
	var said []string
	for _, panel := range p {
		if panel.Bins.empty() {
			said = append(said, panel.Label+" (no data)")
			continue
		}
		clauses := panel.Bins.say(f)
		said = append(said, panel.Label+": "+clauses[0]+", "+clauses[1])
	}
	return said
}
