package examples_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// failsafe-go's backoff has no jitter unless it is told to. Full jitter is a
// function of how many retries there were.
func Example_fullJitter() {
	base, most := time.Millisecond, 4*time.Millisecond
	retry := func() retrypolicy.Builder[string] { return retrypolicy.NewBuilder[string]().WithMaxRetries(3) }
	fmt.Println("backoff:    ", waits(retry().WithBackoff(base, most)))

	draw := func() float64 { return 0.5 } // in production rand.Float64
	fmt.Println("full jitter:", waits(retry().WithDelayFunc(func(e failsafe.ExecutionAttempt[string]) time.Duration {
		ceiling := min(most, base<<e.Retries())
		return time.Duration(draw() * float64(ceiling))
	})))
	// Output:
	// backoff:     [1ms 2ms 4ms]
	// full jitter: [500µs 1ms 2ms]
}

// waits makes a call that always fails, and tells how long each retry waited.
func waits(b retrypolicy.Builder[string]) (waited []time.Duration) {
	retry := b.OnRetryScheduled(func(e failsafe.ExecutionScheduledEvent[string]) { waited = append(waited, e.Delay) }).Build()
	_, _ = failsafe.With(retry).Get(func() (string, error) { return "", errors.New("refused") })
	return waited
}
