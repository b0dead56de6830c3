package chart

import (
	"cmp"
	"math"
	"strconv"
	"strings"
)

const (
	thin  = "\u202f" // between a number and its unit, and between thousands
	minus = "\u2212"
	none  = "–" // where a table has no number
)

// value is a number with its unit.
func (a Axis) value(v float64) string {
	switch {
	case a.Unit == "" || !finite(v):
		return a.number(v)
	case strings.HasPrefix(a.Unit, "/"):
		return a.number(v) + a.Unit
	}
	return a.number(v) + thin + a.Unit
}

// title is what stands beside the axis and over a table's column.
func (a Axis) title() string {
	switch {
	case a.Unit == "":
		return a.Label
	case strings.HasPrefix(a.Unit, "/"):
		return strings.TrimSpace(a.Label + " (1" + a.Unit + ")")
	}
	return strings.TrimSpace(a.Label + " (" + a.Unit + ")")
}

// number rounds to the axis' digits, but never to a claim that is not true: what is not nothing is not rounded to 0,
// and what is less than all is not rounded to 100 %.
func (a Axis) number(v float64) string {
	if !finite(v) {
		return none
	}
	if math.Abs(v) >= 1e15 || v != 0 && math.Abs(v) < 1e-6 {
		return strings.ReplaceAll(strconv.FormatFloat(v, 'g', 4, 64), "-", minus)
	}
	digits := a.Digits
	if digits == 0 && v != 0 {
		digits = min(max(3-int(math.Floor(math.Log10(math.Abs(v)))), 0), 9)
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	for untrue := true; untrue && digits < 12; digits++ {
		rounded, _ := strconv.ParseFloat(s, 64) // it was formatted a moment ago
		if untrue = rounded == 0 && v != 0 || a.Unit == "%" && rounded == 100 && v < 100; untrue {
			s = strconv.FormatFloat(v, 'f', digits+1, 64)
		}
	}
	if a.Digits == 0 && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return grouped(s)
}

// grouped sets a thin space between thousands from 10 000 on.
func grouped(s string) string {
	sign := ""
	if s[0] == '-' {
		sign, s = minus, s[1:]
	}
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; len(whole) > 4 && i > 0; i -= 3 {
		whole = whole[:i] + thin + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}

// ticks are the multiples of step from low to high: few, unless low is too far from zero to tell them apart.
func ticks(low, high, step float64) []float64 {
	var all []float64
	first, last := math.Ceil(low/step-1e-9), math.Floor(high/step+1e-9)
	if math.Abs(first) > 1e12 || math.Abs(last) > 1e12 {
		return []float64{low}
	}
	for i := first; i <= last; i++ {
		all = append(all, i*step)
	}
	return all
}

// stride is 1, 2 or 5 times a power of ten, which goes about n times into the span.
func stride(span float64, n int) float64 {
	raw := span / float64(max(n, 1))
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// tickLabel has the decimals that the step needs, and a letter for millions and more.
func tickLabel(v, step float64) string {
	if v == 0 {
		return "0"
	}
	for _, unit := range []struct {
		size   float64
		letter string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}} {
		if size := unit.size; math.Abs(v) >= size && math.Abs(v) < 1e15 {
			return tickLabel(v/size, step/size) + thin + unit.letter
		}
	}
	if math.Abs(v) >= 1e15 || step < 1e-6 {
		return strings.ReplaceAll(strconv.FormatFloat(v, 'g', 4, 64), "-", minus)
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	return grouped(strconv.FormatFloat(v, 'f', digits, 64))
}

// sane is the axis without limits that are none.
func (a Axis) sane() Axis {
	for _, limit := range []*float64{&a.Min, &a.Max} {
		if !(math.Abs(*limit) <= huge) { // not a number is not, either
			*limit = 0
		}
	}
	return a
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// coordinate is a length in the drawing, to a tenth.
func coordinate(v float64) string {
	s := strconv.FormatFloat(math.Round(v*10)/10+0, 'f', 1, 64)
	return cmp.Or(strings.TrimSuffix(s, ".0"), "0")
}
