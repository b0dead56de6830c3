package experiments

import (
	"fmt"
	"math"
	"slices"
	"time"

	"afloat/internal/lab"
)

// outageChecks hold the outage against the formulas.
func outageChecks(outages []outage, v lab.Values) []lab.Check {
	bare, guarded := outagePlanOf(0, false, v), outagePlanOf(0, true, v)
	trials := float64(v.Int("trials"))
	doomed, _ := spread(outages[0].doomed)
	kept, _ := spread(outages[1].doomed)
	most := v.Duration("open") + v.Duration("timeout") + seconds(1/v.Float("rate")) + 250*time.Millisecond
	latest := slices.Max(outages[1].recovery)
	noise := func(calls float64) float64 { return 4 * math.Sqrt(calls/trials) }
	all, few := bare.doomedCalls(), guarded.doomedCalls()
	return []lab.Check{
		near("no breaker: doomed calls", 0, doomed, all, noise(all)+0.1*all, ourBreaker),
		near("breaker: doomed calls", 0, kept, few, noise(few)+0.2*few, ourBreaker),
		{
			Claim: "breaker: first success after the fault's end, the latest of the trials", Want: "at most " + millis(most), Got: millis(latest),
			Met: latest <= most, Source: ourBreaker,
		},
	}
}

// shardFormula is the share of calls that should succeed, where there is a formula for it.
func shardFormula(i int, v lab.Values) (float64, bool) {
	const down = 1.0 / shardCount
	run, p := shardRuns[i], shardPlanOf(0, i, v)
	switch {
	case !run.breaker || run.eachOwns:
		return 1 - down, true
	case p.policy.Breaker.FailureRatio < down && p.policy.Breaker.Probes == 1:
		return p.partial(down), true
	default:
		return 0, false
	}
}

func shardChecks(shards []sharded, v lab.Values) (checks []lab.Check) {
	for i, run := range shardRuns {
		s := &shards[i]
		want, ok := shardFormula(i, v)
		if !ok {
			continue
		}
		tolerance := 2 + 400*math.Sqrt(want*(1-want)/float64(max(s.calls, 1)))
		if run.breaker && !run.eachOwns {
			tolerance = 7 // few cycles, and each lets a few calls through or many
		}
		checks = append(checks, near("one of three shards down, "+run.name+": succeeded, in percent", 1, 100*share(s.succeeded, s.calls), 100*want, tolerance, whatIsBackoffFor))
	}
	none, eager := share(shards[0].succeeded, shards[0].calls), share(shards[2].succeeded, shards[2].calls)
	return append(checks, below("one of three shards down, an eager breaker for all: succeeded, in percent, against half of those without", 1, 100*eager, 50*none, whatIsBackoffFor))
}

// poolChecks hold the pool against its formulas, where it is too small without a bulkhead.
func poolChecks(pools []pooled, v lab.Values) (checks []lab.Check) {
	bare, guarded := poolPlanOf(0, 0, v), poolPlanOf(0, 1, v)
	if want := bare.found(); want <= 0.7 {
		se := math.Sqrt(want * (1 - want) / float64(max(pools[0].other, 1)))
		checks = append(checks, near("a shared pool, no bulkhead: the other's calls that found a place, in percent", 1, 100*share(pools[0].otherServed, pools[0].other), 100*want, 12+400*se, ourErlang))
	}
	if guarded.limit < guarded.pool-2 {
		got := 100 * share(pools[1].otherServed, pools[1].other)
		checks = append(checks,
			lab.Check{Claim: "a shared pool, bulkhead: the other's calls that found a place, in percent", Want: "at least 99.0", Got: digits(1, got), Met: got >= 99, Source: ourBulkhead},
			lab.Check{
				Claim: "a shared pool, bulkhead: most calls of the slow one at once", Want: fmt.Sprintf("at most %d", guarded.limit), Got: fmt.Sprint(pools[1].most),
				Met: pools[1].most <= guarded.limit, Source: ourBulkhead,
			})
	}
	for i := 1; i < len(poolRuns); i++ {
		o, p := &pools[i], poolPlanOf(0, i, v)
		if i == 1 && p.limit >= p.pool-2 {
			continue // the pool refuses some of them first
		}
		want := erlangB(p.limit, p.half()*p.takes.Seconds())
		se := math.Sqrt(want * (1 - want) / float64(max(o.guarded, 1)))
		checks = append(checks, near(poolRuns[i].name+": refused by the bulkhead, in percent", 1, 100*share(o.refused, o.guarded), 100*want, 5+400*se, ourErlang))
	}
	return checks
}
