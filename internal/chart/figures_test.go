package chart

import (
	"maps"
	"math"
	"math/rand/v2"
)

// figures are examples of every kind, ordinary and hostile, that all tests look at.
func figures() map[string]Figure {
	all := plots()
	maps.Copy(all, diagrams())
	return all
}

func plots() map[string]Figure {
	minute := Axis{Label: "time since the start", Unit: "s", Max: 60}
	latency := Axis{Label: "latency", Unit: "ms"}
	fault := []Mark{{At: 15, For: 25, Label: "Postgres hangs"}, {At: 17.5, Label: "breaker open"}, {At: 43, Label: "breaker half-open"}, {At: 44, Label: "breaker closed"}}
	percent := Axis{Label: "answered within 1 s", Unit: "%", Max: 100}
	return map[string]Figure{
		"lines": {
			ID: "latency", Title: "Protected readers wait 41 ms at most while Postgres hangs; naive ones wait 3 s",
			Desc: "Latency over time, measured, 200 readers/s.", X: minute, Y: latency, Marks: fault,
			Plot: Lines{wave("protected p50", 12, 14), wave("protected p99", 35, 41), wave("naive p50", 15, 2900), wave("naive p99", 60, 3000)},
		},
		"stacked": {
			ID: "outcomes", Title: "No reader of 12 000 got an error while Postgres hung", Desc: "Readers' outcomes, measured.",
			X: minute, Y: Axis{Label: "readers", Unit: "/s"}, Marks: fault,
			Plot: Stacked{outcomes("fresh", 160, 0), outcomes("cached", 40, 120), outcomes("stale", 0, 60), outcomes("partial", 0, 15), outcomes("failed", 0, 5)},
		},
		"now": {
			ID: "now", Title: "The last five minutes", X: Axis{Label: "time before now", Unit: "s", Min: -300}, Y: latency,
			Marks: []Mark{{At: -90, For: math.Inf(1), Label: "Redis refuses"}, {At: -400, Label: "too long ago"}},
			Plot:  Lines{{Name: "p99", Points: []Point{{-400, 9000}, {-300, 20}, {-200, 24}, {-100, 22}, {0, 310}}}},
		},
		"bars": {
			ID: "jitter", Title: "Full jitter needs a third of the calls", Desc: "100 clients, 200 trials, simulated.",
			X: Axis{Label: "calls until all are done"},
			Plot: Bars{
				{Label: "none", Value: 2418, Low: 2380, High: 2460, Reference: Reference{2423, "published"}},
				{Label: "exponential", Value: 1861, Low: 1800, High: 1921, Reference: Reference{1858, "published"}},
				{Label: "equal jitter", Value: 815, Low: 790, High: 840, Reference: Reference{812, "published"}},
				{Label: "full jitter", Value: 792, Low: 770, High: 811, Reference: Reference{796, "published"}},
				{Label: "decorrelated jitter", Value: 1004, Low: 960, High: 1040, Reference: Reference{1001, "published"}},
			},
		},
		"groups": {
			ID: "burden", Title: "Naive readers keep 1196 queries waiting, protected ones send 3", X: Axis{Label: "queries", Unit: "/s"},
			Plot: Bars{
				{Group: "Postgres", Label: "protected", Value: 3}, {Group: "Postgres", Label: "naive", Value: 1196},
				{Group: "Redis", Label: "protected", Value: 240.25}, {Group: "Redis", Label: "naive", Value: math.NaN()},
			},
		},
		"interval": {
			ID: "ladder", Title: "Isolation buys most: from 72.9 % to 99.1 %", Desc: "95 % intervals, block bootstrap over outage cycles.",
			X: percent, Reference: Reference{72.9, "formula"},
			Plot: Interval{
				{Label: "naive", Value: 71.4, Low: 66, High: 76.2}, {Label: "and isolation", Value: 99.1, Low: 98.2, High: 99.6},
				{Label: "and a deadline that travels with the request through every call", Value: 99.98, Low: 99.9, High: 99.999, Reference: Reference{99.98, "formula"}},
				{Label: "and stale answers", Value: math.NaN()},
			},
		},
		"zoomed": {
			ID: "nines", Title: "Protected: three nines and more", X: Axis{Label: "availability", Unit: "%", Min: 99, Max: 100, Digits: 2},
			Plot: Interval{{Label: "seed 1", Value: 99.98, Low: 99.5, High: 100}, {Label: "seed 2", Value: 98, Low: 97, High: 99.4}, {Label: "seed 3", Value: 99.999, Low: 99.99, High: 100}},
		},
		"histogram": {
			ID: "spread", Title: "Most readers wait 10 ms", X: latency, Y: Axis{Label: "readers"}, Marks: []Mark{{At: 10, Label: "median"}, {At: 24, Label: "p99"}},
			Plot: Count(waits(), 20),
		},
		"backoff": {
			ID: "backoff", Title: "Backoff helps 100 serial clients and no unbounded ones", X: Axis{Label: "backoff", Unit: "ms"}, Y: Axis{Label: "attempts", Unit: "/s"},
			Reference: Reference{1000, "offered"},
			Plot: Lines{
				{Name: "unbounded clients", Points: []Point{{0, 1892}, {12.5, 1880}, {25, 1875}, {50, 1860}, {100, 1856}}},
				{Name: "100 serial clients", Points: []Point{{0, 1721}, {12.5, 1500}, {25, 1300}, {50, 1050}, {100, 803}}},
			},
		},
		"crowd": {
			ID: "crowd", Title: "Eight series end at one place", X: minute, Y: latency, Height: 100, Marks: crowd(),
			Plot: Lines{level("one", 5), level("two", 5), level("three of a name that takes several lines", 5), level("four", 5.1), level("five", 0), level("six", 10), level("seven", 10), {Name: "eight"}},
		},
		"gaps": {
			ID: "gaps", Title: "Not every second has an answer", X: minute, Y: latency,
			Plot: Lines{{Name: "p99", Points: []Point{{0, 5}, {10, math.NaN()}, {20, 7}, {30, math.Inf(1)}, {40, -3}, {50, 8}, {55, 9}, {math.NaN(), 4}}}},
		},
		"point":   {ID: "point", Title: "One point", X: Axis{Label: "time", Unit: "s"}, Y: latency, Plot: Lines{{Name: "p99", Points: []Point{{0, 0}}}}},
		"column":  {ID: "column", Title: "One column", X: Axis{Label: "time", Unit: "s"}, Y: latency, Plot: Stacked{{Name: "all", Points: []Point{{3, 2}}}}},
		"huge":    {ID: "huge", Title: "Huge", X: Axis{Label: "time"}, Y: Axis{Label: "bytes", Unit: "B/s"}, Plot: Stacked{{Name: "a", Points: []Point{{0, 9e299}, {1, 1e300}}}, {Name: "b", Points: []Point{{0, 9e299}, {1, 3e9}}}}},
		"largest": {ID: "largest", Title: "Larger than can be drawn", Plot: Lines{{Name: "a", Points: []Point{{0, math.MaxFloat64}, {1, 12_345_678}}}}},
		"tiny":    {ID: "tiny", Title: "Tiny", Plot: Lines{{Name: "a", Points: []Point{{0, 5e-324}, {1e-9, 3e-9}}}}},
		"hostile": {
			ID: `"><script>`, Title: `</title><script>alert("1")</script>` + "\x00\xff", Desc: "]]> & <b>", X: Axis{Label: "<script>x", Unit: "<&>"}, Y: Axis{Label: "<script>y", Unit: `"'`},
			Marks: []Mark{{At: 1, Label: "<script>m"}}, Reference: Reference{3, "<script>r"},
			Plot: Stacked{{Name: "<script>s", Points: []Point{{0, 1}, {1, 2}}}, {Name: "</text>", Points: []Point{{0, 1}, {1, 2}}}},
		},
		"hostile rows": {
			ID: "rows", Title: "<script>", X: Axis{Label: "<script>"}, Reference: Reference{3, "<script>r"},
			Plot: Bars{{Group: "<script>g", Label: "<script>l", Value: 2, Reference: Reference{1, "<script>p"}}},
		},
		"empty":          {ID: "empty", Title: "Nothing", Plot: Lines{{Name: "p99"}}},
		"no plot":        {ID: "none", Title: "Nothing"},
		"no outcomes":    {ID: "outcomes-none", Title: "Nothing", Plot: Stacked{}},
		"no bars":        {ID: "bars-none", Title: "Nothing", Plot: Bars{}},
		"no rows":        {ID: "rows-none", Title: "Nothing", Plot: Interval(nil)},
		"no values":      {ID: "values-none", Title: "Nothing", Plot: Count([]float64{math.NaN()}, 5)},
		"nothing at all": {},
	}
}

func wave(name string, calm, under float64) Series {
	s := Series{Name: name}
	for i := range 61 {
		v := calm
		if i >= 15 && i < 43 {
			v = under
		}
		s.Points = append(s.Points, Point{float64(i), v * (1 + .08*math.Sin(float64(i)))})
	}
	return s
}

func outcomes(name string, calm, under float64) Series {
	s := Series{Name: name}
	for i := range 60 {
		v := calm
		if i >= 15 && i < 43 {
			v = under
		}
		s.Points = append(s.Points, Point{float64(i), v})
	}
	return s
}

func level(name string, v float64) Series {
	return Series{Name: name, Points: []Point{{0, v}, {60, v}}}
}

func crowd() []Mark {
	var all []Mark
	for i := range 12 {
		all = append(all, Mark{At: 20 + float64(i)/2, Label: "breaker open"})
	}
	return append(all, Mark{At: 60, Label: "the end, which has a label so long that no phone could hold all of it in a line"})
}

func waits() []float64 {
	random := rand.New(rand.NewPCG(1, 2))
	all := []float64{math.Inf(1)}
	for range 2000 {
		all = append(all, 5+5*random.ExpFloat64())
	}
	return all
}
