package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSlopeFindsALeak(t *testing.T) {
	var flat, leaking []sample
	for minute := range 20 {
		at := time.Duration(minute) * time.Minute
		noise := float64(minute%3) - 1
		flat = append(flat, sample{at, []float64{100 + noise}})
		leaking = append(leaking, sample{at, []float64{100 + noise + float64(minute)}})
	}
	if got := slope(flat, 0); math.Abs(got) > 3 {
		t.Errorf("flat: %v an hour", got)
	}
	if got := slope(leaking, 0); math.Abs(got-60) > 3 {
		t.Errorf("one a minute: %v an hour", got)
	}
	if got := slope(flat[:1], 0); got != 0 {
		t.Errorf("a single sample has the slope %v", got)
	}
}

func TestReport(t *testing.T) {
	var all []sample
	for i := range 10 {
		v := float64(i)
		all = append(all, sample{time.Duration(i) * time.Hour, []float64{v, 2 * v, 3, 4}})
	}
	var out strings.Builder
	if err := report(&out, all); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"resident MB    0.0  0.0     5.0   9.0   9.0           +1.0", "goroutines    3.0  3.0     3.0   3.0   3.0           +0.0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in\n%s", want, out.String())
		}
	}
	if err := report(&out, all[:2]); err == nil {
		t.Error("two samples are enough for it")
	}
}
