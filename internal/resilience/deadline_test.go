package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

func TestDeadlineEndsAHangingCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := resilience.Deadline(t.Context(), 200*ms, hang)
		if took := time.Since(start); took != 200*ms {
			t.Errorf("took %v, want 200ms", took)
		}
		if !errors.Is(err, resilience.ErrDeadline) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want ErrDeadline and context.DeadlineExceeded", err)
		}
	})
}

func TestDeadlineKeepsTheCallsOwnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := resilience.Deadline(t.Context(), 200*ms, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, errRefused // drivers have words of their own for it
		})
		if !errors.Is(err, resilience.ErrDeadline) || !errors.Is(err, errRefused) {
			t.Errorf("got %v; want both ErrDeadline and the driver's error", err)
		}
		_, err = resilience.Deadline(t.Context(), 200*ms, func(context.Context) (int, error) { return 0, errRefused })
		if err != errRefused {
			t.Errorf("an error in time became %v", err)
		}
	})
}

func TestDeadlineIsTheCallersOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*ms, cancel)
		if _, err := resilience.Deadline(ctx, 200*ms, hang); err != context.Canceled {
			t.Errorf("a caller who left got %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 50*ms)
		defer cancel()
		if _, err := resilience.Deadline(ctx, 200*ms, hang); err != context.DeadlineExceeded {
			t.Errorf("a caller with less time got %v", err)
		}
	})
}

func TestDeadlineNamesTheLimitThatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := resilience.Deadline(t.Context(), 100*ms, func(ctx context.Context) (string, error) {
			return resilience.Deadline(ctx, 300*ms, hang)
		})
		if want := "no answer within 100ms: context deadline exceeded"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

func TestDeadlineIsCooperative(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v, err := resilience.Deadline(t.Context(), 100*ms, func(context.Context) (int, error) {
			time.Sleep(300 * ms) // ignores its context
			return 7, nil
		})
		if v != 7 || err != nil {
			t.Errorf("a late answer was thrown away: %v, %v", v, err)
		}
	})
}

func TestDeadlineOfZeroIsNone(t *testing.T) {
	_, err := resilience.Deadline(t.Context(), 0, func(ctx context.Context) (int, error) {
		if _, ok := ctx.Deadline(); ok {
			t.Error("the context has a deadline")
		}
		return 0, nil
	})
	if err != nil {
		t.Error(err)
	}
}

func ExampleDeadline() {
	query := func(ctx context.Context) (string, error) {
		<-ctx.Done() // a database that hangs
		return "", ctx.Err()
	}
	_, err := resilience.Deadline(context.Background(), 10*time.Millisecond, query)
	fmt.Println(err)
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// no answer within 10ms: context deadline exceeded
	// true
}
