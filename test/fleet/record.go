package main

import (
	"slices"

	"afloat/internal/recorded"
)

// recorded is a result as package recorded has it.
func (r *report) recorded(one result) recorded.Case {
	c := recorded.Case{
		Name: one.Name, Does: one.Does, Targets: one.Targets, Began: one.Began, Revision: one.Revision, Machine: r.Machine, Rate: r.Rate,
		Fault: one.FaultAt, Heal: one.HealAt, Seconds: one.Seconds,
		Healthy: one.Healthy.recorded(), Under: one.Fault.recorded(),
		Cached: recorded.Served(one.Reads[cachedReads]), Twin: recorded.Served(one.Reads[twinReads]),
		Comments: recorded.Comments{
			Acknowledged: one.Comments.Acknowledged, Outbox: one.Comments.Outbox, Lost: one.Comments.Lost,
			Doubled: one.Comments.Doubled, Disordered: one.Comments.Disordered + one.Comments.Passed, Refused: one.Comments.Refused,
		},
		DirectAfter: one.DirectAfter, WholeAfter: one.HealthyAfter, Broken: one.Broken, Before: one.Before,
	}
	for _, kind := range everyRead {
		c.Reads.Failed, c.Reads.Of = c.Reads.Failed+one.Reads[kind].Failed, c.Reads.Of+one.Reads[kind].Of
	}
	all := scenarios()
	if i := slices.IndexFunc(all, func(s scenario) bool { return s.Name == one.Name }); i >= 0 {
		c.DirectWithin = all[i].bounds.direct.Seconds()
	}
	return c
}

func (l latency) recorded() recorded.Latency {
	return recorded.Latency{P50: l.P50, P99: l.P99, Max: l.Max}
}

// record writes the cases of the dozen that came to their end: the others would make the program large, and a page's list
// of them long.
func (r *report) record(dir string) error {
	for _, s := range scenarios() {
		i := slices.IndexFunc(r.Results, func(one result) bool { return one.Name == s.Name })
		if i < 0 || !s.CI || r.Results[i].Failed != "" {
			continue
		}
		if err := r.recorded(r.Results[i]).Write(dir); err != nil {
			return err
		}
	}
	return nil
}
