package examples_test

import (
	"errors"
	"fmt"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/fallback"
)

// An optional part in failsafe-go: its error becomes a placeholder, and the
// listener is where the error leaves a mark. Without one it is swallowed.
func Example_optionalPart() {
	missing := 0
	placeholder := fallback.NewBuilderWithResult("Comments are out of reach.").
		OnFallbackExecuted(func(failsafe.ExecutionDoneEvent[string]) { missing++ }).
		Build()
	comments, err := failsafe.With(placeholder).Get(func() (string, error) {
		return "", errors.New("connection refused")
	})
	fmt.Println(comments, err)
	fmt.Println("parts missing:", missing)
	// Output:
	// Comments are out of reach. <nil>
	// parts missing: 1
}

// What it doesn't do: a panic goes through every policy to whoever called.
func Example_panicPasses() {
	defer func() { fmt.Println("the caller meets:", recover()) }()
	placeholder := fallback.NewWithResult("Comments are out of reach.")
	_, _ = failsafe.With(placeholder).Get(func() (string, error) { panic("a bug in a widget") })
	// Output: the caller meets: a bug in a widget
}
