package testenv

import (
	"fmt"
	"os"
	"slices"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// Off reports whether the tests run without a protection, to show what its absence costs: AFLOAT_WITHOUT names it, as
// `make prove` does. Only tests look at that. It panics for a name that no protection has: a test that passes because of
// a slip of the pen would prove nothing.
func Off(p policy.Protection) bool {
	name := policy.Protection(os.Getenv("AFLOAT_WITHOUT"))
	if name != "" && !slices.Contains(policy.Afloat().Protections(), name) {
		panic(fmt.Sprintf("AFLOAT_WITHOUT=%s: there is no such protection", name))
	}
	return name == p
}

// Table is the blog's table of policies, without the protection that is off. It is called afloat even then, so that
// nothing but the protection makes a difference.
func Table() policy.Table {
	t := policy.Afloat()
	on := slices.DeleteFunc(t.Protections(), Off)
	if len(on) == len(t.Protections()) {
		return t
	}
	custom, err := policy.Custom(on...)
	if err != nil {
		panic(err)
	}
	custom.Name = t.Name
	return custom
}

// Policy is a test's own policy, without the protection that is off.
func Policy(p resilience.Policy) resilience.Policy {
	switch {
	case Off(policy.Isolation):
		p.Isolate = false
	case Off(policy.Deadline):
		p.Deadline, p.AttemptDeadline = 0, 0
	case Off(policy.Retry):
		p.Retry.Attempts = 1
	case Off(policy.Backoff):
		p.Retry.Backoff = resilience.Backoff{}
	case Off(policy.Jitter):
		p.Retry.Backoff.Jitter = resilience.NoJitter
	case Off(policy.RetryBudget):
		p.Budget = resilience.BudgetPolicy{}
	case Off(policy.Breaker):
		p.Breaker = resilience.BreakerPolicy{}
	case Off(policy.Bulkhead):
		p.Bulkhead = resilience.BulkheadPolicy{}
	case Off(policy.Hedge):
		p.Hedge = resilience.HedgePolicy{}
	}
	return p
}
