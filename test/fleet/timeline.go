package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"afloat/internal/chart"
)

// line is a case second by second.
type line struct {
	got, failed []chart.Point // reads a second
	p99         []chart.Point // ms, of those due in that second
	direct      []chart.Point // answers to comments a second
	outbox      []chart.Point
	refused     []chart.Point
	marks       []chart.Mark
}

// timeline counts a case's seconds from its begin; those of its last, which are not whole, are left out.
func timeline(reads []read, comments []*comment, t times) line {
	n := int(t.until.Sub(t.begin).Seconds())
	got, failed := make([]float64, n), make([]float64, n)
	slow := make([][]time.Duration, n)
	for _, r := range reads {
		i, ok := second(r.due, t.begin, n)
		switch {
		case !ok || r.kind == twinReads:
			continue
		case r.failed():
			failed[i]++
		default:
			got[i]++
		}
		slow[i] = append(slow[i], r.Latency)
	}
	direct, outbox, refused := make([]float64, n), make([]float64, n), make([]float64, n)
	for _, c := range comments {
		for k, try := range c.tries {
			i, ok := second(try.at.Add(try.took), t.begin, n)
			switch acked := !c.acked.IsZero() && k == len(c.tries)-1; {
			case !ok:
			case !acked:
				refused[i]++
			case c.direct:
				direct[i]++
			default:
				outbox[i]++
			}
		}
	}
	l := line{got: points(got), failed: points(failed), direct: points(direct), outbox: points(outbox), refused: points(refused)}
	for i, all := range slow {
		if len(all) > 0 {
			slices.Sort(all)
			l.p99 = append(l.p99, chart.Point{X: float64(i), Y: ms(all[(len(all)*99+99)/100-1])})
		}
	}
	l.marks = []chart.Mark{{At: t.fault.Sub(t.begin).Seconds(), For: t.heal.Sub(t.fault).Seconds(), Label: "fault"}}
	return l
}

func second(at, begin time.Time, n int) (int, bool) {
	i := int(at.Sub(begin) / time.Second)
	return i, !at.Before(begin) && i < n
}

func points(values []float64) (all []chart.Point) {
	for i, v := range values {
		all = append(all, chart.Point{X: float64(i), Y: v})
	}
	return all
}

// draw writes a case's timeline: three figures over the same seconds.
func (r *report) draw(dir string, one result, l line) error {
	failed := 0
	for _, p := range l.failed {
		failed += int(p.Y)
	}
	figure := func(id, title, desc string, y chart.Axis, plot chart.Plot) []byte {
		return chart.Figure{ID: one.Name + "-" + id, Title: title, Desc: desc, X: chart.Axis{Label: "time", Unit: "s"}, Y: y, Marks: l.marks, Height: 120, Plot: plot}.Standalone()
	}
	reads := figure("reads", fmt.Sprintf("%s: %d reads failed", one.Does, failed),
		"Readers of the blog, by when they were due: through the published port, a connection each.", chart.Axis{Label: "reads", Unit: "/s"},
		chart.Stacked{{Name: "page came", Points: l.got, Colour: chart.Green}, {Name: "failed", Points: l.failed, Colour: chart.Vermillion}})
	slow := figure("p99", fmt.Sprintf("p99 %.0f ms under the fault, %.0f healthy", one.Fault.P99, one.Healthy.P99),
		"p99 of the readers due in each second.", chart.Axis{Label: "p99", Unit: "ms"}, chart.Lines{{Name: "p99", Points: l.p99}})
	comments := figure("comments", fmt.Sprintf("%d comments acknowledged, %d of them by the outbox; %d lost, %d doubled", one.Comments.Acknowledged, one.Comments.Outbox, one.Comments.Lost, one.Comments.Doubled),
		"Answers to comments; who got none or a refusal sent the same form again.", chart.Axis{Label: "answers", Unit: "/s"},
		chart.Stacked{{Name: "direct", Points: l.direct, Colour: chart.Blue}, {Name: "outbox", Points: l.outbox, Colour: chart.Orange}, {Name: "refused or broken", Points: l.refused, Colour: chart.Vermillion}})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, one.Name+".svg"), stack(reads, slow, comments), 0o644)
}

var svgSize = regexp.MustCompile(`^<svg [^>]*\bwidth="([0-9.]+)" height="([0-9.]+)"`)

// stack puts drawings below each other in one, each with its own title and description.
func stack(drawings ...[]byte) []byte {
	var b bytes.Buffer
	width, height := 0.0, 0.0
	for _, d := range drawings {
		size := svgSize.FindSubmatch(d)
		if size == nil {
			continue // a drawing of no size shows nothing
		}
		w, _ := strconv.ParseFloat(string(size[1]), 64) // the pattern lets only numbers through
		h, _ := strconv.ParseFloat(string(size[2]), 64)
		fmt.Fprintf(&b, `<g transform="translate(0 %g)">%s</g>`, height, bytes.TrimSpace(d))
		width, height = max(width, w), height+h
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %[1]g %[2]g">%s</svg>`+"\n", width, height, b.Bytes())
}
