package figures

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/sim"
)

const (
	jitterSeed    = 5
	jitterClients = 100
	binWidth      = 10 * time.Millisecond
	firstPart     = time.Second // of the arrivals are drawn
)

// arrivalHistograms is lesson 5's: exponential backoff moves a herd, jitter spreads it.
func arrivalHistograms() Figure {
	return Figure{
		Name: "arrival-histograms", Label: Simulated, Code: "internal/figures/arrivals.go",
		How: fmt.Sprintf("One trial with seed %d of the model in internal/sim/jitter.go, with the parameters of AWS’s article of 2015", jitterSeed),
		draw: func() chart.Figure {
			var panels chart.Panels
			for _, way := range []struct {
				name      string
				algorithm sim.Algorithm
			}{{"No backoff", sim.None}, {"Exponential backoff", sim.Expo}, {"Full jitter", sim.Full}} {
				arrivals := arrivalsOf(way.algorithm)
				last := arrivals[len(arrivals)-1].Seconds()
				panels = append(panels, chart.Panel{Label: fmt.Sprintf("%s: %d writes until all are done, after %.1f s", way.name, len(arrivals), last), Bins: binned(arrivals)})
			}
			return chart.Figure{
				Title: fmt.Sprintf("Exponential backoff still sends up to %.0f of %d clients in the same 10 ms after a quarter of a second; full jitter %.0f", crowdAfter(panels[1].Bins), jitterClients, crowdAfter(panels[2].Bins)),
				Desc:  fmt.Sprintf("Writes that reach the server in each %s of the first second, when %d clients update one row at once and those that fail try again.", millis(binWidth), jitterClients),
				X:     chart.Axis{Label: "time", Unit: "ms"},
				Y:     chart.Axis{Label: "writes in " + millis(binWidth)},
				Plot:  panels,
			}
		},
	}
}

// arrivalsOf is when each write of a trial reaches the server.
func arrivalsOf(a sim.Algorithm) []time.Duration {
	result, err := sim.Jitter(context.Background(), sim.PublishedJitter(jitterClients, a, 1, jitterSeed))
	if err != nil {
		panic(fmt.Errorf("figures: published parameters are refused: %w", err))
	}
	return result.Arrivals
}

// binned counts the arrivals of the first part.
func binned(arrivals []time.Duration) chart.Histogram {
	counts := sim.Histogram(arrivals, binWidth)
	bins := make(chart.Histogram, firstPart/binWidth)
	for i := range bins {
		from := time.Duration(i) * binWidth
		bins[i] = chart.Bin{From: inMillis(from), To: inMillis(from + binWidth)}
		if i < len(counts) {
			bins[i].Count = float64(counts[i])
		}
	}
	return bins
}

// settled is when those who came together at first would have parted, had they something to part them.
const settled = 250 * time.Millisecond

// crowdAfter is the fullest bin from then on.
func crowdAfter(bins chart.Histogram) float64 { return most(bins[settled/binWidth:]) }

func most(bins chart.Histogram) float64 {
	n := 0.0
	for _, b := range bins {
		n = max(n, b.Count)
	}
	return n
}
