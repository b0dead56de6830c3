package experiments

import (
	"strings"
	"testing"

	"afloat/internal/lab"
)

func TestStampede(t *testing.T) { met(t, "stampede", newRig(t)) }

func TestStampedeCancelled(t *testing.T) { cancelled(t, "stampede", newRig(t), 0.3) }

func TestStampedeNeedsPostgres(t *testing.T) {
	e := Find("stampede")
	if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("%v, want an error that says what to set", err)
	}
}
