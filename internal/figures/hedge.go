package figures

import (
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/sim"
)

// hedged are answers of which one in twenty is slow, as in lesson 13's figure.
var hedged = sim.HedgeParams{Quick: 8 * time.Millisecond, Slow: 100 * time.Millisecond, Share: 0.05}

const (
	hedgeAt     = 0.95 // the quantile after which a second copy is sent
	usualAnswer = 0.5  // the quantile that the second copy's answer is drawn at
)

// hedgeTimeline is lesson 13's: one slow call, alone and with a second copy.
func hedgeTimeline() Figure {
	return Figure{
		Name: "hedge-timeline", Label: Computed, Code: "internal/figures/hedge.go",
		How: "An example: the quantiles of the model in internal/sim/hedge.go",
		draw: func() chart.Figure {
			after, usual := hedged.Quantile(hedgeAt), hedged.Quantile(usualAnswer)
			answered := after + usual
			return chart.Figure{
				Title: fmt.Sprintf("A second copy after %s turns an answer that takes %s into one of %s", millis(after), millis(hedged.Slow), millis(answered)),
				Desc:  fmt.Sprintf("One call whose first copy is slow, as %s are. The second copy goes to another server at the p95 of all answers, takes what most take, and the first is cancelled.", percent(hedged.Share, 0)),
				X:     chart.Axis{Label: "time since the call", Unit: "ms"},
				Plot: chart.Lanes{
					{Group: "Without a hedge", Label: "the only copy", Spans: []chart.Span{
						{From: 0, To: inMillis(hedged.Slow), Label: "answers after " + millis(hedged.Slow), Colour: chart.Vermillion},
					}},
					{Group: "With a hedge", Label: "first copy", Spans: []chart.Span{
						{From: 0, To: inMillis(answered), Label: "cancelled", Colour: chart.Vermillion},
					}},
					{Group: "With a hedge", Label: "second copy", Spans: []chart.Span{
						{From: 0, To: inMillis(after), Label: "not yet sent", Waits: true},
						{From: inMillis(after), To: inMillis(answered), Label: "answers after " + millis(answered), Colour: chart.Green},
					}},
				},
			}
		},
	}
}
