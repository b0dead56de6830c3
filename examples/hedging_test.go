package examples_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/hedgepolicy"
)

func Example_hedgeWaitsForAnAnswer() {
	arrives := make(chan struct{}) // the first copy's answer, late
	ask := secondRefused(arrives)
	asItIs := hedgepolicy.NewWithDelay[string](time.Millisecond)
	answersOnly := hedgepolicy.NewBuilderWithDelay[string](time.Millisecond).
		CancelIf(func(_ string, err error) bool { return err == nil }).
		OnHedge(func(failsafe.ExecutionEvent[string]) { close(arrives) }).
		Build()
	_, err := failsafe.With[string](asItIs).GetWithExecution(ask)
	page, _ := failsafe.With[string](answersOnly).GetWithExecution(ask)
	fmt.Printf("as it is: %v\nanswers only: %s\n", err, page)
	// Output:
	// as it is: second copy: refused
	// answers only: first copy: a page
}

// secondRefused is a call whose second copy fails at once, while the first is on its way.
func secondRefused(arrives <-chan struct{}) func(failsafe.Execution[string]) (string, error) {
	return func(copied failsafe.Execution[string]) (string, error) {
		if copied.IsHedge() {
			return "", errors.New("second copy: refused")
		}
		select {
		case <-arrives:
			return "first copy: a page", nil
		case <-copied.Canceled():
			return "", errors.New("first copy: cancelled")
		}
	}
}
