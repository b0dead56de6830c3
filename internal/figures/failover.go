package figures

import (
	"fmt"

	"afloat/internal/chart"
	"afloat/internal/recorded"
)

// failoverTimeline is lesson 14's: what readers, writers and the database do until a standby leads.
func failoverTimeline() Figure {
	c, ok := recorded.LeaderLostAndHeld()
	if !ok {
		panic("figures: no failover of Postgres is recorded in internal/recorded/runs")
	}
	return Figure{
		Name: "failover-timeline", Label: Recorded, Code: "internal/figures/failover.go",
		How:  fmt.Sprintf("Case %s of make fleet-test, %s, revision %s, %s, one trial", c.Name, c.Began.Format("2 January 2006"), c.Revision, c.Machine),
		draw: func() chart.Figure { return failoverLanes(c) },
	}
}

func failoverLanes(c recorded.Case) chart.Figure {
	direct := c.DirectAfter
	end := 1.5 * direct
	took := fmt.Sprintf("%.1f"+thin+"s", direct)
	return chart.Figure{
		Title: fmt.Sprintf("A lost leader costs %s of direct writes: %d of %d reads failed, %d of %d comments were lost", took, c.Reads.Failed, c.Reads.Of, c.Comments.Lost, c.Comments.Acknowledged),
		Desc:  fmt.Sprintf("At 0 s, %s, under %.0f reads a second. Until a standby leads, comments wait in the outbox; p99 of the readers %.0f ms, before it %.0f ms. The naive twin stands on the same leader.", c.Does, c.Rate, c.Under.P99, c.Healthy.P99),
		X:     chart.Axis{Label: "time since the leader was lost", Unit: "s"},
		Plot: chart.Lanes{
			{Group: "The fleet", Label: "Postgres", Spans: []chart.Span{
				{From: 0, To: direct, Label: "nobody leads", Waits: true},
				{From: direct, To: end, Label: "a standby leads", Colour: chart.Blue},
			}},
			{Group: "The fleet", Label: "comments", Spans: []chart.Span{
				{From: 0, To: direct, Label: fmt.Sprintf("%d by the outbox", c.Comments.Outbox), Colour: chart.Orange},
				{From: direct, To: end, Label: "direct again", Colour: chart.Blue},
			}},
			{Group: "The fleet", Label: "readers", Spans: []chart.Span{
				{From: 0, To: end, Label: fmt.Sprintf("%d of %d failed", c.Reads.Failed, c.Reads.Of), Colour: chart.Green},
			}},
			{Group: "The naive twin", Label: "readers", Spans: []chart.Span{
				{From: 0, To: end, Label: percent(c.TwinFailed()/100, 0) + " failed", Colour: chart.Vermillion},
			}},
		},
	}
}
