package experiments

import (
	"strings"
	"testing"

	"afloat/internal/lab"
)

func TestStale(t *testing.T) { met(t, "stale", newRig(t)) }

func TestStaleCancelled(t *testing.T) { cancelled(t, "stale", newRig(t), 0.3) }

func TestStaleNeedsPostgres(t *testing.T) {
	e := Find("stale")
	if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("%v, want an error that says what to set", err)
	}
}
