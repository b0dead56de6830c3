package web

import (
	"testing"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// TestSecondServerIsInTheFaultBarOnly: it can be broken, and is counted with its dependency.
func TestSecondServerIsInTheFaultBarOnly(t *testing.T) {
	s := &Server{Options: Options{Table: policy.Afloat()}}
	for _, name := range []string{"postgres", "redis", "recommendations", "recommendations-2"} {
		s.Links = append(s.Links, fault.NewLink(name))
	}
	all, own := s.faults(), s.dependencies()
	if len(all) != 4 || len(own) != 3 {
		t.Fatalf("%d links in the fault bar and %d with figures of their own, want 4 and 3", len(all), len(own))
	}
	if got := faultWords(all[3].Link, all[3].Label, "slow"); got != "Recommendations copy 2 is slow" {
		t.Errorf("%q", got)
	}
	if got := brokenInWords([]lab.Status{{Link: "recommendations-2", Label: all[3].Label, Kind: "hang"}}); len(got) != 1 || got[0] != "Recommendations copy 2 hangs" {
		t.Errorf("%q", got)
	}
}
