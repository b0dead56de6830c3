package figures

import (
	"fmt"
	"math/rand/v2"
	"time"

	"afloat/internal/chart"
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

const (
	retrySeed  = 4
	refusedIn  = 2 * time.Millisecond // how quickly a try fails, in lesson 4's figure
	shownTries = 5                    // more than Afloat makes, so that the cap is seen
)

// retryTimeline is lesson 4's: what one call does that is refused again and again, with each way to wait.
func retryTimeline() Figure {
	return Figure{
		Name: "retry-timeline", Label: Simulated, Code: "internal/figures/retries.go",
		How: fmt.Sprintf("The waits are drawn with seed %d by internal/resilience/backoff.go, from the policy of post reads", retrySeed),
		draw: func() chart.Figure {
			backoff := policy.Afloat().PostReads.Retry.Backoff
			var lanes chart.Lanes
			ends := map[resilience.Jitter]time.Duration{}
			for _, way := range []struct {
				name   string
				jitter resilience.Jitter
				policy resilience.Backoff
			}{
				{"no wait", "", resilience.Backoff{}},
				{"exponential", resilience.NoJitter, backoff},
				{"equal jitter", resilience.EqualJitter, backoff},
				{"full jitter", resilience.FullJitter, backoff},
			} {
				way.policy.Jitter = way.jitter
				spans, end := triesOf(way.policy)
				ends[way.jitter] = end
				lanes = append(lanes, chart.Lane{Label: way.name, Spans: spans})
			}
			return chart.Figure{
				Title: fmt.Sprintf("Without a wait %d tries are over in %s; with exponential backoff they last %s", shownTries, millis(ends[""]), millis(ends[resilience.NoJitter])),
				Desc:  fmt.Sprintf("One call whose every try is refused after %s. A bar is a try, a line between two strokes a wait. The ceiling of the waits is %s, doubled up to %s; jitter draws below it. Afloat itself makes %d tries.", millis(refusedIn), millis(backoff.Base), millis(backoff.Cap), policy.Afloat().PostReads.Retry.Attempts),
				X:     chart.Axis{Label: "time since the call", Unit: "ms"},
				Plot:  lanes,
			}
		},
	}
}

// triesOf follows one call, and says when its last try has failed.
func triesOf(b resilience.Backoff) (spans []chart.Span, at time.Duration) {
	draw := rand.New(rand.NewPCG(retrySeed, 0))
	for try := 1; ; try++ {
		label := ""
		if try == 1 || try == shownTries {
			label = fmt.Sprintf("try %d", try)
		}
		spans = append(spans, chart.Span{From: inMillis(at), To: inMillis(at + refusedIn), Label: label, Colour: chart.Vermillion})
		at += refusedIn
		if try == shownTries {
			return spans, at
		}
		if wait := b.Delay(try, 0, draw.Float64()); wait > 0 {
			spans = append(spans, chart.Span{From: inMillis(at), To: inMillis(at + wait), Label: fmt.Sprintf("%.0f", inMillis(wait)), Waits: true})
			at += wait
		}
	}
}
