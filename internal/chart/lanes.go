package chart

import (
	"math"
	"strings"
)

// Lanes draws what goes on side by side, over an axis of time: a lane for each thing, and in it what it does from when
// to when. A bar is something at work, a thin line between two strokes is something that waits.
type Lanes []Lane

// A Lane is one thing. Lanes in succession of the same Group stand under its name.
type Lane struct {
	Group, Label string
	Spans        []Span
}

// A Span is what a lane does from a moment to another, or, where both are the same, what happens at that moment.
type Span struct {
	From, To float64
	Label    string
	Colour   Colour // the zero value is Blue
	Waits    bool   // it does nothing meanwhile
}

func (l Lanes) empty() bool {
	for _, lane := range l {
		for _, s := range lane.Spans {
			if s.drawable() {
				return false
			}
		}
	}
	return true
}

func (s Span) drawable() bool { return drawable(s.From) && drawable(s.To) && s.To >= s.From }

const (
	laneHeight = 14
	laneGap    = 12
)

func (l Lanes) draw(c *canvas) {
	s := &scale{canvas: c, left: 6, right: c.width - 22, high: beyond(0, l.reach(c.figure.X.Max))}
	if !c.narrow {
		for _, lane := range l {
			for _, line := range wrap(lane.Label, c.width*widestLabel) {
				s.left = math.Max(s.left, textWidth(line)+12)
			}
		}
	}
	step := stride(s.high, max(2, int((s.right-s.left)/70)))
	top := c.y
	drawn := c.out.String()
	c.out.Reset()
	for i, lane := range l {
		if i == 0 || lane.Group != l[i-1].Group {
			s.group(lane.Group)
		}
		s.lane(lane)
	}
	above := c.out.String()
	c.out.Reset()
	c.out.WriteString(drawn)
	s.axis(top, step)
	c.out.WriteString(above)
}

func (l Lanes) reach(most float64) float64 {
	for _, lane := range l {
		for _, span := range lane.Spans {
			most = math.Max(most, amount(span.To))
		}
	}
	return most
}

// lane draws one lane, with the labels of its spans below, and goes below it.
func (s *scale) lane(l Lane) {
	if s.narrow {
		for _, line := range wrap(l.Label, s.width) {
			s.y += lineHeight
			s.text(0, s.y-3, "ch-label", start, line)
		}
		s.y += 3
	} else {
		lines := wrap(l.Label, s.width*widestLabel)
		for i, line := range lines {
			s.text(s.left-10, s.y+laneHeight-2+float64(i*lineHeight), "ch-label", end, line)
		}
	}
	y := s.y + laneHeight/2
	for _, span := range l.Spans {
		if span.drawable() {
			s.span(span, y)
		}
	}
	rows := s.spanLabels(l.Spans, s.y+laneHeight+2)
	if !s.narrow {
		rows = max(rows, len(wrap(l.Label, s.width*widestLabel))-1)
	}
	s.y += laneHeight + float64(rows*lineHeight) + laneGap
}

func (s *scale) span(p Span, y float64) {
	colour, left, right := p.Colour.or(0), s.x(p.From), s.x(p.To)
	up, down := coordinate(y-laneHeight/2), coordinate(y+laneHeight/2)
	switch {
	case p.From == p.To:
		s.shape(colour, left, y, 6)
	case p.Waits:
		s.path("M"+coordinate(left)+" "+up+"V"+down+"M"+coordinate(left)+" "+coordinate(y)+"H"+coordinate(right)+"M"+coordinate(right)+" "+up+"V"+down, "ch-whisker "+colour.class(), "")
	default:
		right = math.Max(right, left+2)
		s.area("M"+coordinate(left)+" "+up+"H"+coordinate(right)+"V"+down+"H"+coordinate(left)+"Z", colour)
	}
}

// spanLabels writes what each span is under its beginning, in as many rows as keep them apart, and returns how many.
func (s *scale) spanLabels(spans []Span, y float64) int {
	var ends []float64
	for _, p := range spans {
		if !p.drawable() || p.Label == "" {
			continue
		}
		least := 0.0
		if !s.narrow {
			least = s.left // what is left of it names the lane
		}
		text := shorten(p.Label, s.width-least)
		x := math.Max(math.Min(s.x(p.From), s.width-textWidth(text)), least)
		row := 0
		for row < len(ends) && x < ends[row] {
			row++
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = x + textWidth(text) + 8
		if row > 0 {
			s.path("M"+coordinate(s.x(p.From))+" "+coordinate(y-2)+"V"+coordinate(y+float64(row*lineHeight)+2), "ch-leader", "")
		}
		s.text(x, y+float64(row*lineHeight)+lineHeight-4, "ch-label", start, text)
	}
	return len(ends)
}

func (l Lanes) table(f Figure) (head []string, rows [][]string) {
	groups := false
	for _, lane := range l {
		groups = groups || lane.Group != ""
	}
	head = []string{"Lane", "What", "from, " + f.X.title(), "to"}
	if groups {
		head = append([]string{"Group"}, head...)
	}
	for _, lane := range l {
		for _, s := range lane.Spans {
			row := []string{lane.Label, s.Label, f.X.number(s.From), f.X.number(s.To)}
			if groups {
				row = append([]string{lane.Group}, row...)
			}
			rows = append(rows, row)
		}
	}
	return head, rows
}

func (l Lanes) say(f Figure) []string {
	var said []string
	for _, lane := range l {
		var what []string
		for _, s := range lane.Spans {
			when := " at " + f.X.value(s.From)
			if s.To > s.From {
				when = " from " + f.X.number(s.From) + " to " + f.X.value(s.To)
			}
			what = append(what, s.Label+when)
		}
		said = append(said, strings.TrimPrefix(lane.Group+", "+lane.Label, ", ")+": "+strings.Join(what, ", "))
	}
	return said
}
