package experiments

import "testing"

func TestShedding(t *testing.T) { met(t, "shedding", newRig(t)) }

func TestSheddingCancelled(t *testing.T) { cancelled(t, "shedding", newRig(t), 0.3) }
