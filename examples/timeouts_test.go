package examples_test

import (
	"context"
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/failsafe-go/failsafe-go/timeout"
)

// Two limits in failsafe-go, as in our guard: the outer is for the whole call,
// the inner for each attempt.
func Example_attemptTimeout() {
	whole := timeout.New[string](time.Minute)
	retry := retrypolicy.NewBuilder[string]().WithMaxAttempts(3).ReturnLastFailure().Build()
	attempt := timeout.New[string](time.Millisecond)
	attempts := 0
	_, err := failsafe.With[string](whole, retry, attempt).GetWithExecution(func(e failsafe.Execution[string]) (string, error) {
		attempts++
		<-e.Context().Done() // a dependency that hangs, and a call that heeds its context
		return "", e.Context().Err()
	})
	fmt.Printf("%d attempts: %v\n", attempts, err)
	// Output: 3 attempts: timeout exceeded
}

// Its timeout cancels, and says nothing of when: what is to travel to the next
// server is a context's deadline, and that has to be given.
func Example_deadlineTravels() {
	seen := func(e failsafe.Execution[bool]) (bool, error) {
		_, known := e.Context().Deadline()
		return known, nil
	}
	limit := timeout.New[bool](time.Minute)
	known, _ := failsafe.With[bool](limit).GetWithExecution(seen)
	fmt.Println("with a timeout the call knows its deadline:", known)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	known, _ = failsafe.With[bool](limit).WithContext(ctx).GetWithExecution(seen)
	fmt.Println("with a context's deadline:", known)
	// Output:
	// with a timeout the call knows its deadline: false
	// with a context's deadline: true
}
