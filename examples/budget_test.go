package examples_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/budget"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

// A hundred calls are in flight when their dependency dies, and each may try
// three times. failsafe-go's budget is a share of what is in flight.
func Example_retryBudget() {
	bare := retrypolicy.NewBuilder[string]().WithMaxAttempts(3)
	fmt.Println(storm(bare, 100))

	tenth := budget.NewBuilder().WithMaxRate(0.1).Build() // and at least 3 at a time, unless told otherwise
	budgeted := retrypolicy.NewBuilder[string]().WithMaxAttempts(3).WithBudget(tenth)
	fmt.Println(storm(budgeted, 100))

	// Output:
	// 300 tries, 0 calls ended by the budget
	// 115 tries, 97 calls ended by the budget
}

// storm has so many calls in flight at once, and then fails their tries one by
// one, in the order in which they were made: so the outcome is always the same.
func storm(policy retrypolicy.Builder[string], calls int) string {
	executor := failsafe.With(policy.Build())
	waiting, ended := make(chan chan error), make(chan error)
	call := func(context.Context) (string, error) {
		fail := make(chan error)
		waiting <- fail
		return "", <-fail
	}
	tries, refused, queue := 0, 0, []chan error{}
	next := func() { // the next try has been made, or a call has ended
		select {
		case try := <-waiting:
			tries, queue = tries+1, append(queue, try)
		case err := <-ended:
			if errors.Is(err, budget.ErrExceeded) {
				refused++
			}
		}
	}
	for range calls {
		go func() {
			_, err := executor.GetWithExecution(func(e failsafe.Execution[string]) (string, error) { return call(e.Context()) })
			ended <- err
		}()
		next()
	}
	for len(queue) > 0 {
		try := queue[0]
		queue = queue[1:]
		try <- errors.New("the dependency is down")
		next()
	}
	return fmt.Sprintf("%d tries, %d calls ended by the budget", tries, refused)
}
