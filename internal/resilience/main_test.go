package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"afloat/internal/resilience"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// errRefused is what a dialer returns where nothing listens.
var errRefused = fmt.Errorf("dial tcp 127.0.0.1:5432: %w", syscall.ECONNREFUSED)

var errMissing = errors.New("no such post")

// hang answers only when its context ends, as a well-behaved driver does.
func hang(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func succeed(context.Context) (string, error) { return "post", nil }

// failTimes fails its first n calls, and counts them all.
func failTimes(n int, err error) (call func(context.Context) (string, error), calls *int) {
	calls = new(int)
	return func(context.Context) (string, error) {
		if *calls++; *calls <= n {
			return "", err
		}
		return "post", nil
	}, calls
}

func newGuard(t testing.TB, p resilience.Policy, observe func(resilience.Event)) *resilience.Guard {
	t.Helper()
	g, err := resilience.NewGuard(p, nil, observe)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// must is for examples, which have no *testing.T.
func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

const ms = time.Millisecond
