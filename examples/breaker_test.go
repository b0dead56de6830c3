package examples_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

var errDown = errors.New("shard is down")

// One of three shards is down, and a breaker is to open when three of ten calls
// fail. One for all of them cuts off the two that are well.
func Example_breakerPerShard() {
	build := func() circuitbreaker.CircuitBreaker[string] {
		return circuitbreaker.NewBuilder[string]().
			WithFailureRateThreshold(0.3, 10, time.Minute). // of at least ten calls in a minute
			WithDelay(time.Hour).                           // open for longer than this takes
			Build()
	}
	common := build()
	fmt.Println("one for all:", served(common, common, common))
	fmt.Println("one a shard:", served(build(), build(), build()))
	// Output:
	// one for all: 6 of 300 served, the dead shard asked 4 times
	// one a shard: 200 of 300 served, the dead shard asked 10 times
}

// served makes 300 calls to three shards in turn, each behind its breaker. The
// first one is down.
func served(breakers ...circuitbreaker.CircuitBreaker[string]) string {
	ok, asked := 0, 0
	for i := range 300 {
		shard := i % len(breakers)
		_, err := failsafe.With(breakers[shard]).Get(func() (string, error) {
			if shard == 0 {
				asked++
				return "", errDown
			}
			return "an answer", nil
		})
		if err == nil {
			ok++
		}
	}
	return fmt.Sprintf("%d of 300 served, the dead shard asked %d times", ok, asked)
}
