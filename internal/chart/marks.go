package chart

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

const maxLanes = 4 // of marks' labels over a plot; the description has those that find no room

// shown are the marks within the axis.
func (f *frame) shown() []Mark {
	var all []Mark
	for _, m := range f.figure.Marks {
		if m.At <= f.x1 && m.At+math.Max(m.For, 0) >= f.x0 {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b Mark) int { return cmp.Compare(a.At, b.At) })
	return all
}

// placed is where a mark's label stands; lane -1 is where it has no room.
type placed struct {
	Mark
	text string
	x    float64
	lane int
}

func (f *frame) place() []placed {
	var all []placed
	var ends [maxLanes]float64
	for _, m := range f.shown() {
		p := placed{Mark: m, text: shorten(strings.TrimSpace(m.Label), f.width-f.left), lane: -1}
		w := textWidth(p.text)
		p.x = math.Max(math.Min(f.x(m.At)+4, f.width-w), 0)
		for lane := range ends {
			if p.x >= ends[lane] {
				p.lane, ends[lane] = lane, p.x+w+8
				break
			}
		}
		all = append(all, p)
	}
	return all
}

func (f *frame) lanes() int {
	n := 0
	for _, p := range f.place() {
		n = max(n, p.lane+1)
	}
	return n
}

// marks draws each moment as a line from its label down, and a time as a band with a line at either end.
func (f *frame) marks() {
	all := f.place()
	for _, p := range all {
		from := f.top
		if p.lane >= 0 {
			from = f.over + float64(p.lane)*lineHeight + 2
		}
		if p.For > 0 {
			until := p.At + p.For
			f.rect(f.x(p.At), f.top, f.x(until)-f.x(p.At), f.bottom-f.top, "ch-span")
			if until <= f.x1 {
				f.line(f.x(until), f.top, f.x(until), f.bottom, "ch-mark", "")
			}
			if p.At >= f.x0 {
				f.line(f.x(p.At), from, f.x(p.At), f.bottom, "ch-mark", "")
			}
		} else {
			f.line(f.x(p.At), from, f.x(p.At), f.bottom, "ch-mark", "3 3")
		}
	}
	for _, p := range all {
		if p.lane >= 0 {
			f.text(p.x, f.over+float64(p.lane)*lineHeight+lineHeight-4, "ch-label", start, p.text)
		}
	}
}
