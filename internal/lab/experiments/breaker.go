package experiments

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

var (
	hystrixDefaults  = lab.Reference{Text: "Hystrix wiki: Configuration", URL: "https://github.com/Netflix/Hystrix/wiki/Configuration"}
	resilience4j     = lab.Reference{Text: "resilience4j: CircuitBreaker", URL: "https://resilience4j.readme.io/docs/circuitbreaker"}
	envoyOutliers    = lab.Reference{Text: "Envoy: Outlier detection", URL: "https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier"}
	ourBreaker       = lab.Reference{Text: "internal/resilience/breaker.go", URL: "/source/internal/resilience/breaker.go"}
	ourBulkhead      = lab.Reference{Text: "internal/resilience/bulkhead.go", URL: "/source/internal/resilience/bulkhead.go"}
	ourErlang        = lab.Reference{Text: "internal/lab/experiments/breaker_bulkhead.go: Erlang's loss formula", URL: "/source/internal/lab/experiments/breaker_bulkhead.go"}
	ourBreakerPolicy = policy.Afloat().CommentReads.Breaker
)

var _ = register(80, &lab.Experiment{
	Name: "breaker", Code: "E10", Title: "When do I stop calling?",
	Question: "A third of a dependency, one shard of three, refuses all its calls, and the others are well. A circuit breaker that opens when a tenth of the calls fail watches over all three. How many calls succeed?",
	Choices:  []string{"Two of three, as without a breaker", "Nearly all: it keeps the calls from the shard that is down", "Fewer than one in ten"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Three parts, all with the blog's own resilience.Guard and its breaker and bulkhead; real callers in an open loop, small HTTP servers of the experiment's own in this process, and links of their own to them, package fault. First a dependency hangs for a while, with the breaker and without. Then one of three shards refuses, with no breaker, one for all, and one for each. Then two dependencies share a pool of places, one of them slow, with a bulkhead and without; and a bulkhead stands before a dependency that is well. In each part the same calls come, at the same moments, to each way.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of each run", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "20"},
		{Name: "rate", Label: "calls of the dependency that hangs", Unit: "calls/s", Kind: lab.Float, Default: "50", Min: "20", Max: "200"},
		{Name: "calm", Label: "time before the fault", Kind: lab.Duration, Default: "1s", Quick: "500ms", Min: "200ms", Max: "20s"},
		{Name: "outage", Label: "how long it lasts", Kind: lab.Duration, Default: "4s", Quick: "2s", Min: "1s", Max: "30s"},
		{Name: "timeout", Label: "timeout of a call", Kind: lab.Duration, Default: "100ms", Min: "50ms", Max: "500ms"},
		{Name: "window", Label: "window of the breaker", Kind: lab.Duration, Default: ourBreakerPolicy.Window.String(), Min: "500ms", Max: "30s"},
		{Name: "open", Label: "how long it stays open", Kind: lab.Duration, Default: ourBreakerPolicy.OpenFor.String(), Min: "100ms", Max: "5s"},
		{Name: "eager", Label: "share of failures at which the eager breaker opens", Unit: "%", Kind: lab.Float, Default: "10", Min: "5", Max: "20"},
		{Name: "shards", Label: "calls of the three shards", Unit: "calls/s", Kind: lab.Float, Default: "100", Min: "50", Max: "300"},
		{Name: "for", Label: "time of each run of the shards and of the pool", Kind: lab.Duration, Default: "3s", Quick: "2s", Min: "1s", Max: "20s"},
		{Name: "callers", Label: "calls of the two dependencies that share a pool, half for each", Unit: "calls/s", Kind: lab.Float, Default: "80", Min: "40", Max: "200"},
		{Name: "pool", Label: "places of the pool", Unit: "places", Kind: lab.Int, Default: "16", Min: "2", Max: "64"},
		{Name: "limit", Label: "of them for the slow dependency, with a bulkhead", Unit: "places", Kind: lab.Int, Default: "4", Min: "1", Max: "64"},
		{Name: "latency", Label: "mean time of a slow call", Kind: lab.Duration, Default: "1s", Quick: "600ms", Min: "200ms", Max: "5s"},
		{Name: "patience", Label: "longest wait for a place of the pool", Kind: lab.Duration, Default: "250ms", Quick: "100ms", Min: "50ms", Max: "1s"},
	},
	Load:     lab.Load{Callers: "callers of dependencies of the experiment's own", Rate: 50, Words: "open loop, Poisson arrivals, the same for each way; nobody tries again"},
	Measures: []string{"calls that succeeded, failed and were refused; how long callers waited in vain", "doomed calls: those that reached a dependency which was down", "time from the end of the fault to the first call that succeeds", "calls of the other dependency that found a place"},

	Expect: []lab.Expectation{
		{Claim: "without a breaker all calls during the outage are doomed, rate × (outage − timeout); those of the last moment are answered when it ends", Tolerance: "± 4 √n and a tenth", Source: ourBreaker},
		{Claim: "with it: rate × (timeout + the time that failures take to outweigh the window's successes), and one probe for each time open", Tolerance: "± 4 √n and a fifth", Source: ourBreaker},
		{Claim: "after the fault the first call succeeds within the time open, a timeout and a gap between calls", Tolerance: "250 ms more, in each trial", Source: ourBreaker},
		{Claim: "one of three shards down, no breaker: 2/3 succeed; with a breaker for each: as many", Tolerance: "± 4 standard errors and 2 percentage points", Source: whatIsBackoffFor},
		{Claim: "with an eager breaker for all: partial becomes total, as few as a cycle of closed, open and probe lets through", Tolerance: "± 7 percentage points, and fewer than half of those without", Source: whatIsBackoffFor},
		{Claim: "a shared pool: the other dependency's calls find a place as often as the slow one's, places ÷ (rate × time)", Tolerance: "± 4 standard errors and 12 percentage points", Source: ourErlang},
		{Claim: "with a bulkhead: all of them do, and the slow one never holds more than its places", Tolerance: "at least 99 %; exact", Source: ourBulkhead},
		{Claim: "a bulkhead refuses as Erlang's loss formula says: at the average number in flight, 2, already 40 % of a dependency that is well; at three times as many 1.2 %", Tolerance: "± 4 standard errors and 5 percentage points", Source: ourErlang},
	},
	Explain: []string{
		"A call to a dependency that hangs costs its whole timeout and helps nobody: its caller waits, and the dependency has one more to answer when it comes back. The breaker counts. Once enough of the last calls have failed it refuses the next ones at once, and after a while lets one through to see.",
		"How soon it opens depends on what the window remembers: with a share of 50 % failures have to become as many as the successes before them, or half of the window, whichever is sooner. A short window opens sooner, on less evidence. What it costs is the other end: after the fault has gone, calls are refused until a probe says so.",
		"A breaker knows only what it is told apart. One for three shards sees a third of all calls fail, opens, and refuses the two thirds that would have succeeded. The probe then has two chances of three to hit a shard that is well, the breaker closes, and meets the third again. With one for each shard only the broken one's calls are refused. A share of 50 %, as the blog has it, is above a third: such a breaker opens by chance alone, when the first few calls happen to meet the broken shard, and doesn't protect from it either.",
		"A bulkhead bounds the damage without knowing of any: so many places for this dependency, and who finds none is refused. By Little's law a dependency needs rate × time of them on average. Calls come in bursts, so the average is too few: Erlang's formula says what share is refused, and three times the average refuses one in eighty.",
	},
	Hurts: []string{
		"A partial failure becomes total: see the second table. In Marc Brooker's words circuit breakers “turn partial failures into complete failures”. Give each shard, or each server, its own.",
		"Recovery is late by the time that the breaker stays open, and a hundred servers each find out by themselves.",
		"Few calls prove little. Five a minute hardly ever fill a window, and a breaker with a minimum of one opens at every stray failure.",
		"A bulkhead set from the average refuses a healthy burst: see the second row of the fourth table.",
	},
	Sources: []lab.Reference{whatIsBackoffFor, hystrixDefaults, resilience4j, envoyOutliers, littlesLaw, ourBreaker, ourBulkhead, ourErlang, {Text: "internal/policy/policy.go: the blog's own breaker and bulkheads", URL: "/source/internal/policy/policy.go"}},
	Run:     breaker,
})

