package experiments

import (
	"context"
	"errors"
	"testing"
	"time"

	"afloat/internal/lab"
)

func TestJitter(t *testing.T) {
	rig := newRig(t)
	met(t, "jitter", rig)
	noCounter(t, rig)
}

func TestJitterCancelled(t *testing.T) {
	rig := newRig(t)
	cancelled(t, "jitter", rig, 0.3)
	noCounter(t, rig)
}

// TestJitterCancelledWhileConnecting: a run that is stopped before it has all its connections gives back those it has.
func TestJitterCancelledWhileConnecting(t *testing.T) {
	rig := newRig(t)
	mine, err := rig.Postgres.Acquire(t.Context()) // so that the last of them has to wait
	if err != nil {
		t.Fatal(err)
	}
	defer mine.Release()
	most := rig.Postgres.Config().MaxConns
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for rig.Postgres.Stat().AcquiredConns() < most {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := newContest(ctx, rig, int(most)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
	if n := rig.Postgres.Stat().AcquiredConns(); n != 1 {
		t.Errorf("%d connections are out, want the one that is the test's", n)
	}
}

// noCounter wants the table of the contest gone.
func noCounter(t *testing.T, rig *lab.Rig) {
	t.Helper()
	var left bool
	if err := rig.Postgres.QueryRow(t.Context(), `select to_regclass('lab_counter') is not null`).Scan(&left); err != nil || left {
		t.Errorf("the table is left behind: %v, %v", left, err)
	}
}
