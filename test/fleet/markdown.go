package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// markdown is the whole table, and below it in words what didn't hold or isn't bounded.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, revision %s, %s, %g requests/s", r.Date.Format("2 January 2006"), r.Revision, r.Machine, r.Rate)
	if r.Wanted > r.Rate {
		fmt.Fprintf(&b, " (not %g: more than twice as many are too many for this machine while everything is well)", r.Wanted)
	}
	if r.Started > 0 {
		fmt.Fprintf(&b, "; first page %.1f s after `docker compose up`, whole after %.1f s, %.0f MiB in all", r.Started, r.Whole, r.Memory)
	}
	b.WriteString(".\n\n| event | hit | failed reads | p50 / p99 healthy, ms | p99 / slowest under it, ms | comments acknowledged (by outbox) | lost / doubled | refused | slowest answer to one, ms | direct again, s | no Redis writes, s | whole again, s | twin's failed reads | verdict |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, one := range r.Results {
		b.WriteString(one.row())
	}
	b.WriteString("\n")
	for _, one := range r.Results {
		if said := one.remarks(); said != "" {
			fmt.Fprintf(&b, "- **%s**: %s\n", one.Does, said)
		}
	}
	return b.String()
}

func (r result) row() string {
	var failed, of int
	for kind, s := range r.Reads {
		if kind != twinReads {
			failed, of = failed+s.Failed, of+s.Of
		}
	}
	direct := fmt.Sprintf("%.1f", r.DirectAfter)
	switch {
	case r.DirectAfter == 0:
		direct = "always"
	case r.DirectAfter < 0:
		direct = "never"
	}
	verdict := "holds"
	switch {
	case len(r.Broken) > 0:
		verdict = "**falls short**"
	case r.Exception != "":
		verdict = "exception"
	}
	l := r.Comments
	return fmt.Sprintf("| %s | %s | %d of %d | %.1f / %.1f | %.1f / %.0f | %d (%d) | %d / %d | %d | %.0f | %s | %.1f | %.1f | %s | %s |\n",
		r.Does, strings.Join(r.Targets, " "), failed, of, r.Healthy.P50, r.Healthy.P99, r.Fault.P99, r.Fault.Max,
		l.Acknowledged, l.Outbox, l.Lost, l.Doubled, l.Refused, r.SlowestPost, direct, r.RedisGap, r.HealthyAfter, share(r.Reads[twinReads]), verdict)
}

func share(s served) string {
	if s.Of == 0 {
		return "none came"
	}
	return fmt.Sprintf("%.0f %%", 100*float64(s.Failed)/float64(s.Of))
}

func failures(kind string, s served) string {
	return fmt.Sprintf("%d of %d %s reads failed", s.Failed, s.Of, kind)
}

// remarks tells why a case fell short or is an exception, and of what reads failed.
func (r result) remarks() string {
	said := slices.Clone(r.Broken)
	for _, b := range r.Before {
		said = append(said, "an earlier try fell short: "+b)
	}
	if r.Exception != "" {
		said = append(said, r.Exception)
	}
	for _, kind := range []string{cachedReads, uncachedReads, assetReads} {
		if s := r.Reads[kind]; s.Failed > 0 && !slices.Contains(said, failures(kind, s)) {
			said = append(said, failures(kind, s))
		}
	}
	for _, c := range slices.Sorted(maps.Keys(r.Causes)) {
		said = append(said, fmt.Sprintf("%s × %d", c, r.Causes[c]))
	}
	if n := r.Comments.Broken; n > 0 {
		said = append(said, fmt.Sprintf("%d POSTs without an answer", n))
	}
	if n := r.Comments.GivenUp; n > 0 {
		said = append(said, fmt.Sprintf("%d comments given up", n))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Comments.Unseen)) {
		said = append(said, fmt.Sprintf("%d writers were not shown their comment: %s", r.Comments.Unseen[why], why))
	}
	if r.InHand > 0 {
		said = append(said, fmt.Sprintf("%d of the failed reads were in its hands when it died", r.InHand))
	}
	return strings.Join(said, "; ")
}
