package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// dashes tell lines apart without their colours, by colour.
var dashes = [...]string{"", "7 3", "2 3", "10 3 2 3", "5 2", "1 4", "13 4", "8 2 2 2 2 2"}

// hatches tell areas apart without their colours, by colour, as strokes in a square of 6.
var hatches = [...]string{"", "M-1 7L7-1M-1 1L1-1M5 7L7 5", "M1.5 3h2", "M-1-1L7 7M5-1L7 1M-1 5L1 7", "M3 0v6", "M0 3h6", "M0 3h6M3 0v6", "M0 1.5h2M3 4.5h2"}

// shapes tell points apart, by colour: outlines in a square from -1 to 1.
var shapes = [...][]float64{
	nil, // a circle
	{-.9, -.9, .9, -.9, .9, .9, -.9, .9},
	{0, -1.1, 1.1, .9, -1.1, .9},
	{0, -1.25, 1.25, 0, 0, 1.25, -1.25, 0},
	{0, 1.1, 1.1, -.9, -1.1, -.9},
	{-.4, -1.1, .4, -1.1, .4, -.4, 1.1, -.4, 1.1, .4, .4, .4, .4, 1.1, -.4, 1.1, -.4, .4, -1.1, .4, -1.1, -.4, -.4, -.4},
	{-1, -1, 1, 1, 1, -1, -1, 1},
	{-1, -1, 1, -1, -1, 1, 1, 1},
}

func (c Colour) class() string { return fmt.Sprintf("c%d", c) }

func (c *canvas) shape(colour Colour, x, y, r float64) {
	outline := shapes[colour-1]
	if outline == nil {
		fmt.Fprintf(&c.out, `<circle class="ch-dot %s" cx="%s" cy="%s" r="%s"/>`, colour.class(), coordinate(x), coordinate(y), coordinate(r))
		return
	}
	c.path(polygon(outline, x, y, r), "ch-dot "+colour.class(), "")
}

func polygon(outline []float64, x, y, r float64) string {
	var d strings.Builder
	for i := 0; i < len(outline); i += 2 {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		d.WriteString(letter + coordinate(x+r*outline[i]) + " " + coordinate(y+r*outline[i+1]))
	}
	return d.String() + "Z"
}

// area fills a path with a colour and its hatching.
func (c *canvas) area(d string, colour Colour) {
	c.path(d, "ch-area "+colour.class(), "")
	if hatches[colour-1] != "" {
		c.used[colour] = true
		c.path(d, "ch-hatched", fmt.Sprintf(` fill="url(#%s-h%d)"`, c.id, colour))
	}
}

func (c *canvas) hatchings() string {
	if len(c.used) == 0 {
		return ""
	}
	var s strings.Builder
	s.WriteString("<defs>")
	for _, colour := range slices.Sorted(maps.Keys(c.used)) {
		fmt.Fprintf(&s, `<pattern id="%s-h%d" width="6" height="6" patternUnits="userSpaceOnUse"><path class="ch-hatch" d="%s"/></pattern>`, c.id, colour, hatches[colour-1])
	}
	return s.String() + "</defs>"
}
