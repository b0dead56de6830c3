package figures

import (
	"fmt"

	"afloat/internal/chart"
	"afloat/internal/policy"
)

// breakerStates is lesson 8's, with the numbers of the breaker before Postgres.
func breakerStates() Figure {
	return Figure{
		Name: "breaker-states", Label: Computed, Code: "internal/figures/breaker.go",
		How: "The policy of post reads, internal/policy/policy.go",
		draw: func() chart.Figure {
			b := policy.Afloat().PostReads.Breaker
			return chart.Figure{
				Title: fmt.Sprintf("An open breaker asks nothing for %s, then lets %s through and believes what it says", span(b.OpenFor), calls(b.Probes)),
				Desc:  "The three states of Afloat’s circuit breakers, and what takes them from one to another.",
				Plot: chart.States{
					Boxes: []chart.Box{
						{Name: "closed", Says: "Calls pass, and each outcome is counted."},
						{Name: "open", Says: "Calls are refused at once; readers get a copy, or a placeholder."},
						{Name: "half-open", Says: fmt.Sprintf("At a time %s may pass, to see; others are refused.", calls(b.Probes))},
					},
					Arrows: []chart.Arrow{
						{From: 0, To: 1, Label: fmt.Sprintf("%s or more of at least %d calls in %s failed", percent(b.FailureRatio, 0), b.MinCalls, span(b.Window))},
						{From: 1, To: 2, Label: fmt.Sprintf("after %s", span(b.OpenFor))},
						{From: 2, To: 1, Label: "it fails"},
						{From: 2, To: 0, Label: "it succeeds"},
					},
				},
			}
		},
	}
}

func calls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%d calls", n)
}
