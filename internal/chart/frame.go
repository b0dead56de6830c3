package chart

import (
	"math"
	"slices"
)

// frame is a plot's rectangle, and the scales that put data into it.
type frame struct {
	*canvas
	left, right, top, bottom float64
	x0, x1, y1               float64
	over                     float64 // where the labels of marks begin, above the plot
}

const (
	keyWidth    = 18 // of the sample of a line or an area before its label
	labelGap    = 10 // from the plot to its labels
	labelIndent = labelGap + keyWidth + 4
)

// frame draws the axes of a plot that reaches from x0 to x1 and from zero to y1, and leaves room for
// the names of its series on the right and for the labels of its marks above.
func (c *canvas) frame(x0, x1, y1 float64, names []string) *frame {
	f := &frame{canvas: c, x0: x0, x1: beyond(x0, math.Max(x1, c.figure.X.Max))}
	height := float64(usualHeight)
	if c.figure.Height > 0 {
		height = float64(c.figure.Height)
	}
	y1 = math.Max(y1, c.figure.Y.Max)
	if c.figure.Reference.Label != "" && drawable(c.figure.Reference.Value) {
		y1 = math.Max(y1, c.figure.Reference.Value)
		names = append(slices.Clone(names), f.referenceName())
	}
	if y1 < 1e-290 {
		y1 = 1
	}
	step := stride(y1, int(height/44))
	f.y1 = step * math.Ceil(y1/step-1e-9)
	for _, v := range ticks(0, f.y1, step) {
		f.left = math.Max(f.left, textWidth(tickLabel(v, step))+8)
	}
	f.right = c.width - 22
	rows := 0
	for _, name := range names {
		lines := f.label(name)
		rows += len(lines)
		for _, line := range lines {
			f.right = math.Min(f.right, c.width-textWidth(line)-labelIndent)
		}
	}
	c.y += lineHeight
	c.text(0, c.y-3, "ch-axis", start, shorten(c.figure.Y.title(), c.width))
	c.y += 6
	f.over = c.y
	lanes := f.lanes()
	f.top = c.y + float64(lanes)*lineHeight + 6
	f.bottom = f.top + max(height, float64(rows*lineHeight))
	f.axes(step)
	c.y = f.bottom + 24
	if title := c.figure.X.title(); title != "" {
		c.text((f.left+f.right)/2, c.y+lineHeight-2, "ch-axis", middle, shorten(title, f.right-f.left))
		c.y += lineHeight + 4
	}
	return f
}

// beyond is high, or what lies above low by enough to make a scale of.
func beyond(low, high float64) float64 {
	if high-low > math.Max(1e-290, math.Abs(low)*1e-12) {
		return high
	}
	return low + math.Max(1, math.Abs(low)*1e-9)
}

// label is a name in lines that leave the plot most of the width.
func (f *frame) label(name string) []string {
	share := .3
	if f.narrow {
		share = .26
	}
	return wrap(name, f.width*share)
}

func (f *frame) referenceName() string {
	return f.figure.Reference.Label + " " + f.figure.Y.value(f.figure.Reference.Value)
}

func (f *frame) x(v float64) float64 {
	return f.left + (f.right-f.left)*math.Min(math.Max((v-f.x0)/(f.x1-f.x0), 0), 1)
}

func (f *frame) y(v float64) float64 {
	return f.bottom - (f.bottom-f.top)*math.Min(math.Max(v/f.y1, 0), 1)
}

func (f *frame) axes(step float64) {
	for _, v := range ticks(0, f.y1, step) {
		class := "ch-grid"
		if v == 0 {
			class = "ch-base"
		}
		f.line(f.left, f.y(v), f.right, f.y(v), class, "")
		f.text(f.left-6, f.y(v)+4, "ch-tick", end, tickLabel(v, step))
	}
	f.xTicks()
}

// xTicks stand under the plot, as many as have room.
func (f *frame) xTicks() {
	n := int((f.right - f.left) / 52)
	step := stride(f.x1-f.x0, n)
	for widest := 0.0; n > 1; n-- {
		step, widest = stride(f.x1-f.x0, n), 0
		for _, v := range ticks(f.x0, f.x1, step) {
			widest = math.Max(widest, textWidth(tickLabel(v, step)))
		}
		if widest+12 < (f.right-f.left)*step/(f.x1-f.x0) {
			break
		}
	}
	for _, v := range ticks(f.x0, f.x1, step) {
		label := tickLabel(v, step)
		if half := textWidth(label) / 2; f.x(v)+half > f.width || f.x(v)-half < 0 {
			continue
		}
		f.line(f.x(v), f.bottom, f.x(v), f.bottom+4, "ch-base", "")
		f.text(f.x(v), f.bottom+19, "ch-tick", middle, label)
	}
}
