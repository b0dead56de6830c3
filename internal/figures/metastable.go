package figures

import (
	"context"
	"fmt"

	"afloat/internal/chart"
	"afloat/internal/sim"
)

const (
	collapseSeed = 6
	collapseRuns = 30
)

// metastableLoop is lesson 6's: the trigger ends, and what it set off keeps itself going.
func metastableLoop() Figure {
	return Figure{
		Name: "metastable-loop", Label: Simulated, Code: "internal/figures/metastable.go",
		How: fmt.Sprintf("%d runs from seed %d on of the model in internal/sim/metastable.go, with Brooker’s parameters", collapseRuns, collapseSeed),
		draw: func() chart.Figure {
			p := sim.PublishedCollapse(false, collapseRuns, collapseSeed)
			result, err := sim.Collapse(context.Background(), p)
			if err != nil {
				panic(fmt.Errorf("figures: published parameters are refused: %w", err))
			}
			run := firstCollapsed(result)
			offered, tries, good := chart.Series{Name: "offered", Colour: chart.Ink}, chart.Series{Name: "tries", Colour: chart.Vermillion}, chart.Series{Name: "answered in time", Colour: chart.Green}
			for i, s := range run.Seconds {
				x := float64(i)
				offered.Points = append(offered.Points, chart.Point{X: x, Y: float64(s.Offered)})
				tries.Points = append(tries.Points, chart.Point{X: x, Y: float64(s.Attempts)})
				good.Points = append(good.Points, chart.Point{X: x, Y: float64(s.Succeeded)})
			}
			last := run.Seconds[len(run.Seconds)-1]
			return chart.Figure{
				Title: fmt.Sprintf("%.0f s after the spike is over nobody is answered in time, and %d calls a second make %d tries", (p.Settle + p.Watch).Seconds(), last.Offered, last.Attempts),
				Desc:  fmt.Sprintf("Calls, tries and answers in time, a second, of a server that is slower the more it has in flight; callers give up after %.0f s and try up to %d times without a wait. This is the first run that stayed down; %d of %d did.", p.Timeout.Seconds(), p.Attempts, result.Collapsed, collapseRuns),
				X:     chart.Axis{Label: "time", Unit: "s"},
				Y:     chart.Axis{Label: "a second", Unit: "/s"},
				Marks: []chart.Mark{{At: p.SpikeAt.Seconds(), For: p.SpikeFor.Seconds(), Label: fmt.Sprintf("spike to %.0f/s", p.Peak)}},
				Plot:  chart.Lines{offered, tries, good},
			}
		},
	}
}

// firstCollapsed is the first run that stayed down, or the first where none did.
func firstCollapsed(r sim.CollapseResult) sim.CollapseRun {
	for _, run := range r.Runs {
		if run.Collapsed {
			return run
		}
	}
	return r.Runs[0]
}
