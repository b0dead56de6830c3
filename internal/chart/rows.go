package chart

import (
	"math"
	"strings"
)

// Bars draws a horizontal bar for each row, from zero, with its value beside it.
type Bars []Row

// Interval draws a dot and whiskers for each row. Since a dot's place says its value, its axis may begin at X.Min.
type Interval []Row

// A Row is one value, with what it is compared to. Rows in succession of the same Group stand under its name, and rows
// of the same Label then have the same colour.
type Row struct {
	Group, Label string
	Value        float64
	Low, High    float64   // the whiskers' ends; both zero for none
	Reference    Reference // a value for this row alone: what was published, or a formula's
	Colour       Colour    // the zero value is the label's, or Blue where there are no groups
}

func (b Bars) empty() bool     { return len(b) == 0 }
func (i Interval) empty() bool { return len(i) == 0 }

func (b Bars) draw(c *canvas) {
	c.rows(b, 0, func(s *scale, r Row, y float64, colour Colour) float64 {
		s.rect(s.left, y-7, math.Max(s.x(r.Value)-s.left, math.Min(r.Value, 1)), 14, "ch-area "+colour.class())
		return s.x(r.Value)
	})
}

func (i Interval) draw(c *canvas) {
	c.rows(i, c.figure.X.Min, func(s *scale, r Row, y float64, colour Colour) float64 {
		if r.Value >= s.low {
			s.shape(colour, s.x(r.Value), y, 5)
		} else { // beyond the axis: an arrow at its edge
			s.path(polygon([]float64{-1, 0, .6, -1, .6, 1}, s.left, y, 6), "ch-dot "+colour.class(), "")
		}
		return s.right
	})
}

func (r Row) whiskers() bool {
	return (r.Low != 0 || r.High != 0) && drawable(r.Low) && drawable(r.High) && r.Low <= r.High
}

func (r Row) referred() bool { return r.Reference.Label != "" && drawable(r.Reference.Value) }

// words are what is written beside a row.
func (r Row) words(x Axis) string {
	said := "no data"
	if drawable(r.Value) {
		said = x.value(r.Value)
	}
	if r.Reference.Label != "" {
		said += " · " + r.Reference.Label + " " + x.value(r.Reference.Value)
	}
	return said
}

// reach is how far along the axis the rows go.
func reach(rows []Row, f Figure) float64 {
	high := math.Max(f.X.Max, 0)
	if f.Reference.Label != "" {
		high = math.Max(high, amount(f.Reference.Value))
	}
	for _, r := range rows {
		high = math.Max(high, amount(r.Value))
		if r.whiskers() {
			high = math.Max(high, r.High)
		}
		if r.referred() {
			high = math.Max(high, r.Reference.Value)
		}
	}
	return high
}

// colours gives each row its own, see Row.Colour.
func colours(rows []Row) []Colour {
	places := map[string]int{}
	grouped := false
	for _, r := range rows {
		grouped = grouped || r.Group != ""
		if _, known := places[r.Label]; !known {
			places[r.Label] = len(places)
		}
	}
	all := make([]Colour, len(rows))
	for i, r := range rows {
		place := 0
		if grouped {
			place = places[r.Label]
		}
		all[i] = r.Colour.or(place)
	}
	return all
}

func tabulateRows(f Figure, rows []Row) (head []string, table [][]string) {
	var groups, whiskers, references bool
	for _, r := range rows {
		groups, whiskers, references = groups || r.Group != "", whiskers || r.whiskers(), references || r.Reference.Label != ""
	}
	columns := []struct {
		shown bool
		head  string
		cell  func(Row) string
	}{
		{groups, "Group", func(r Row) string { return r.Group }},
		{true, "Row", func(r Row) string { return r.Label }},
		{true, f.X.title(), func(r Row) string { return f.X.number(r.Value) }},
		{whiskers, "from", func(r Row) string { return r.bound(f.X, r.Low) }},
		{whiskers, "to", func(r Row) string { return r.bound(f.X, r.High) }},
		{references, "Compare", func(r Row) string {
			if r.Reference.Label == "" {
				return none
			}
			return r.Reference.Label + " " + f.X.value(r.Reference.Value)
		}},
	}
	table = make([][]string, len(rows))
	for _, column := range columns {
		if !column.shown {
			continue
		}
		head = append(head, column.head)
		for i, r := range rows {
			table[i] = append(table[i], column.cell(r))
		}
	}
	return head, table
}

func (r Row) bound(x Axis, v float64) string {
	if !r.whiskers() {
		return none
	}
	return x.number(v)
}

func (b Bars) table(f Figure) (head []string, rows [][]string)     { return tabulateRows(f, b) }
func (i Interval) table(f Figure) (head []string, rows [][]string) { return tabulateRows(f, i) }

func (b Bars) say(f Figure) []string { return sayRows(f, b) }

func (i Interval) say(f Figure) []string { return sayRows(f, i) }

func sayRows(f Figure, rows []Row) []string {
	var said []string
	for _, r := range rows {
		clause := strings.TrimPrefix(r.Group+", "+r.Label, ", ") + ": " + r.words(f.X)
		if r.whiskers() {
			clause += " (" + f.X.number(r.Low) + " to " + f.X.value(r.High) + ")"
		}
		said = append(said, clause)
	}
	return said
}
