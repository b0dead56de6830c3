package figures

import (
	"fmt"
	"strings"
	"time"
)

// thin keeps a number and its unit together, as package chart does.
const thin = "\u202f"

// percent writes a share as a percentage.
func percent(share float64, digits int) string {
	return fmt.Sprintf("%.*f"+thin+"%%", digits, 100*share)
}

// inMillis is a duration for an axis of milliseconds.
func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func millis(d time.Duration) string { return fmt.Sprintf("%.0f"+thin+"ms", inMillis(d)) }

func minutes(d time.Duration) string { return fmt.Sprintf("%.0f"+thin+"min", d.Minutes()) }

// span writes a policy's duration as people do: 500 ms, 31 s, 10 min, 24 h.
func span(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	if d < time.Second {
		return millis(d)
	}
	var said []string
	for _, u := range units {
		if n := d / u.of; n > 0 {
			said = append(said, fmt.Sprintf("%d"+thin+"%s", n, u.name))
			d -= n * u.of //nolint:durationcheck // n is a number of units
		}
	}
	if d > 0 {
		said = append(said, millis(d))
	}
	return strings.Join(said, " ")
}
