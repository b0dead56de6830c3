package chart

import (
	"fmt"
	"math"
)

// Sequence draws messages between a few actors, in order from top to bottom. It has no axes.
type Sequence struct {
	Actors []string
	Steps  []Step
}

// A Step is a message from one actor to another, counted from 0, or what an actor does by itself where both are the
// same. One with a Heading alone begins another course of events.
type Step struct {
	Heading  string
	From, To int
	Label    string
	Lost     bool // it never arrives
}

func (q Sequence) empty() bool { return len(q.Actors) == 0 || len(q.Steps) == 0 }

// place is where an actor's line stands.
func (q Sequence) place(c *canvas, actor int) float64 {
	column := c.width / float64(len(q.Actors))
	return column * (float64(actor) + .5)
}

func (q Sequence) draw(c *canvas) {
	for i, s := range q.Steps {
		if i == 0 || s.Heading != "" {
			q.begin(c, s.Heading)
		}
		if s.Label != "" {
			q.step(c, s)
		}
	}
	c.y += 4
}

// begin writes the actors' names under a heading.
func (q Sequence) begin(c *canvas, heading string) {
	if c.y > 0 {
		c.y += lineHeight
	}
	for _, line := range wrap(heading, c.width) {
		c.y += lineHeight
		c.text(0, c.y-3, "ch-group", start, line)
	}
	c.y += 6
	for i, name := range q.Actors {
		x, half := q.place(c, i), math.Min(textWidth(name)/2+8, c.width/float64(len(q.Actors))/2-3)
		c.path("M"+coordinate(x-half)+" "+coordinate(c.y)+"h"+coordinate(2*half)+"v22h"+coordinate(-2*half)+"z", "ch-box", "")
		c.text(x, c.y+15, "ch-label", middle, shorten(name, 2*half-4))
	}
	c.y += 22
}

// step draws one message, with its label above it, and the actors' lines beside both.
func (q Sequence) step(c *canvas, s Step) {
	from, to := q.place(c, s.From), q.place(c, s.To)
	room := math.Max(math.Abs(to-from)-12, c.width/float64(len(q.Actors))-10)
	at := (from + to) / 2
	if s.From == s.To {
		at = math.Min(math.Max(from, room/2), c.width-room/2)
	}
	lines := wrap(s.Label, room)
	top := c.y
	bottom := top + 8 + float64(len(lines)*lineHeight) + 10
	for i := range q.Actors {
		c.line(q.place(c, i), top, q.place(c, i), bottom, "ch-base", "")
	}
	for i, line := range lines {
		c.text(at, top+8+float64(i+1)*lineHeight-4, "ch-label", middle, line)
	}
	c.y = bottom
	if s.From == s.To {
		return
	}
	y, end := bottom-4, to
	if s.Lost {
		end = from + (to-from)*.6
	}
	c.path("M"+coordinate(from)+" "+coordinate(y)+"H"+coordinate(end), "ch-arrow", lostDash(s.Lost))
	if s.Lost {
		c.path("M"+coordinate(end-5)+" "+coordinate(y-5)+"l10 10m0 -10l-10 10", "ch-arrow", "")
		return
	}
	c.arrowHead(end, y, math.Copysign(1, to-from), 0)
}

func lostDash(lost bool) string {
	if lost {
		return ` stroke-dasharray="5 4"`
	}
	return ""
}

// arrowHead ends an arrow that points along (dx, dy), which is a step to a side, up or down.
func (c *canvas) arrowHead(x, y, dx, dy float64) {
	const long, wide = 8.0, 4.0
	c.path("M"+coordinate(x)+" "+coordinate(y)+
		"L"+coordinate(x-dx*long-dy*wide)+" "+coordinate(y-dy*long-dx*wide)+
		"L"+coordinate(x-dx*long+dy*wide)+" "+coordinate(y-dy*long+dx*wide)+"Z", "ch-head", "")
}

func (q Sequence) table(Figure) (head []string, rows [][]string) {
	heading := ""
	n := 0
	for _, s := range q.Steps {
		if s.Heading != "" {
			heading, n = s.Heading, 0
		}
		if s.Label == "" {
			continue
		}
		n++
		rows = append(rows, []string{heading, fmt.Sprint(n), q.Actors[s.From], q.Actors[s.To], s.words()})
	}
	return []string{"Course", "Step", "From", "To", "What"}, rows
}

func (s Step) words() string {
	if s.Lost {
		return s.Label + " (lost)"
	}
	return s.Label
}

func (q Sequence) say(Figure) []string {
	var said []string
	heading := ""
	for _, s := range q.Steps {
		if s.Heading != "" {
			heading = s.Heading + ": "
		}
		if s.Label == "" {
			continue
		}
		who := q.Actors[s.From]
		if s.To != s.From {
			who += " to " + q.Actors[s.To]
		}
		said, heading = append(said, heading+who+": "+s.words()), ""
	}
	return said
}
