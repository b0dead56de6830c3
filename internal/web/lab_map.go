package web

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"afloat/internal/telemetry"
)

// The map of the running system. Who is on it, and what leads where, comes from how this server is wired; this file
// only finds each box a place.

// mapView is the map for one width of screen.
type mapView struct {
	Class         string // wide, narrow
	Width, Height int
	Wires         []mapWire // under the boxes
	Boxes         []mapBox
}

type mapBox struct {
	Name, URL  string // no URL: the box leads nowhere
	Lines      []mapLine
	X, Y, W, H int
	TextX      int
	TextY      int // of the name
}

type mapLine struct {
	Text string
	Y    int
}

// mapWire is a connection: its path, and the fault on it ("healthy", or "plain" for one that none can be put on).
type mapWire struct{ Path, Kind string }

const (
	mapLineHeight = 18
	mapPad        = 10
	mapGap        = 14 // between boxes of one rank
)

// maps draws readers, servers and dependencies, in this order: from left to right, and from the top down for a phone.
func (s *Server) maps(rates telemetry.Rates, parts []dependencyView) []mapView {
	ranks := [][]mapBox{{s.readersBox(rates)}, s.serverBoxes(rates), dependencyBoxes(parts)}
	kind := func(rank, to int) string {
		if rank == 0 {
			return "plain"
		}
		return parts[to].Kind
	}
	return []mapView{layWide(ranks, kind), layNarrow(ranks, kind)}
}

func box(name, link string, lines ...string) mapBox {
	b := mapBox{Name: name, URL: link}
	for _, line := range lines {
		if line != "" {
			b.Lines = append(b.Lines, mapLine{Text: line})
		}
	}
	b.H = 2*mapPad + mapLineHeight*(1+len(b.Lines)) - 4
	return b
}

func (s *Server) readersBox(rates telemetry.Rates) mapBox {
	built := "readers off"
	if s.Readers == nil {
		built = ""
	} else if st := s.Readers.Status(); st.On {
		built = fmt.Sprintf("%g/s until %s", st.Rate, st.Until.UTC().Format("15:04"))
	}
	return box("Readers", "#readers", perSecond(rates.Readers.PerSecond)+" pages/s", built)
}

func (s *Server) serverBoxes(rates telemetry.Rates) []mapBox {
	r := viewRate(rates.Readers)
	all := []mapBox{box("This blog", "", "table "+s.Table.Name, r.Errors+" fail", "p99 "+r.P99)}
	if s.Other.Name != "" {
		all = append(all, box(upper(strings.TrimPrefix(s.Other.Name, "the ")), "/lab/twin", "port "+s.Other.Port))
	}
	if s.Custom != nil {
		if base, on, _ := s.Custom.Running(); base != "" {
			all = append(all, box("Custom", "/lab/protections", plural(len(on), "protection", "protections")))
		}
	}
	return all
}

func dependencyBoxes(parts []dependencyView) []mapBox {
	var all []mapBox
	for _, p := range parts {
		all = append(all, box(p.Label, p.URL, p.Short, p.Rate.PerSecond, p.Rate.Errors+" fail", "p99 "+p.Rate.P99))
	}
	return all
}

// layWide has a column for each rank.
func layWide(ranks [][]mapBox, kind func(rank, to int) string) mapView {
	columns := []struct{ x, w int }{{0, 160}, {290, 190}, {640, 220}}
	m := mapView{Class: "wide", Width: 860}
	for _, rank := range ranks {
		m.Height = max(m.Height, heightOf(rank))
	}
	for i, rank := range ranks {
		y := (m.Height - heightOf(rank)) / 2
		for _, b := range rank {
			m.Boxes = append(m.Boxes, b.at(columns[i].x, y, columns[i].w))
			y += b.H + mapGap
		}
	}
	m.wire(ranks, kind, func(a, b mapBox) string {
		x1, y1, x2, y2 := a.X+a.W, a.Y+a.H/2, b.X, b.Y+b.H/2
		return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, (x1+x2)/2, y1, (x1+x2)/2, y2, x2, y2)
	})
	return m
}

// layNarrow has a row for each rank, in which the boxes share the width by the length of their text.
func layNarrow(ranks [][]mapBox, kind func(rank, to int) string) mapView {
	const width, between, gap = 340, 44, 6
	m := mapView{Class: "narrow", Width: width}
	for i, rank := range ranks {
		if i > 0 {
			m.Height += between
		}
		whole, x, tallest := 0, 0, 0
		for _, b := range rank {
			whole += b.letters()
		}
		for _, b := range rank {
			w := (width - gap*(len(rank)-1)) * b.letters() / whole
			m.Boxes = append(m.Boxes, b.at(x, m.Height, w))
			x, tallest = x+w+gap, max(tallest, b.H)
		}
		for j := range rank { // of one height, so that all wires begin at the same one
			m.Boxes[len(m.Boxes)-1-j].H = tallest
		}
		m.Height += tallest
	}
	m.wire(ranks, kind, func(a, b mapBox) string {
		x1, y1, x2, y2 := a.X+a.W/2, a.Y+a.H, b.X+b.W/2, b.Y
		return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1, (y1+y2)/2, x2, (y1+y2)/2, x2, y2)
	})
	return m
}

func heightOf(rank []mapBox) int {
	h := -mapGap
	for _, b := range rank {
		h += b.H + mapGap
	}
	return h
}

// letters is the length of the longest text in the box. Names are bold, and so a little longer.
func (b mapBox) letters() int {
	const least = 10
	n := max(least, utf8.RuneCountInString(b.Name)+2)
	for _, line := range b.Lines {
		n = max(n, utf8.RuneCountInString(line.Text))
	}
	return n
}

// at is the box in its place, with room for its frame.
func (b mapBox) at(x, y, w int) mapBox {
	b.X, b.Y, b.W = x, y, w
	b.TextX, b.TextY = x+w/2, y+mapPad+12
	b.Lines = slices.Clone(b.Lines)
	for i := range b.Lines {
		b.Lines[i].Y = b.TextY + mapLineHeight*(i+1)
	}
	return b
}

// wire connects each box with each of the next rank: all readers may go to all servers, and all servers to all
// dependencies.
func (m *mapView) wire(ranks [][]mapBox, kind func(rank, to int) string, path func(a, b mapBox) string) {
	first := 0
	for i := range len(ranks) - 1 {
		next := first + len(ranks[i])
		for from := range ranks[i] {
			for to := range ranks[i+1] {
				m.Wires = append(m.Wires, mapWire{path(m.Boxes[first+from], m.Boxes[next+to]), kind(i, to)})
			}
		}
		first = next
	}
}
