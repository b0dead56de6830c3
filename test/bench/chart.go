package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Charts follow the blog's own: the title states the finding, the axis starts
// at zero and names its unit, labels stand at what they label, and the figures
// are in the description too.

type bar struct {
	label string
	value float64
}

type point struct{ x, y float64 }

type line struct {
	name   string
	points []point
}

const (
	chartWidth = 720
	textStyle  = `font-family="system-ui, sans-serif" font-size="13"`
)

// colours are Okabe and Ito's, which colour-blind readers can tell apart.
var colours = []string{"#0072b2", "#d55e00"}

func chart(height int, title, description, body string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d" %s fill="#222">
<title id="t">%s</title><desc id="d">%s</desc><rect width="100%%" height="100%%" fill="#fff"/>
<text x="10" y="22" font-weight="600" textLength="%.0f" lengthAdjust="spacingAndGlyphs">%s</text>
%s</svg>
`, chartWidth, height, textStyle, html.EscapeString(title), html.EscapeString(description), math.Min(chartWidth-20, 7*float64(len(title))), html.EscapeString(title), body)
}

// barChart draws a row for each bar, with its value at its end.
func barChart(title, unit string, bars []bar) string {
	const left, right, row, top = 230, 80, 22, 52
	most := 0.0
	for _, b := range bars {
		most = max(most, b.value)
	}
	var body, said strings.Builder
	fmt.Fprintf(&body, `<text x="%d" y="42" fill="#555">%s</text>`+"\n", left, html.EscapeString(unit))
	for i, b := range bars {
		y, width := top+i*row, (chartWidth-left-right)*b.value/math.Max(most, 1e-9)
		fmt.Fprintf(&body, `<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
			left-8, y+13, html.EscapeString(b.label), left, y, width, row-6, colours[0], left+width+6, y+13, number(b.value))
		fmt.Fprintf(&said, "%s: %s. ", b.label, number(b.value))
	}
	fmt.Fprintf(&body, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#555"/>`+"\n", left, top-4, left, top+len(bars)*row)
	return chart(top+len(bars)*row+10, title, unit+". "+said.String(), body.String())
}

// lineChart draws lines over the same axes, and vertical lines where something
// begins and ends.
func lineChart(title, xUnit, yUnit string, lines []line, marks ...float64) string {
	const left, right, top, bottom, height = 60, 70, 60, 40, 340
	var xMost, yMost float64
	for _, l := range lines {
		for _, p := range l.points {
			xMost, yMost = max(xMost, p.x), max(yMost, p.y)
		}
	}
	x := func(v float64) float64 { return left + (chartWidth-left-right)*v/math.Max(xMost, 1e-9) }
	y := func(v float64) float64 { return height - bottom - (height-top-bottom)*v/math.Max(yMost, 1e-9) }
	var body, said strings.Builder
	fmt.Fprintf(&body, `<text x="10" y="44" fill="#555">%s</text><text x="%d" y="%d" fill="#555">%s %s</text>`+"\n",
		html.EscapeString(yUnit), chartWidth-right-10, height-12, number(xMost), html.EscapeString(xUnit))
	for _, v := range []float64{0, yMost / 2, yMost} {
		fmt.Fprintf(&body, `<text x="%d" y="%.1f" text-anchor="end">%s</text><line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>`+"\n",
			left-6, y(v)+4, number(v), left, y(v), chartWidth-right, y(v))
	}
	for _, v := range marks {
		fmt.Fprintf(&body, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#555" stroke-dasharray="4 3"/><text x="%.1f" y="%d">%s</text>`+"\n",
			x(v), top, x(v), height-bottom, x(v)-6, height-bottom+16, number(v))
	}
	for i, l := range lines {
		var path strings.Builder
		for _, p := range l.points {
			fmt.Fprintf(&path, "%.1f,%.1f ", x(p.x), y(p.y))
		}
		peak := slices.MaxFunc(l.points, func(a, b point) int { return int(math.Copysign(1, a.y-b.y)) })
		fmt.Fprintf(&body, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n",
			path.String(), colours[i%len(colours)], x(peak.x)+8, y(peak.y)+5, colours[i%len(colours)], html.EscapeString(l.name))
		fmt.Fprintf(&said, "%s: at most %s at %s %s. ", l.name, number(peak.y), number(peak.x), xUnit)
	}
	return chart(height, title, yUnit+" by time in "+xUnit+". "+said.String(), body.String())
}
