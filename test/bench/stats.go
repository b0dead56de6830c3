package main

import (
	"slices"
	"time"
)

// percentile is the nearest-rank percentile of durations, in milliseconds; 0
// of none. It sorts them.
func percentile(d []time.Duration, percent float64) float64 {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	rank := int(float64(len(d))*percent/100 + 0.999999)
	return ms(d[max(rank, 1)-1])
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median of an even number of values is the mean of the two in the middle.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
