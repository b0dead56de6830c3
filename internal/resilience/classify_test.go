package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"afloat/internal/resilience"
)

// serverError is an error with an SQLSTATE, such as pgconn.PgError.
type serverError string

func (e serverError) Error() string    { return "server says " + string(e) }
func (e serverError) SQLState() string { return string(e) }

func TestErrClassAndDefaultClass(t *testing.T) {
	_, deadline := resilience.Deadline(t.Context(), 1, hang)
	_, panicked := resilience.Isolate(func() (int, error) { panic(context.Canceled) })
	for _, test := range []struct {
		err   error
		name  string
		class resilience.Class
	}{
		{context.Canceled, "canceled", resilience.Neutral},
		{context.DeadlineExceeded, "timeout", resilience.Transient},
		{deadline, "timeout", resilience.Transient},
		{os.ErrDeadlineExceeded, "timeout", resilience.Transient},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "timeout", resilience.Transient},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "refused", resilience.Transient},
		{syscall.EHOSTUNREACH, "unreachable", resilience.Transient},
		{syscall.ECONNRESET, "reset", resilience.Transient},
		{syscall.EPIPE, "reset", resilience.Transient},
		{io.EOF, "closed", resilience.Transient},
		{io.ErrUnexpectedEOF, "closed", resilience.Transient},
		{net.ErrClosed, "closed", resilience.Transient},
		{resilience.ErrOpen, "breaker open", resilience.Permanent},
		{resilience.ErrFull, "bulkhead full", resilience.Permanent},
		{panicked, "panic", resilience.Permanent},
		{serverError("57014"), "postgres 57014", resilience.Permanent},
		{errMissing, "other", resilience.Permanent},
	} {
		for _, err := range []error{test.err, fmt.Errorf("reading posts: %w", test.err), errors.Join(errors.New("first"), test.err)} {
			if got := resilience.ErrClass(err); got != test.name {
				t.Errorf("ErrClass(%v) = %q, want %q", err, got, test.name)
			}
			if got := resilience.DefaultClassifier(err); got != test.class {
				t.Errorf("DefaultClassifier(%v) = %v, want %v", err, got, test.class)
			}
		}
	}
	if got := resilience.ErrClass(nil); got != "" {
		t.Errorf("ErrClass(nil) = %q", got)
	}
}

// A program adds what it knows of its own errors before the default.
func ExampleClassifier() {
	classify := func(err error) resilience.Class {
		if errors.Is(err, errMissing) {
			return resilience.Neutral // an answer, and no failure
		}
		return resilience.DefaultClassifier(err)
	}
	fmt.Println(classify(errMissing), classify(errRefused), classify(errors.New("syntax error")))
	fmt.Println(resilience.ErrClass(errRefused))
	// Output:
	// neutral transient permanent
	// refused
}
