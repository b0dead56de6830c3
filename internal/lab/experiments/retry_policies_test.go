package experiments

import "testing"

func TestRetryPolicies(t *testing.T) { met(t, "retry-policies", newRig(t)) }

func TestRetryPoliciesCancelled(t *testing.T) { cancelled(t, "retry-policies", newRig(t), 0.3) }
