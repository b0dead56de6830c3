package resilience_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"afloat/internal/resilience"
)

var jitters = []resilience.Jitter{
	"", resilience.NoJitter, resilience.EqualJitter, resilience.FullJitter, resilience.DecorrelatedJitter,
}

// Every wait lies between what its jitter promises, whatever the numbers.
func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "base"))
		b := resilience.Backoff{
			Base:   base,
			Cap:    time.Duration(rapid.Int64Range(int64(base), math.MaxInt64).Draw(t, "cap")),
			Jitter: rapid.SampledFrom(jitters).Draw(t, "jitter"),
		}
		retry := rapid.IntRange(1, 200).Draw(t, "retry")
		prev := time.Duration(rapid.Int64Range(int64(base), int64(b.Cap)).Draw(t, "prev"))
		u := rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(t, "u")

		ceiling := b.Ceiling(retry)
		if ceiling < b.Base || ceiling > b.Cap || ceiling > b.Ceiling(retry+1) {
			t.Fatalf("ceiling %v is not between base and cap, or the next one is lower", ceiling)
		}
		var low, high time.Duration
		switch b.Jitter {
		case resilience.EqualJitter:
			low, high = ceiling/2, ceiling
		case resilience.FullJitter:
			low, high = 0, ceiling
		case resilience.DecorrelatedJitter:
			low, high = b.Base, b.Cap
		default:
			low, high = ceiling, ceiling
		}
		wait := b.Delay(retry, prev, u)
		// Decorrelated waits are computed in float64, exact to one part in 2^52.
		if slack := low >> 50; wait < low-slack || wait > high {
			t.Fatalf("wait %d is outside %d to %d", wait, low, high)
		}
	})
}

func TestBackoffFormulas(t *testing.T) {
	b := resilience.Backoff{Base: 10 * ms, Cap: 65 * ms}
	for retry, want := range []time.Duration{1: 10 * ms, 2: 20 * ms, 3: 40 * ms, 4: 65 * ms, 5: 65 * ms} {
		if retry > 0 && b.Ceiling(retry) != want {
			t.Errorf("Ceiling(%d) = %v, want %v", retry, b.Ceiling(retry), want)
		}
	}
	for _, test := range []struct {
		jitter resilience.Jitter
		want   time.Duration
	}{
		{resilience.NoJitter, 40 * ms},
		{resilience.EqualJitter, 25 * ms},                // 20 + a quarter of 20
		{resilience.FullJitter, 10 * ms},                 // a quarter of 40
		{resilience.DecorrelatedJitter, 2125 * ms / 100}, // 10 + a quarter of (3·18.33… − 10)
	} {
		b.Jitter = test.jitter
		prev := 55 * ms / 3
		if got := b.Delay(3, prev, 0.25); (got - test.want).Abs() > 1 {
			t.Errorf("%s: got %v, want %v", test.jitter, got, test.want)
		}
	}
}

// The ceilings of the waits, and one possible run of waits under each jitter.
func ExampleBackoff() {
	b := resilience.Backoff{Base: 10 * time.Millisecond, Cap: 50 * time.Millisecond}
	draws := []float64{0.7, 0.1, 0.9, 0.4} // in production rand.Float64()
	for _, b.Jitter = range []resilience.Jitter{resilience.NoJitter, resilience.EqualJitter, resilience.FullJitter} {
		fmt.Printf("%-6s", b.Jitter)
		for i, u := range draws {
			fmt.Printf("%6v", b.Delay(i+1, b.Base, u))
		}
		fmt.Println()
	}
	// Output:
	// none    10ms  20ms  40ms  50ms
	// equal  8.5ms  11ms  38ms  35ms
	// full     7ms   2ms  36ms  20ms
}
