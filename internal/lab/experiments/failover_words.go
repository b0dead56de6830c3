package experiments

import (
	"fmt"
	"slices"
	"strings"

	"afloat/internal/lab"
	"afloat/internal/recorded"
)

var ourFleetTest = lab.Reference{Text: "the fleet test (make fleet-test), as internal/recorded keeps it", URL: "/source/internal/recorded/recorded.go"}

// failoverTold makes tables and checks of a recorded case; live is where the fleet can be watched, "" where there is none.
func failoverTold(c recorded.Case, live string) lab.Result {
	readers := lab.Table{
		Caption: fmt.Sprintf("Readers from the fault to the end: %s (recorded, one run)", c.Does),
		Head:    []string{"who", "failed reads", "share", "p50 healthy", "p99 healthy", "p99 under the fault", "slowest"},
		Rows: [][]string{
			{"the fleet's readers", countOf(c.Reads), digits(1, c.Failed()) + " %", tenths(c.Healthy.P50), tenths(c.Healthy.P99), tenths(c.Under.P99), tenths(c.Under.Max)},
			{"the naive twin's readers", countOf(c.Twin), digits(1, c.TwinFailed()) + " %", "", "", "", ""},
		},
	}
	if c.Cached.Of > 0 {
		readers.Rows = slices.Insert(readers.Rows, 1, []string{"of these, pages that an edge may have", countOf(c.Cached), digits(1, 100*share(c.Cached.Failed, c.Cached.Of)) + " %", "", "", "", ""})
	}
	k := c.Comments
	comments := lab.Table{
		Caption: "Comments, held against the leader's table when all was whole again (recorded)",
		Head:    []string{"acknowledged", "by the outbox", "lost", "doubled", "out of order", "refused, and sent again", "direct again after", "whole again after the heal"},
		Rows: [][]string{{
			fmt.Sprint(k.Acknowledged), fmt.Sprint(k.Outbox), fmt.Sprint(k.Lost), fmt.Sprint(k.Doubled), fmt.Sprint(k.Disordered), fmt.Sprint(k.Refused),
			directWords(c.DirectAfter), fmt.Sprintf("%.1f s", c.WholeAfter),
		}},
	}
	r := lab.Result{
		Finding: fmt.Sprintf("%s, on %s: %d of %d reads failed, and %.0f %% of the naive twin's; of %d acknowledged comments %d were lost and %d doubled, %d went by the outbox, and comments were direct again: %s.",
			c.Does, c.Began.Format("2 January 2006"), c.Reads.Failed, c.Reads.Of, c.TwinFailed(), k.Acknowledged, k.Lost, k.Doubled, k.Outbox, directWords(c.DirectAfter)),
		Tables: []lab.Table{readers, comments}, Checks: failoverChecks(c), Trials: 1,
	}
	for _, f := range c.Figures() {
		f.Desc += fmt.Sprintf(" Recorded on %s.", c.Began.Format("2 January 2006"))
		r.Figures = append(r.Figures, f)
	}
	r.Notes = append(r.Notes, fmt.Sprintf("Recorded on %s of revision %s on %s, %g reads/s. Make your own: %s; docs/fleet.md says how to put it in here.", c.Began.UTC().Format("2 January 2006"), c.Revision, c.Machine, c.Rate, makeFleet(c.Name)))
	if c.Seconds.IsZero() {
		r.Notes = append(r.Notes, "It was recorded before its seconds were kept, so there are totals only.")
	}
	for _, before := range c.Before {
		r.Notes = append(r.Notes, "An earlier try of this case fell short: "+before+".")
	}
	if live != "" {
		r.Notes = append(r.Notes, "This server is one of a fleet: watch it at "+live+" while you kill a part of it, or while `make demo-failover` does.")
	}
	return r
}

// failoverChecks hold a case against its settings, and against the fleet test's bounds.
func failoverChecks(c recorded.Case) []lab.Check {
	k := c.Comments
	lost := k.Lost + k.Doubled + k.Disordered
	checks := []lab.Check{{
		Claim: "acknowledged comments lost, doubled or out of order", Want: "0", Got: fmt.Sprintf("%d of %d", lost, k.Acknowledged),
		Met: lost == 0 && k.Acknowledged > 0, Source: patroniQuorum,
	}}
	if slices.Contains(recorded.LeaderLost, c.Name) {
		low, high := leaseTTL-leaseLoop, c.DirectWithin
		checks = append(checks,
			lab.Check{
				Claim: "seconds until comments are direct again: not before the lease ends", Want: fmt.Sprintf("%g to %g", low, high), Got: digits(1, c.DirectAfter),
				Met: c.DirectAfter >= low && c.DirectAfter <= high, Source: patroniSettings,
			},
			near("comments taken by the outbox: 5 a second until direct", 0, float64(k.Outbox), commentsBegun*c.DirectAfter, 0.2*commentsBegun*c.DirectAfter, ourOutbox))
	} else if c.DirectWithin > 0 {
		checks = append(checks, lab.Check{
			Claim: "seconds until comments are direct again", Want: fmt.Sprintf("at most %g", c.DirectWithin), Got: digits(1, c.DirectAfter),
			Met: c.DirectAfter >= 0 && c.DirectAfter <= c.DirectWithin, Source: patroniSettings,
		})
	}
	got := "all hold"
	if len(c.Broken) > 0 {
		got = strings.Join(c.Broken, "; ")
	}
	return append(checks, lab.Check{Claim: "the fleet test's own bounds", Want: "all hold", Got: got, Met: len(c.Broken) == 0, Source: ourFleetTest})
}

// directWords say when comments went to Postgres at once again.
func directWords(after float64) string {
	switch {
	case after == 0:
		return "always"
	case after < 0:
		return "never"
	}
	return fmt.Sprintf("after %.1f s", after)
}

// countOf is how many failed of how many, where that was kept.
func countOf(s recorded.Served) string {
	if s.Of == 0 {
		return "not kept"
	}
	return fmt.Sprintf("%d of %d", s.Failed, s.Of)
}

func tenths(ms float64) string { return digits(1, ms) + " ms" }
