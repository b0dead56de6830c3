package experiments

import (
	"slices"
	"strings"
	"testing"

	"afloat/internal/lab"
	"afloat/internal/recorded"
)

// tellCase runs the experiment for one case, on a machine that has nothing.
func tellCase(t *testing.T, name, fleet string) lab.Result {
	t.Helper()
	e := Find("failover")
	v := lab.QuickValues(e.Params, 1)
	v["case"] = name
	r, err := e.Run(t.Context(), &lab.Rig{Fleet: fleet}, v, func(p lab.Progress) {
		if p.Done < 0 || p.Done > 1 || p.Say == "" {
			t.Errorf("told %+v", p)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFailoverTellsEveryCase: nothing acknowledged is lost in any, what fell short is not passed over, and all say when
// they were recorded and how to make one's own.
func TestFailoverTellsEveryCase(t *testing.T) {
	for _, c := range recorded.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			r := tellCase(t, c.Name, "")
			for _, table := range r.Tables {
				for _, row := range table.Rows {
					if len(row) != len(table.Head) {
						t.Errorf("%d cells under %d heads", len(row), len(table.Head))
					}
				}
			}
			if !r.Checks[0].Met {
				t.Errorf("comments: want %s, got %s", r.Checks[0].Want, r.Checks[0].Got)
			}
			if whole := r.Checks[len(r.Checks)-1]; whole.Met != (len(c.Broken) == 0) {
				t.Errorf("bounds that did not hold: %q, told %q", c.Broken, whole.Got)
			}
			notes := strings.Join(r.Notes, " ")
			for _, want := range []string{c.Began.UTC().Format("2 January 2006"), c.Revision, c.Machine, "make fleet-test CASES=" + c.Name} {
				if !strings.Contains(notes, want) {
					t.Errorf("the notes lack %q: %s", want, notes)
				}
			}
			if len(r.Figures) < 2 || r.Trials != 1 || !strings.Contains(r.Finding, c.Does) || strings.Contains(notes, "/lab/fleet") {
				t.Errorf("incomplete, or it speaks of a fleet that isn't there: %+v", r)
			}
		})
	}
}

// TestFailoverOfTheLeaderHolds: the case that is offered first meets each of its checks.
func TestFailoverOfTheLeaderHolds(t *testing.T) {
	name := Find("failover").Params[0].Default
	if !slices.Contains(recorded.LeaderLost, name) {
		t.Errorf("the case offered first is %q, want one of %q", name, recorded.LeaderLost)
	}
	r := tellCase(t, name, "")
	if len(r.Checks) != 4 {
		t.Errorf("%d checks, want those of comments, lease, outbox and bounds", len(r.Checks))
	}
	for _, c := range r.Checks {
		if !c.Met {
			t.Errorf("%s: want %s, got %s", c.Claim, c.Want, c.Got)
		}
	}
}

func TestFailoverSaysWhereTheFleetIs(t *testing.T) {
	r := tellCase(t, Find("failover").Params[0].Default, "/lab/fleet")
	if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, "/lab/fleet") || !strings.Contains(notes, "make demo-failover") {
		t.Errorf("the notes don't lead to the fleet: %s", notes)
	}
}

// TestFailoverChecksCanFail: each is broken by the figure that it is about, and by no other.
func TestFailoverChecksCanFail(t *testing.T) {
	good := recorded.Case{Name: recorded.LeaderLost[0], DirectAfter: 18, DirectWithin: 25, Comments: recorded.Comments{Acknowledged: 280, Outbox: 90}}
	for what, test := range map[string]struct {
		spoil  func(*recorded.Case)
		broken int // index of the check; -1: none
	}{
		"good":                {func(*recorded.Case) {}, -1},
		"a comment lost":      {func(c *recorded.Case) { c.Comments.Lost = 1 }, 0},
		"a comment doubled":   {func(c *recorded.Case) { c.Comments.Doubled = 1 }, 0},
		"comments disordered": {func(c *recorded.Case) { c.Comments.Disordered = 2 }, 0},
		"direct too late":     {func(c *recorded.Case) { c.DirectAfter, c.Comments.Outbox = 28, 140 }, 1},
		"direct too soon":     {func(c *recorded.Case) { c.DirectAfter, c.Comments.Outbox = 3, 15 }, 1},
		"few by the outbox":   {func(c *recorded.Case) { c.Comments.Outbox = 40 }, 2},
		"a bound broken":      {func(c *recorded.Case) { c.Broken = []string{"p99"} }, 3},
	} {
		c := good
		test.spoil(&c)
		for i, check := range failoverChecks(c) {
			if check.Met == (i == test.broken) {
				t.Errorf("%s: check %d is met %v: %s, got %s", what, i, check.Met, check.Want, check.Got)
			}
		}
	}
	planned := recorded.Case{Name: "switchover", DirectAfter: -1, DirectWithin: 5, Comments: recorded.Comments{Acknowledged: 1}}
	if checks := failoverChecks(planned); len(checks) != 3 || checks[1].Met {
		t.Errorf("a case that was never direct again is told as %+v", checks)
	}
}

func TestFailoverWithoutARecord(t *testing.T) {
	_, err := Find("failover").Run(t.Context(), &lab.Rig{}, lab.Values{"case": "moon-kill"}, func(lab.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "make fleet-test CASES=moon-kill") {
		t.Errorf("%v, want how to make one", err)
	}
}
