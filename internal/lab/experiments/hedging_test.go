package experiments

import "testing"

func TestHedging(t *testing.T) { met(t, "hedging", newRig(t)) }

func TestHedgingCancelled(t *testing.T) { cancelled(t, "hedging", newRig(t), 0.3) }
