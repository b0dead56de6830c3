package figures

import (
	"fmt"
	"time"

	"afloat/internal/chart"
	"afloat/internal/policy"
)

const (
	netRate     = 1000                  // reads a second
	netHits     = 0.95                  // of the reads are answered by the cache
	netArticles = 100                   // read by Zipf's law, exponent 1
	netQuery    = 50 * time.Millisecond // of a database that has much to do
)

// safetyNetLoad is lesson 11's: whoever falls back to the database falls on it, unless something bounds that.
func safetyNetLoad() Figure {
	return Figure{
		Name: "safety-net-load", Label: Computed, Code: "internal/figures/safetynet.go",
		How: "Reads × (1 − share of hits); with coalescing one query for an article at a time; with a bulkhead places ÷ time of a query",
		draw: func() chart.Figure {
			l := netLoads()
			return chart.Figure{
				Title: fmt.Sprintf("Without its cache the database gets %.0f times the queries; shared and bounded, %.1f times", l.gone/l.up, l.bounded/l.up),
				Desc:  fmt.Sprintf("Queries that reach the database for %d reads a second of %d articles, of which the cache answers %s. A query takes %s; the bulkhead is that of post reads, with %d places. What it refuses is served from an older copy.", netRate, netArticles, percent(netHits, 0), millis(netQuery), policy.Afloat().PostReads.Bulkhead.Limit),
				X:     chart.Axis{Label: "queries", Unit: "/s"},
				Plot: chart.Bars{
					{Label: "the cache is there", Value: l.up, Colour: chart.Green},
					{Label: "it is gone: everyone asks", Value: l.gone, Colour: chart.Vermillion},
					{Label: "gone, with coalescing", Value: l.shared, Colour: chart.Orange},
					{Label: "gone, with coalescing and a bulkhead", Value: l.bounded, Colour: chart.Blue},
				},
			}
		},
	}
}

// netLoad is what reaches the database a second.
type netLoad struct{ up, gone, shared, bounded float64 }

func netLoads() netLoad {
	l := netLoad{up: netRate * (1 - netHits), gone: netRate}
	harmonic := 0.0
	for k := 1; k <= netArticles; k++ {
		harmonic += 1 / float64(k)
	}
	for k := 1; k <= netArticles; k++ {
		rate := netRate / harmonic / float64(k)
		l.shared += rate / (1 + rate*netQuery.Seconds()) // a query, and then the wait for the next who misses
	}
	places := float64(policy.Afloat().PostReads.Bulkhead.Limit)
	l.bounded = min(l.shared, places/netQuery.Seconds())
	return l
}
