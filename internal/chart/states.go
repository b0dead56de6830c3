package chart

import "math"

// States draws what can be one of a few things, and what takes it from one to another: boxes from top to bottom. It has
// no axes.
type States struct {
	Boxes  []Box
	Arrows []Arrow
}

// A Box is one state, with what it means.
type Box struct{ Name, Says string }

// An Arrow leads from one box, counted from 0, to the next below or to any above.
type Arrow struct {
	From, To int
	Label    string
}

func (s States) empty() bool { return len(s.Boxes) == 0 }

// back reports whether an arrow leads upwards, at the boxes' side.
func (a Arrow) back() bool { return a.To < a.From }

const boxPadding = 10

// chain is where the boxes of a drawing stand.
type chain struct {
	*canvas
	width, lane  float64   // of a box, and of each way up beside it
	lanes        int       // how many of those
	tops, bottom []float64 // of each box
}

func (s States) draw(c *canvas) {
	ch := &chain{canvas: c, width: c.width - 4, lane: math.Min(c.width*.24, 150)}
	for _, a := range s.Arrows {
		if a.back() {
			ch.lanes++
		}
	}
	if ch.lanes > 0 {
		ch.width = c.width - float64(ch.lanes)*ch.lane - 10
	}
	c.y += 2
	for i, b := range s.Boxes {
		ch.box(b)
		for _, a := range s.Arrows {
			if a.From == i && !a.back() {
				ch.down(a.Label)
			}
		}
	}
	lane := 0
	for i := range s.Boxes { // the nearest way up first, so that no two cross
		for _, a := range s.Arrows {
			if a.back() && a.From-a.To == i+1 {
				ch.up(a, lane)
				lane++
			}
		}
	}
	c.y += 4
}

func (ch *chain) box(b Box) {
	lines := wrap(b.Says, ch.width-2*boxPadding)
	height := float64((1+len(lines))*lineHeight + boxPadding)
	ch.path("M2 "+coordinate(ch.y)+"h"+coordinate(ch.width)+"v"+coordinate(height)+"h"+coordinate(-ch.width)+"z", "ch-box", "")
	ch.text(2+boxPadding, ch.y+lineHeight+1, "ch-group", start, shorten(b.Name, ch.width-2*boxPadding))
	for i, line := range lines {
		ch.text(2+boxPadding, ch.y+1+float64((i+2)*lineHeight), "ch-label", start, line)
	}
	ch.tops, ch.bottom = append(ch.tops, ch.y), append(ch.bottom, ch.y+height)
	ch.y += height
}

// down leads to the next box.
func (ch *chain) down(label string) {
	const x = 24
	lines := wrap(label, ch.width-x-14)
	height := math.Max(float64(len(lines)*lineHeight+14), 36)
	ch.path("M"+coordinate(x)+" "+coordinate(ch.y)+"v"+coordinate(height-1), "ch-arrow", "")
	ch.arrowHead(x, ch.y+height, 0, 1)
	for i, line := range lines {
		ch.text(x+14, ch.y+height/2+4.5+(float64(i)-float64(len(lines)-1)/2)*lineHeight, "ch-label", start, line)
	}
	ch.y += height
}

// up leads to a box above, in a lane of its own at the side.
func (ch *chain) up(a Arrow, lane int) {
	edge := ch.width + 2
	const gap = 7 // from a box to its first way up is twice that, from a way to its label once
	x := edge + 2*gap + float64(lane)*ch.lane
	const apart = 12 // of those that leave or meet the same box; the outermost leaves lowest, so that none cross
	from, to := ch.bottom[a.From]-float64(apart*(ch.lanes-lane)), ch.tops[a.To]+float64(apart*(lane+1))
	ch.path("M"+coordinate(edge)+" "+coordinate(from)+"H"+coordinate(x)+"V"+coordinate(to)+"H"+coordinate(edge+1), "ch-arrow", "")
	ch.arrowHead(edge, to, -1, 0)
	lines := wrap(a.Label, ch.lane-2*gap)
	for i, line := range lines {
		ch.text(x+gap, (from+to)/2+4.5+(float64(i)-float64(len(lines)-1)/2)*lineHeight, "ch-label", start, line)
	}
}

func (s States) table(Figure) (head []string, rows [][]string) {
	for i, b := range s.Boxes {
		rows = append(rows, []string{b.Name, b.Says, ""})
		for _, a := range s.Arrows {
			if a.From == i {
				rows = append(rows, []string{b.Name, a.Label, s.Boxes[a.To].Name})
			}
		}
	}
	return []string{"State", "What it means, or what ends it", "Then"}, rows
}

func (s States) say(Figure) []string {
	var said []string
	for _, b := range s.Boxes {
		said = append(said, b.Name+": "+b.Says)
	}
	for _, a := range s.Arrows {
		said = append(said, "from "+s.Boxes[a.From].Name+" to "+s.Boxes[a.To].Name+": "+a.Label)
	}
	return said
}