// breakerOf is the blog's breaker with what the reader has changed.
func breakerOf(v lab.Values) resilience.BreakerPolicy {
	p := ourBreakerPolicy
	p.Window, p.OpenFor = v.Duration("window"), v.Duration("open")
	return p
}

func breaker(ctx context.Context, _ *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	trials, n := v.Int("trials"), 0
	outages, shards, pools := make([]outage, len(outageRuns)), make([]sharded, len(shardRuns)), make([]pooled, len(poolRuns))
	runs := (len(outages) + len(shards) + len(pools)) * trials
	next := func(name string, takes time.Duration, trial int, do func() error) error {
		step := stageOf(n, runs, takes, fmt.Sprintf("%s, trial %d of %d", name, trial+1, trials))
		n++
		return during(tell, step, do)
	}
	for trial := range trials {
		seed := v.Seed()<<8 + uint64(trial)
		for i, name := range outageRuns {
			p := outagePlanOf(seed, i == 1, v)
			if err := next("a dependency hangs: "+name, p.length(), trial, func() error { return outages[i].run(ctx, p) }); err != nil {
				return lab.Result{}, err
			}
		}
		for i, run := range shardRuns {
			p := shardPlanOf(seed, i, v)
			if err := next("one of three shards: "+run.name, p.length, trial, func() error { return shards[i].run(ctx, p) }); err != nil {
				return lab.Result{}, err
			}
		}
		for i, run := range poolRuns {
			p := poolPlanOf(seed, i, v)
			if err := next("a shared pool: "+run.name, p.length, trial, func() error { return pools[i].run(ctx, p) }); err != nil {
				return lab.Result{}, err
			}
		}
	}
	return breakerTold(outages, shards, pools, v), nil
}
