package resilience

import (
	"fmt"
	"runtime/debug"
)

// Isolate: what may fail without taking the page with it?
//
// Problem: a panic in an optional part ends the whole request, and one in a
// goroutine of its own ends the process. Mechanism: recover turns it into an
// error, which the caller handles as it handles a dependency that is down. It
// hurts when the error is swallowed: a bug then looks like an outage, or like
// nothing at all. So the stack travels with it, to be logged. Lesson 2 shows it.

// PanicError is a panic that Isolate caught.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the panicking goroutine's stack, as debug.Stack formats it
}

// Error leaves the stack out: it belongs in the log, not in a sentence.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Isolate runs call and returns a panic in it as a *PanicError. It can't reach
// a panic in a goroutine that call starts: each goroutine needs an Isolate of
// its own. Nor does it stop runtime.Goexit or a fatal error such as a
// concurrent map write.
func Isolate[T any](call func() (T, error)) (v T, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
	}()
	return call()
}
