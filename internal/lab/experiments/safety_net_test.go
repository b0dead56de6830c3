package experiments

import (
	"strings"
	"testing"

	"afloat/internal/lab"
)

func TestSafetyNet(t *testing.T) { met(t, "safety-net", newRig(t)) }

func TestSafetyNetCancelled(t *testing.T) { cancelled(t, "safety-net", newRig(t), 0.3) }

func TestSafetyNetNeedsBoth(t *testing.T) {
	e := Find("safety-net")
	for _, rig := range []*lab.Rig{{}, {Postgres: newRig(t).Postgres}} {
		if _, err := e.Run(t.Context(), rig, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL and REDIS_URL") {
			t.Errorf("%v, want an error that says what to set", err)
		}
	}
}

// TestWantedKeysAreDrawnOnce: so many are popular, the others nobody else's, and the same seed gives the same.
func TestWantedKeysAreDrawnOnce(t *testing.T) {
	first, second := wanted(1, 2000, 20, 0.95), wanted(1, 2000, 20, 0.95)
	popularOnes, rare := 0, map[string]bool{}
	for i, key := range first {
		if key != second[i] {
			t.Fatal("the same seed gives other keys")
		}
		if strings.Contains(key, ":rare:") {
			if rare[key] {
				t.Errorf("%s is wanted twice", key)
			}
			rare[key] = true
		} else {
			popularOnes++
		}
	}
	if popularOnes < 1850 || popularOnes > 1950 {
		t.Errorf("%d of 2000 are popular, want about 1900", popularOnes)
	}
}
