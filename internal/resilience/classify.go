package resilience

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Classify: which errors say that a dependency is unwell, and which of those
// are worth another try?
//
// Problem: to retry, to count against a breaker and to show to a reader are
// three decisions about one error; made in three places they contradict each
// other. Mechanism: one function sorts errors into classes, the rest reads the
// class. It hurts when the sorting is guesswork: retrying a permanent error is
// load without hope, and counting a reader's own cancellation lets impatient
// readers open a healthy dependency's breaker. Lesson 4 shows it.

// Class says what an error tells about the dependency that returned it.
type Class int

const (
	Neutral   Class = iota // says nothing of the dependency's health: not found, or the caller went away
	Transient              // may succeed if tried again; counts against the dependency
	Permanent              // would fail again; counts against the dependency
)

func (c Class) String() string {
	return [...]string{"neutral", "transient", "permanent"}[c]
}

// A Classifier sorts an error. It is called with errors only, never with nil,
// and by several goroutines at once.
type Classifier func(error) Class

// DefaultClassifier knows the errors of the standard library and of this
// package, and no driver's. Cancellation is Neutral. Timeouts are Transient, and
// so are connections refused, unreachable, reset or closed. The rest is
// Permanent, a panic and the refusal of a breaker or bulkhead included: trying
// again at once would meet the same.
func DefaultClassifier(err error) Class {
	switch ErrClass(err) {
	case "canceled":
		return Neutral
	case "timeout", "refused", "unreachable", "reset", "closed":
		return Transient
	default:
		return Permanent
	}
}

// ErrClass names the kind of err in a word or two, for labels, logs and the
// X-ray: it never holds text from the error itself, which may name hosts,
// users or queries. It is "" for nil and "other" for what it doesn't know.
func ErrClass(err error) string {
	if err == nil {
		return ""
	}
	is := func(targets ...error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
	// What this package did comes first: it wraps what it was told.
	if _, ok := errors.AsType[*PanicError](err); ok {
		return "panic"
	}
	switch {
	case is(ErrDeadline):
		return "timeout"
	case is(ErrOpen):
		return "breaker open"
	case is(ErrFull):
		return "bulkhead full"
	case is(ErrShed):
		return "shed"
	case is(ErrUnconfirmed):
		return "unconfirmed"
	case is(ErrBehind):
		return "replica behind"
	case is(context.Canceled):
		return "canceled"
	}
	if pg, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return "postgres " + pg.SQLState()
	}
	timeout, ok := errors.AsType[net.Error](err)
	switch {
	case ok && timeout.Timeout(), is(context.DeadlineExceeded, os.ErrDeadlineExceeded):
		return "timeout"
	case is(syscall.ECONNREFUSED):
		return "refused"
	case is(syscall.EHOSTUNREACH, syscall.ENETUNREACH):
		return "unreachable"
	case is(syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE):
		return "reset"
	case is(io.EOF, io.ErrUnexpectedEOF, net.ErrClosed):
		return "closed"
	default:
		return "other"
	}
}
