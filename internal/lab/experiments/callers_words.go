package experiments

import (
	"fmt"
	"math"

	"afloat/internal/lab"
)

// spread is the mean of repeated measurements, and their standard deviation; 0 of fewer than two.
func spread(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	for _, v := range values {
		sd += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sd / max(float64(len(values)-1), 1))
}

// digits writes a number with so many digits after the point.
func digits(n int, v float64) string { return fmt.Sprintf("%.*f", n, v) }

// plusMinus writes a mean and its spread.
func plusMinus(n int, mean, sd float64) string { return digits(n, mean) + " ± " + digits(n, sd) }

// signed writes a change, which always has a sign unless it is none.
func signed(n int, v float64) string {
	if digits(n, math.Abs(v)) == digits(n, 0) {
		return digits(n, 0)
	}
	return fmt.Sprintf("%+.*f", n, v)
}

// near holds a measurement against a value.
func near(claim string, n int, got, want, tolerance float64, source lab.Reference) lab.Check {
	return lab.Check{
		Claim: claim, Want: plusMinus(n, want, tolerance), Got: digits(n, got),
		Met: math.Abs(got-want) <= tolerance, Source: source,
	}
}

// below holds a measurement against the most that it may be.
func below(claim string, n int, got, most float64, source lab.Reference) lab.Check {
	return lab.Check{Claim: claim, Want: "at most " + digits(n, most), Got: digits(n, got), Met: got <= most+1e-9, Source: source}
}

// percent writes a share with its denominator.
func percent(part, whole int) string {
	if whole == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%.1f %% of %d", 100*float64(part)/float64(whole), whole)
}
