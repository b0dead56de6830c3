package experiments

import "testing"

func TestBackoffLimits(t *testing.T) { met(t, "backoff-limits", newRig(t)) }

func TestBackoffLimitsCancelled(t *testing.T) { cancelled(t, "backoff-limits", newRig(t), 0.3) }
