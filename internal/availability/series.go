package availability

import (
	"fmt"
	"math"
	"time"
)

// Series and parallel: how available is a page that needs several parts?
//
// Idea: parts that fail independently are all up for the product of their shares. So each part that a page cannot do
// without takes some of its availability away, and each alternative gives some back. It misleads where the failures
// have a common cause, such as one database behind two parts: the product is then too low for the series, and far too
// high for the parallel. Lesson 1 shows it, after Hystrix's wiki, which rounds 0.9999^30 to 99.7 % and "2+ hours
// downtime/month".

// Month is the month of [PerMonth].
const Month = 30 * 24 * time.Hour

// Check reports a value that is no availability, probability or share: its name, the value and the range.
func Check(name string, v float64) error {
	if !(v >= 0 && v <= 1) { // NaN compares false
		return fmt.Errorf("%s is %v: it must be from 0 to 1, a share and not a percentage", name, v)
	}
	return nil
}

// Series is the availability of what needs all its parts; 1 for no parts.
func Series(parts ...float64) float64 {
	all := 1.0
	for _, a := range parts {
		all *= a
	}
	return all
}

// Parallel is the availability of what needs any one of its parts; 0 for no parts.
func Parallel(parts ...float64) float64 {
	none := 1.0
	for _, a := range parts {
		none *= 1 - a
	}
	return 1 - none
}

// WithFallback is the availability of an origin with copies to fall back on: covered is the share of requests for
// which there is an acceptable copy while the origin is down. It counts a stale answer as served.
func WithFallback(origin, covered float64) float64 { return origin + (1-origin)*covered }

// Nines is the availability on a logarithmic scale: 3 for 99.9 %, and +Inf for 1.
func Nines(a float64) float64 { return -math.Log10(1 - a) }

// PerMonth is the downtime in a month of 30 days.
func PerMonth(a float64) time.Duration {
	return time.Duration(math.Round((1 - a) * float64(Month)))
}
