package web

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

const (
	shownSeconds  = 300 // of the timeline
	columnSeconds = 5   // in a column of a figure: one a second could not be told from the next
)

// outcomeColours are the same wherever outcomes are drawn.
var outcomeColours = map[telemetry.Outcome]chart.Colour{
	telemetry.Fresh: chart.Green, telemetry.Cached: chart.Blue, telemetry.Partial: chart.Purple, telemetry.Stale: chart.Orange, telemetry.Failed: chart.Vermillion,
}

var linkColours = map[string]chart.Colour{"postgres": chart.Blue, "redis": chart.Purple, "recommendations": chart.Green}

// liveFigures draw the last minutes; none where nobody has read anything in them.
func (s *Server) liveFigures(rates telemetry.Rates) []template.HTML {
	series, _ := s.recent(shownSeconds)
	served, failed := uint64(0), uint64(0)
	for outcome, counts := range series.Pages {
		for _, n := range counts {
			if served += n; outcome == telemetry.Failed {
				failed += n
			}
		}
	}
	if served == 0 {
		return nil
	}
	t := columnsOf(series)
	spans, changes, runs := s.marksFor(t.now)
	axis := chart.Axis{Label: "time before now", Unit: "s", Min: -shownSeconds, Digits: 0}
	figures := []chart.Figure{
		{
			ID: "outcomes", Title: fmt.Sprintf("Of %s in the last 5 minutes, %s", plural(int(served), "page", "pages"), failures(failed)),
			Desc: "Pages a second by what readers got, averaged over 5 s.",
			X:    axis, Y: chart.Axis{Label: "pages", Unit: "/s"}, Marks: slices.Concat(spans, runs), Plot: t.outcomes(series),
		},
		{
			ID: "latency", Title: latencyTitle(rates.Readers), Desc: "How long pages took. Of each 5 s the median of the seconds’ p50, and the highest of their p99.",
			X: axis, Y: chart.Axis{Label: "page", Unit: "ms"}, Marks: spans, Plot: t.latency(series),
		},
		{
			ID: "asked", Title: s.askedTitle(rates), Desc: "What reached each dependency, retries and hedges included, a second, averaged over 5 s.",
			X: axis, Y: chart.Axis{Label: "requests", Unit: "/s"}, Marks: slices.Concat(spans, changes), Plot: t.asked(series, s.dependencies()),
		},
	}
	var drawn []template.HTML
	for _, f := range figures {
		drawn = append(drawn, f.HTML())
	}
	return drawn
}

func failures(n uint64) string {
	if n == 0 {
		return "none failed"
	}
	return fmt.Sprintf("%d failed", n)
}

func latencyTitle(r telemetry.Rate) string {
	if r.PerSecond == 0 {
		return "Nobody read a page in the last seconds"
	}
	return fmt.Sprintf("A page takes %s at the median and %s at p99", millisOf(r.P50), millisOf(r.P99))
}

func (s *Server) askedTitle(rates telemetry.Rates) string {
	var asked []string
	for _, st := range s.dependencies() {
		asked = append(asked, fmt.Sprintf("%s %s", st.Label, perSecond(rates.Links[st.Link].PerSecond)))
	}
	return "Requests a second now: " + strings.Join(asked, ", ")
}

// columns are the seconds of a series, in groups that begin at whole multiples of their length, so that a column stays
// itself while it wanders to the left. Those that are whole are shown.
type columns struct {
	now    int64 // the end of the series
	groups [][2]int
	at     []float64 // seconds from now, below zero
}

func columnsOf(s telemetry.Series) columns {
	n := s.Seconds()
	c := columns{now: s.From + int64(n)}
	first := int(-s.From%columnSeconds+columnSeconds) % columnSeconds // a column that is there in part would tell too little
	for begin := first; begin+columnSeconds <= n; begin += columnSeconds {
		c.groups, c.at = append(c.groups, [2]int{begin, begin + columnSeconds}), append(c.at, float64(s.From+int64(begin)-c.now))
	}
	return c
}

