package figures

import "afloat/internal/chart"

// failoverTimeline is lesson 14's.
func failoverTimeline() Figure {
	return Figure{
		Name: "failover-timeline", Label: Recorded, Code: "internal/figures/failover.go", How: "No run of the fleet is recorded here yet",
		draw: func() chart.Figure { return chart.Figure{Title: "A server of the fleet dies"} },
	}
}
