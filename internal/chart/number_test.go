package chart

import (
	"fmt"
	"math"
	"testing"
)

func TestNumbers(t *testing.T) {
	percent := Axis{Unit: "%"}
	for _, test := range []struct {
		axis Axis
		v    float64
		want string
	}{
		{Axis{}, 0, "0"},
		{Axis{}, 2423, "2423"},
		{Axis{}, 12_000, "12\u202f000"},
		{Axis{}, 1_234_567.8, "1\u202f234\u202f568"},
		{Axis{}, -300, "−300"},
		{Axis{}, 0.12345, "0.1235"},
		{Axis{}, 1e300, "1e+300"},
		{Axis{}, 5e-324, "4.941e−324"},
		{Axis{}, math.NaN(), "–"},
		{Axis{Unit: "ms"}, math.Inf(1), "–"},
		{Axis{Unit: "ms"}, 41.04, "41.04\u202fms"},
		{Axis{Unit: "/s"}, 1196, "1196/s"},
		{percent, 99.98, "99.98\u202f%"},
		{percent, 99.9999, "99.9999\u202f%"},
		{percent, 100, "100\u202f%"},
		{Axis{Unit: "%", Digits: 2}, 99.9996, "99.9996\u202f%"},
		{Axis{Unit: "%", Digits: 2}, 0.001, "0.001\u202f%"},
		{Axis{Digits: 1}, 5, "5.0"},
	} {
		if got := test.axis.value(test.v); got != test.want {
			t.Errorf("%v in %+v is %q, want %q", test.v, test.axis, got, test.want)
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		n         int
		want      string
	}{
		{0, 100, 5, "[0 20 40 60 80 100]"},
		{0, 1, 5, "[0 0.2 0.4 0.6 0.8 1.0]"},
		{-300, 0, 3, "[−300 −200 −100 0]"},
		{99, 100, 2, "[99.0 99.5 100.0]"},
		{0, 3e6, 3, "[0 1\u202fM 2\u202fM 3\u202fM]"},
		{0, 30_000, 3, "[0 10\u202f000 20\u202f000 30\u202f000]"},
	} {
		var got []string
		step := stride(test.high-test.low, test.n)
		for _, v := range ticks(test.low, test.high, step) {
			got = append(got, tickLabel(v, step))
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("from %v to %v: %v, want %s", test.low, test.high, got, test.want)
		}
	}
}

func TestCountLosesNothing(t *testing.T) {
	for _, values := range [][]float64{{1}, {0, 0, 0}, {1, 2, 3, 100}, {-5, 5}, {1e12, 1e12 + 1}, {1e-9, 2e-9}, waits()[1:]} {
		bins := Count(append(values, math.NaN(), math.Inf(-1)), 10)
		sum := 0.0
		for i, b := range bins {
			sum += b.Count
			if i > 0 && b.From != bins[i-1].To {
				t.Errorf("bin %d of %v begins at %v, the one before ends at %v", i, values[0], b.From, bins[i-1].To)
			}
		}
		if sum != float64(len(values)) || len(bins) > 12 {
			t.Errorf("%d values from %v on: %v in %d bins", len(values), values[0], sum, len(bins))
		}
	}
	bins := Count([]float64{0, 1, 1.9, 2, 10}, 5)
	if got := fmt.Sprint(bins); got != "[{0 2 3} {2 4 1} {4 6 0} {6 8 0} {8 10 1}]" {
		t.Errorf("bins %s", got)
	}
}