// rate is counts a second.
func (c columns) rate(counts []uint64) []chart.Point {
	points := make([]chart.Point, len(c.groups))
	for i, g := range c.groups {
		sum := uint64(0)
		for _, n := range counts[g[0]:g[1]] {
			sum += n
		}
		points[i] = chart.Point{X: c.at[i], Y: float64(sum) / float64(g[1]-g[0])}
	}
	return points
}

func (c columns) outcomes(s telemetry.Series) chart.Stacked {
	var all chart.Stacked
	for _, o := range telemetry.Outcomes {
		all = append(all, chart.Series{Name: o.String(), Points: c.rate(s.Pages[o]), Colour: outcomeColours[o]})
	}
	return all
}

func (c columns) asked(s telemetry.Series, links []lab.Status) chart.Lines {
	var all chart.Lines
	for _, link := range links {
		all = append(all, chart.Series{Name: link.Label, Points: c.rate(s.Links[link.Link].Attempts), Colour: linkColours[link.Link]})
	}
	return all
}

// latency leaves a gap where nobody read.
func (c columns) latency(s telemetry.Series) chart.Lines {
	p50, p99 := make([]chart.Point, len(c.groups)), make([]chart.Point, len(c.groups))
	for i, g := range c.groups {
		read := func(all []telemetry.Millis) []float64 {
			var took []float64
			for second := g[0]; second < g[1]; second++ {
				if s.P99[second] > 0 {
					took = append(took, float64(all[second]))
				}
			}
			slices.Sort(took)
			return took
		}
		p50[i], p99[i] = chart.Point{X: c.at[i], Y: math.NaN()}, chart.Point{X: c.at[i], Y: math.NaN()}
		if half, most := read(s.P50), read(s.P99); len(half) > 0 {
			p50[i].Y, p99[i].Y = half[len(half)/2], most[len(most)-1]
		}
	}
	return chart.Lines{{Name: "p50", Points: p50, Colour: chart.Blue}, {Name: "p99", Points: p99, Colour: chart.Purple}}
}

// marksFor are the faults, breakers' changes and experiments of the figures: faults as the time from their beginning
// to their end.
func (s *Server) marksFor(now int64) (spans, changes, runs []chart.Mark) {
	at := func(t time.Time) float64 { return max(t.Sub(time.Unix(now, 0)).Seconds(), -shownSeconds) }
	marks, _, _ := s.Timeline.Marks(0)
	open := map[string]int{} // link → its span that has not ended
	for _, m := range marks {
		if m.Kind == telemetry.FaultBegins || m.Kind == telemetry.FaultEnds {
			if i, on := open[m.What]; on {
				spans[i].For = at(m.At) - spans[i].At
				delete(open, m.What)
			}
		}
		switch {
		case m.Kind == telemetry.FaultBegins:
			open[m.What] = len(spans)
			spans = append(spans, chart.Mark{At: at(m.At), For: math.Inf(1), Label: m.Words})
		case m.At.Unix() < now-shownSeconds:
		case m.Kind == telemetry.RunMark:
			runs = append(runs, chart.Mark{At: at(m.At), Label: m.Words})
		case telling(m):
			changes = append(changes, chart.Mark{At: at(m.At), Label: m.Words})
		}
	}
	for _, st := range s.faults() {
		if st.Hidden { // as markHidden has it: one for all links
			if _, on := open[lab.Hidden]; !on {
				open[lab.Hidden] = len(spans)
				spans = append(spans, chart.Mark{At: -shownSeconds, For: math.Inf(1), Label: hiddenWords})
			}
			continue
		}
		if _, on := open[st.Link]; st.Kind != lab.Healthy && !on { // its beginning is no longer kept
			spans = append(spans, chart.Mark{At: -shownSeconds, For: math.Inf(1), Label: faultWords(st.Link, st.Label, st.Kind)})
		}
	}
	return slices.DeleteFunc(spans, func(m chart.Mark) bool { return m.For <= 0 }), changes, runs
}

// telling reports whether a mark is one to show: of a breaker those that begin or end its being open, and not each try
// in between.
func telling(m telemetry.Mark) bool {
	return m.Kind != telemetry.BreakerMark || strings.Contains(m.Words, string(resilience.Closed))
}
