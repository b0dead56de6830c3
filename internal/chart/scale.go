package chart

import (
	"math"
	"strings"
)

// scale is the X axis of rows that lie on their side.
type scale struct {
	*canvas
	left, right, low, high float64
}

func (s *scale) x(v float64) float64 {
	return s.left + (s.right-s.left)*math.Min(math.Max((v-s.low)/(s.high-s.low), 0), 1)
}

const (
	rowGap      = 10
	groupGap    = 22
	widestLabel = .34 // of the drawing
)

// rows draws each row with mark, which returns how far right it got. In a wide drawing the labels stand to the left; in
// a narrow one above, so that a phone's width is all for the values.
func (c *canvas) rows(rows []Row, low float64, mark func(s *scale, r Row, y float64, colour Colour) float64) {
	s := &scale{canvas: c, right: c.width - 22, low: low, high: beyond(low, reach(rows, c.figure))}
	if c.narrow {
		s.left = 12
	} else {
		for _, r := range rows {
			for _, line := range wrap(r.Label, c.width*widestLabel) {
				s.left = math.Max(s.left, textWidth(line)+10)
			}
			s.right = math.Min(s.right, c.width-textWidth(r.fitting(c))-14)
		}
	}
	step := stride(s.high-s.low, max(2, int((s.right-s.left)/70)))
	if low == 0 {
		s.high = step * math.Ceil(s.high/step-1e-9)
	}
	s.label()
	top := c.y
	drawn := c.out.String()
	c.out.Reset()
	for i, colour := range colours(rows) {
		if i == 0 || rows[i].Group != rows[i-1].Group {
			s.group(rows[i].Group)
		}
		s.row(rows[i], colour, mark)
	}
	above := c.out.String()
	c.out.Reset()
	c.out.WriteString(drawn)
	s.axis(top, step)
	c.out.WriteString(above)
}

// fitting are a row's words, in a width that leaves the axis at least a third.
func (r Row) fitting(c *canvas) string {
	return shorten(r.words(c.figure.X), c.width*(1-widestLabel)/2)
}

func (s *scale) group(name string) {
	if name != "" {
		s.y += groupGap
		s.text(0, s.y-5, "ch-group", start, shorten(name, s.width))
	}
}

// row draws one row and goes below it.
func (s *scale) row(r Row, colour Colour, mark func(s *scale, r Row, y float64, colour Colour) float64) {
	words := r.fitting(s.canvas)
	var lines []string
	if s.narrow {
		words = r.words(s.figure.X)
		lines = wrap(r.Label, s.width)
		if textWidth(lines[len(lines)-1]+words) > s.width-16 {
			lines = append(lines, "")
		}
		for _, line := range lines {
			s.y += lineHeight
			s.text(0, s.y-3, "ch-label", start, line)
		}
		s.text(s.width, s.y-3, "ch-value", end, shorten(words, s.width))
	} else {
		lines = wrap(r.Label, s.width*widestLabel)
	}
	height := float64(lineHeight + 4)
	if !s.narrow {
		height = math.Max(height, float64(len(lines)*lineHeight))
	}
	y := s.y + height/2
	at := s.left
	if drawable(r.Value) {
		at = mark(s, r, y, colour)
	}
	s.whiskers(r, y, colour)
	if !s.narrow {
		for i, line := range lines {
			s.text(s.left-10, y+4.5+float64(i*lineHeight)-float64((len(lines)-1)*lineHeight)/2, "ch-label", end, line)
		}
		if r.whiskers() {
			at = math.Max(at, s.x(r.High))
		}
		if r.referred() {
			at = math.Max(at, s.x(r.Reference.Value))
		}
		s.text(at+10, y+4.5, "ch-value", start, words)
	}
	s.y += height + rowGap
}

func (s *scale) whiskers(r Row, y float64, colour Colour) {
	if r.whiskers() && r.High >= s.low {
		low, high := coordinate(s.x(r.Low)), coordinate(s.x(r.High))
		d := "M" + low + " " + coordinate(y) + "H" + high + "M" + high + " " + coordinate(y-5) + "v10"
		if r.Low >= s.low {
			d += "M" + low + " " + coordinate(y-5) + "v10"
		}
		s.path(d, "ch-whisker "+colour.class(), "")
	}
	if r.referred() && r.Reference.Value >= s.low {
		s.line(s.x(r.Reference.Value), y-10, s.x(r.Reference.Value), y+10, "ch-ref", "4 2")
	}
}

// label names the reference that all rows share, over its line.
func (s *scale) label() {
	ref := s.figure.Reference
	if ref.Label == "" || !drawable(ref.Value) || ref.Value < s.low {
		return
	}
	text := shorten(ref.Label+" "+s.figure.X.value(ref.Value), s.width)
	half := textWidth(text) / 2
	s.y += lineHeight + 4
	s.text(math.Min(math.Max(s.x(ref.Value), half), s.width-half), s.y-7, "ch-label", middle, text)
}

// axis draws what lies behind the rows, from top down to where they end.
func (s *scale) axis(top, step float64) {
	for _, v := range ticks(s.low, s.high, step) {
		class := "ch-grid"
		if v == 0 {
			class = "ch-base"
		}
		s.line(s.x(v), top, s.x(v), s.y, class, "")
		if text := tickLabel(v, step); s.x(v)-textWidth(text)/2 >= 0 {
			s.text(s.x(v), s.y+15, "ch-tick", middle, text)
		}
	}
	if ref := s.figure.Reference; ref.Label != "" && drawable(ref.Value) && ref.Value >= s.low {
		s.line(s.x(ref.Value), top-2, s.x(ref.Value), s.y, "ch-ref", "6 4")
	}
	s.y += 20
	if title := strings.TrimSpace(s.figure.X.title()); title != "" {
		s.y += lineHeight
		s.text((s.left+s.right)/2, s.y-2, "ch-axis", middle, shorten(title, s.width))
		s.y += 4
	}
}
