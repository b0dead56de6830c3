package chart

import (
	"encoding/xml"
	"fmt"
	"strings"
	"unicode"
)

// canvas gathers a drawing from the top down. Whatever text goes into it is escaped here.
type canvas struct {
	figure Figure
	id     string
	width  float64
	narrow bool
	y      float64 // how far down it has got
	out    strings.Builder
	used   map[Colour]bool // hatchings to define
}

const (
	fontSize   = 13
	lineHeight = 16

	start, middle, end = "start", "middle", "end"
)

// close returns the whole drawing.
func (c *canvas) close(kind string) string {
	var s strings.Builder
	class, size, hidden, style, ground := "ch-"+kind, "", "", "", ""
	switch kind {
	case "narrow":
		hidden = ` display="none"` // until the style sheet says otherwise
	case "alone":
		class += " chart"
		size = fmt.Sprintf(` width="%s" height="%s"`, coordinate(c.width+24), coordinate(c.y+24))
		style = "<style>" + CSS + "</style>"
		ground = `<rect class="ch-ground" x="-12" y="-12" width="100%" height="100%"/>`
	}
	box := fmt.Sprintf("0 0 %s %s", coordinate(c.width), coordinate(c.y))
	if kind == "alone" {
		box = fmt.Sprintf("-12 -12 %s %s", coordinate(c.width+24), coordinate(c.y+24))
	}
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" class="%s" viewBox="%s"%s%s role="img" aria-labelledby="%s-title %[5]s-desc" font-family="system-ui, sans-serif" font-size="%d">`,
		class, box, size, hidden, c.id, fontSize)
	fmt.Fprintf(&s, `<title id="%s-title">%s</title><desc id="%[1]s-desc">%[3]s</desc>%[4]s`, c.id, escape(c.figure.Title), escape(c.figure.description()), style)
	s.WriteString(c.hatchings() + ground + c.out.String() + "</svg>")
	return s.String()
}

func (c *canvas) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(&c.out, `<text class="%s" x="%s" y="%s" text-anchor="%s">%s</text>`, class, coordinate(x), coordinate(y), anchor, escape(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class, dash string) {
	if dash != "" {
		dash = ` stroke-dasharray="` + dash + `"`
	}
	fmt.Fprintf(&c.out, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"%s/>`, class, coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), dash)
}

func (c *canvas) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(&c.out, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, coordinate(x), coordinate(y), coordinate(max(w, 0)), coordinate(max(h, 0)))
}

func (c *canvas) path(d, class, attribute string) {
	fmt.Fprintf(&c.out, `<path class="%s" d="%s"%s/>`, class, d, attribute)
}

// escape makes any text safe in XML and HTML alike, control characters included.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

// identifier keeps of a name what an id and a reference to it may hold.
func identifier(s string) string {
	kept := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '-'
	}, s)
	if kept == "" || !unicode.IsLetter(rune(kept[0])) {
		return "chart-" + kept
	}
	return kept
}

// textWidth estimates how wide a text is, rather too wide than too narrow: the reader's font is not known here.
func textWidth(s string) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfr.,:;'|!()[] ·"+thin, r):
			w += .39
		case strings.ContainsRune("mwMW%—", r):
			w += .95
		case r >= 0x1100:
			w++ // scripts whose letters fill a square, and signs
		case unicode.IsUpper(r):
			w += .72
		default:
			w += .63
		}
	}
	return w * fontSize
}

// wrap breaks a text into lines no wider than that, and shortens a word that alone is wider.
func wrap(s string, width float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) && string(r) != thin }) {
		word = shorten(word, width)
		if line != "" && textWidth(line+" "+word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" || len(lines) == 0 {
		lines = append(lines, line)
	}
	return lines
}

func shorten(s string, width float64) string {
	runes := []rune(s)
	if textWidth(s) <= width {
		return s
	}
	for len(runes) > 1 && textWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}
