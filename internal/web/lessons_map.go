package web

import (
	"fmt"

	"afloat/internal/lessons"
)

// The map of the lessons shows which pattern rests on which. It is drawn from
// the path: from left to right by depth on a wide screen, and as a column with
// arcs beside it on a phone. Both are computed once, since the path is fixed.

// lessonMap is the map for one width of screen.
type lessonMap struct {
	Class         string // wide, narrow
	Width, Height int
	Ways          []lessonWay // under the boxes
	Boxes         []lessonBox
}

// lessonWay leads from what is needed to what needs it.
type lessonWay struct{ Path string }

type lessonBox struct {
	lessons.Lesson
	X, Y, W, H   int
	TextX, TextY int // of the pattern's name, in the middle
}

// NeedsFirst are the lessons that arrows come from.
func (b lessonBox) NeedsFirst() []lessons.Lesson { return needsOf(b.Lesson) }

func lessonMaps() []lessonMap { return []lessonMap{layDepths(), layColumn()} }

// layDepths has a column for each depth, with its lessons spread over the height.
func layDepths() lessonMap {
	const w, h, across, between, height = 106, 44, 122, 22, 300
	columns := [][]lessons.Lesson{}
	for _, l := range lessons.All() {
		for len(columns) <= lessons.Depth(l.Slug) {
			columns = append(columns, nil)
		}
		d := lessons.Depth(l.Slug)
		columns[d] = append(columns[d], l)
	}
	m := lessonMap{Class: "wide", Width: across*(len(columns)-1) + w + 4, Height: height}
	for depth, column := range columns {
		y := (height - (h+between)*len(column) + between) / 2
		for _, l := range column {
			m.Boxes = append(m.Boxes, lessonBox{l, 2 + depth*across, y, w, h, 2 + depth*across + w/2, y + 36})
			y += h + between
		}
	}
	m.join(func(a, b lessonBox) string {
		x1, y1, x2, y2 := a.X+a.W, a.Y+a.H/2, b.X-2, b.Y+b.H/2
		return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", x1, y1, x1+30, y1, x2-30, y2, x2, y2)
	})
	return m
}

// layColumn has a row for each lesson, and at its side an arc from each that it needs.
func layColumn() lessonMap {
	const width, left, h, step = 300, 110, 26, 34
	all := lessons.All()
	m := lessonMap{Class: "narrow", Width: width, Height: step*len(all) + 2}
	for i, l := range all {
		m.Boxes = append(m.Boxes, lessonBox{l, left, 2 + i*step, width - left - 2, h, left + (width-left)/2, 2 + i*step + 18})
	}
	m.join(func(a, b lessonBox) string {
		y1, y2 := a.Y+a.H/2, b.Y+b.H/2-3
		out := left - 12 - 9*(b.Number-a.Number)
		return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", left, y1, out, y1, out, y2, left-2, y2)
	})
	return m
}

// join draws a way to each box from each that its lesson needs directly: arrows
// that others imply would only cross them.
func (m *lessonMap) join(path func(from, to lessonBox) string) {
	at := map[string]lessonBox{}
	for _, b := range m.Boxes {
		at[b.Slug] = b
	}
	for _, b := range m.Boxes {
		for _, need := range b.Direct() {
			m.Ways = append(m.Ways, lessonWay{path(at[need], b)})
		}
	}
}
