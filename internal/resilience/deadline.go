package resilience

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Deadline: how long do I wait?
//
// Problem: a dependency that hangs holds its caller, and the caller's memory,
// connection and reader, for ever; failing would be cheaper for everybody.
// Mechanism: a context that ends after a fixed time, and travels with the call
// so that everything below gives up as well. It is cooperative, not preemptive:
// a call that ignores its context keeps its caller waiting, since the only
// other way is to abandon a goroutine that may still write to shared state. It
// hurts when the limit is shorter than a healthy slow answer: every false
// timeout is work done in vain, and with retries it is done again. Lesson 3
// shows it.

// ErrDeadline marks an error caused by a limit of this package, as opposed to
// one that the caller brought along. It is also context.DeadlineExceeded.
var ErrDeadline = fmt.Errorf("limit reached: %w", context.DeadlineExceeded)

// Deadline runs call with a context that ends after d; d ≤ 0 sets no limit.
// An error after that moment is ErrDeadline and keeps what call returned; an
// answer that comes late all the same is returned. The caller's own
// cancellation, or its own shorter deadline, is passed on unchanged.
func Deadline[T any](ctx context.Context, d time.Duration, call func(context.Context) (T, error)) (T, error) {
	if d <= 0 {
		return call(ctx)
	}
	// The cause tells whose limit ended the context: with nested deadlines
	// and a caller who leaves, ctx.Err() alone can't.
	expiry := &deadlineError{limit: d}
	limited, cancel := context.WithTimeoutCause(ctx, d, expiry)
	defer cancel()
	v, err := call(limited)
	if err != nil && errors.Is(context.Cause(limited), expiry) {
		err = &deadlineError{limit: d, err: err}
	}
	return v, err
}

type deadlineError struct {
	limit time.Duration
	err   error // what the call returned; nil while this is only a context's cause
}

func (e *deadlineError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("no answer within %v", e.limit)
	}
	return fmt.Sprintf("no answer within %v: %v", e.limit, e.err)
}

// Unwrap lets errors.Is find the limit and the call's own error.
func (e *deadlineError) Unwrap() []error { return []error{ErrDeadline, e.err} }
