package figures

import (
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/policy"
)

// hops are who waits for whom in lesson 3's figure.
var hops = []string{"blog", "service", "database"}

const (
	ownWork  = 50 * time.Millisecond  // of each hop, before it asks the next
	slowWork = 600 * time.Millisecond // of the last, which nobody can hurry
)

// A stay is how long a hop is at it: from when it is asked, and until it answers, gives up or is told to stop.
type stay struct{ from, to time.Duration }

// deadlineTravels is lesson 3's: a timeout at each hop begins anew there, a deadline is one moment for all.
func deadlineTravels() Figure {
	return Figure{
		Name: "deadline-travels", Label: Computed, Code: "internal/figures/deadline.go",
		How: "An example: a page’s budget from the policies’ table, and three hops that each work before they ask the next",
		draw: func() chart.Figure {
			budget := policy.Afloat().Page.Budget
			own, one := staysOf(budget, false), staysOf(budget, true)
			return chart.Figure{
				Title: fmt.Sprintf("A deadline that travels spares %s of work for a reader who has gone after %s", millis(inVain(own, budget)-inVain(one, budget)), millis(budget)),
				Desc:  fmt.Sprintf("Three hops: each works for %s and asks the next; the database takes %s. Above, each hop has a timeout of its own. Below, each is told how much of the budget is left.", millis(ownWork), millis(slowWork)),
				X:     chart.Axis{Label: "time since the reader asked", Unit: "ms"},
				Plot:  append(stayLanes("a timeout of its own at each hop", own, budget), stayLanes("one deadline for all", one, budget)...),
			}
		},
	}
}

// staysOf follows a call through the hops. Each waits for the next as long as its own timeout, the budget, or as long
// as what is left of the one that came with the call.
func staysOf(budget time.Duration, travels bool) []stay {
	stays := make([]stay, len(hops))
	for i := range hops {
		from := time.Duration(i) * ownWork
		until := from + ownWork + budget // its patience begins when it asks
		if i == 0 {
			until = budget // the reader's, who is then gone
		}
		if i == len(hops)-1 {
			until = from + slowWork
		}
		if travels {
			until = min(until, budget)
		}
		stays[i] = stay{from, until}
	}
	return stays
}

// inVain is how long hops are at work after the reader has gone.
func inVain(stays []stay, gone time.Duration) time.Duration {
	sum := time.Duration(0)
	for _, s := range stays {
		sum += max(0, s.to-gone)
	}
	return sum
}

func stayLanes(group string, stays []stay, gone time.Duration) chart.Lanes {
	var lanes chart.Lanes
	for i, s := range stays {
		lane := chart.Lane{Group: group, Label: hops[i]}
		left := min(s.to, gone)
		lane.Spans = append(lane.Spans, chart.Span{From: inMillis(s.from), To: inMillis(left), Label: millis(left-s.from) + " for the reader", Colour: chart.Blue})
		if s.to > gone {
			lane.Spans = append(lane.Spans, chart.Span{From: inMillis(gone), To: inMillis(s.to), Label: millis(s.to-gone) + " for nobody", Colour: chart.Vermillion})
		}
		lanes = append(lanes, lane)
	}
	return lanes
}
