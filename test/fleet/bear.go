package main

import (
	"context"
	"time"
)

const (
	stairs    = 8                // the first stair is the wanted rate, divided by this
	fewest    = 20.0             // readers a second: below, there would be none for some of the pages
	stair     = 12 * time.Second // readers come for this long, and the later half of them is judged
	climbs    = 2                // how often a stair is tried: the first time finds every pool and copy cold
	bearable  = 150.0            // ms, the p99 of a fleet with which everything is well
	breathing = 30 * time.Second // after a stair that was too much: what is left of it makes the first case late
)

// bear lowers the rate of the readers to what the machine bears while everything is well: what a fleet that is choked
// by its readers does when it loses a part tells nothing about the part. Where it isn't all that was wanted it is half of
// that: to kill a part and to start it again takes the machine's time, too. It climbs, so that pools and copies fill
// before the crowd comes, and stops where a stair is too much.
func (h *harness) bear(ctx context.Context, wanted float64) error {
	borne := min(wanted, max(wanted/stairs, fewest))
	for rate := borne; ; rate = min(2*rate, wanted) {
		ok := false
		for range climbs {
			var err error
			if ok, err = h.bears(ctx, rate); err != nil {
				return err
			}
			if ok {
				break
			}
		}
		if ok {
			borne = rate
		}
		if !ok || rate == wanted {
			break
		}
	}
	if borne < wanted {
		h.say("more than %g readers a second are too many for this machine, so half as many come", borne)
		borne = max(borne/2, fewest)
		if err := wait(ctx, breathing); err != nil {
			return err
		}
	}
	h.readers.rate, h.report.Rate = borne, borne
	_, err := h.watch.whole(ctx)
	return err
}

// bears reports whether nobody fails and nobody waits for long at this rate.
func (h *harness) bears(ctx context.Context, rate float64) (bool, error) {
	coming, enough := context.WithTimeout(ctx, stair)
	defer enough()
	crowd := *h.readers
	crowd.rate = rate
	half := time.Now().Add(stair / 2)
	reads := crowd.come(coming, stair)
	return bears(reads, half), ctx.Err()
}

// bears judges those who were due from then on.
func bears(reads []read, from time.Time) bool {
	for _, r := range reads {
		if r.kind != twinReads && !r.due.Before(from) && r.failed() {
			return false
		}
	}
	l := latencies(reads, from, time.Now().Add(time.Hour))
	return l.Reads > 0 && l.P99 <= bearable
}
