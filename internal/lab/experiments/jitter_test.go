package experiments

import (
	"testing"

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

// noCounter wants the table of the contest gone.
func noCounter(t *testing.T, rig *lab.Rig) {
	t.Helper()
	var left bool
	if err := rig.Postgres.QueryRow(t.Context(), `select to_regclass('lab_counter') is not null`).Scan(&left); err != nil || left {
		t.Errorf("the table is left behind: %v, %v", left, err)
	}
}
