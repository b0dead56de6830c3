package chart

import (
	"cmp"
	"math"
	"slices"
)

// A tag is a label at the right edge of a plot, beside what it names.
type tag struct {
	name   string
	want   float64            // the height of what it names
	from   float64            // how far right that reaches
	sample func(x, y float64) // draws the key before the name
	lines  []string
	top    float64
}

// tags writes labels beside a plot, pushed apart so that none covers another, each with a thin line to what it names.
func (f *frame) tags(all []tag) {
	for i := range all {
		all[i].lines = f.label(all[i].name)
	}
	spread(all, f.top-lineHeight/4, f.bottom+lineHeight/2)
	for _, t := range all {
		middleY := t.top + float64(len(t.lines)*lineHeight)/2
		if t.from >= 0 {
			f.path("M"+coordinate(t.from)+" "+coordinate(t.want)+"L"+coordinate(f.right+labelGap-2)+" "+coordinate(middleY), "ch-leader", "")
		}
		t.sample(f.right+labelGap, middleY)
		for i, line := range t.lines {
			f.text(f.right+labelIndent, t.top+float64(i*lineHeight)+lineHeight-4, "ch-label", start, line)
		}
	}
}

// spread sets each label's top as near to where it is wanted as its neighbours and the edges allow.
func spread(all []tag, low, high float64) {
	height := func(t tag) float64 { return float64(len(t.lines) * lineHeight) }
	slices.SortStableFunc(all, func(a, b tag) int { return cmp.Compare(a.want, b.want) })
	edge := low
	for i := range all {
		all[i].top = math.Max(all[i].want-height(all[i])/2, edge)
		edge = all[i].top + height(all[i])
	}
	edge = math.Max(high, low+total(all, height))
	for i := len(all) - 1; i >= 0; i-- {
		all[i].top = math.Min(all[i].top, edge-height(all[i]))
		edge = all[i].top
	}
}

func total(all []tag, height func(tag) float64) float64 {
	sum := 0.0
	for _, t := range all {
		sum += height(t)
	}
	return sum
}

// reference draws the value to compare with, and returns its label.
func (f *frame) reference() []tag {
	ref := f.figure.Reference
	if ref.Label == "" || !drawable(ref.Value) {
		return nil
	}
	f.line(f.left, f.y(ref.Value), f.right, f.y(ref.Value), "ch-ref", "6 4")
	return []tag{{
		name: f.referenceName(), want: f.y(ref.Value), from: f.right,
		sample: func(x, y float64) { f.line(x, y, x+keyWidth, y, "ch-ref", "6 4") },
	}}
}
