package experiments

import "testing"

func TestAmplification(t *testing.T) { met(t, "amplification", newRig(t)) }

func TestAmplificationCancelled(t *testing.T) { cancelled(t, "amplification", newRig(t), 0.3) }
