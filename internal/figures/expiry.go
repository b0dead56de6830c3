package figures

import (
	"fmt"
	"math/rand/v2"
	"time"

	"afloat/internal/chart"
)

const (
	herdSeed  = 10
	herdRate  = 200                    // requests a second for one key
	fillTakes = 100 * time.Millisecond // of the database, to make the copy anew
	around    = 200 * time.Millisecond // the expiry, is drawn
)

// expiryHerd is lesson 10's: everyone who comes while the copy is made anew asks for it, too, unless they share.
func expiryHerd() Figure {
	return Figure{
		Name: "expiry-herd", Label: Simulated, Code: "internal/figures/expiry.go",
		How: fmt.Sprintf("Poisson arrivals drawn with seed %d", herdSeed),
		draw: func() chart.Figure {
			arrivals := herd()
			alone, shared := queriesAfterExpiry(arrivals, false), queriesAfterExpiry(arrivals, true)
			return chart.Figure{
				Title: fmt.Sprintf("When one hot copy expires, the database gets %d queries for it, or %d if those who miss share", len(alone), len(shared)),
				Desc:  fmt.Sprintf("Requests for one key, %d a second, and the queries that they make, in each %s around the moment when its copy expires. A new copy takes %s to make.", herdRate, millis(binWidth), millis(fillTakes)),
				X:     chart.Axis{Label: "time since the copy expired", Unit: "ms", Min: inMillis(-around)},
				Y:     chart.Axis{Label: "in " + millis(binWidth)},
				Marks: []chart.Mark{{At: 0, Label: "expires"}, {At: inMillis(alone[0] + fillTakes), Label: "new copy"}},
				Plot: chart.Panels{
					{Label: fmt.Sprintf("Requests: %d", len(arrivals)), Bins: aroundExpiry(arrivals)},
					{Label: fmt.Sprintf("Queries, each reader for itself: %d", len(alone)), Bins: aroundExpiry(alone)},
					{Label: fmt.Sprintf("Queries, with coalescing: %d", len(shared)), Bins: aroundExpiry(shared)},
				},
			}
		},
	}
}

// herd is when readers come, from before the expiry until after it; 0 is the expiry.
func herd() []time.Duration {
	draw := rand.New(rand.NewPCG(herdSeed, 0))
	var all []time.Duration
	for at := -around; ; {
		at += time.Duration(draw.ExpFloat64() * float64(time.Second) / herdRate)
		if at >= around {
			return all
		}
		all = append(all, at)
	}
}

// queriesAfterExpiry are those arrivals that ask the database: all who come before the first answer is there, or the
// first of them alone.
func queriesAfterExpiry(arrivals []time.Duration, coalesce bool) []time.Duration {
	var asked []time.Duration
	for _, at := range arrivals {
		switch {
		case at < 0: // the old copy serves
		case len(asked) > 0 && (coalesce || at >= asked[0]+fillTakes):
			return asked
		default:
			asked = append(asked, at)
		}
	}
	return asked
}

func aroundExpiry(at []time.Duration) chart.Histogram {
	bins := make(chart.Histogram, 2*around/binWidth)
	for i := range bins {
		from := time.Duration(i)*binWidth - around
		bins[i] = chart.Bin{From: inMillis(from), To: inMillis(from + binWidth)}
	}
	for _, t := range at {
		bins[(t+around)/binWidth].Count++
	}
	return bins
}
