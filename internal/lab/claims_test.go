package lab

import (
	"slices"
	"testing"

	"afloat/internal/policy"
)

// TestEveryProtectionIsClaimed: none is switched on for a reason that nobody proves.
func TestEveryProtectionIsClaimed(t *testing.T) {
	for _, p := range policy.Protections() {
		if !slices.ContainsFunc(Claims(), func(c Claim) bool { return c.Without == p.Protection }) {
			t.Errorf("no claim shows what %s is for", p.Protection)
		}
	}
	for i, c := range Claims() {
		if c.Says == "" || len(c.Pages) == 0 || c.Fails == "" || c.Without == "" {
			t.Errorf("claim %d is incomplete: %+v", i, c)
		}
		for _, page := range c.Pages {
			if !slices.Contains([]string{TwinPage, ProtectionsPage, AvailabilityPage}, page) {
				t.Errorf("%q is shown on %q, which is no page of the lab", c.Says, page)
			}
		}
	}
}
