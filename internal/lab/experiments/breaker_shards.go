package experiments

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// shardCount is how many shards there are; the last is down.
const shardCount = 3

// The ways to guard the shards; each differs in one thing from the one before.
var shardRuns = []struct {
	name                     string
	breaker, eager, eachOwns bool
}{
	{name: "no breaker"},
	{name: "one breaker for all, the blog's share", breaker: true},
	{name: "one breaker for all, eager", breaker: true, eager: true},
	{name: "a breaker for each shard, eager", breaker: true, eager: true, eachOwns: true},
}

// A shardPlan is calls that are spread over the shards.
type shardPlan struct {
	seed   uint64
	rate   float64
	length time.Duration
	policy resilience.Policy
	each   bool // shard has a guard of its own
}

func shardPlanOf(seed uint64, i int, v lab.Values) shardPlan {
	run := shardRuns[i]
	p := shardPlan{seed: seed, rate: v.Float("shards"), length: v.Duration("for"), each: run.eachOwns}
	// A shard that is down refuses at once, so no timeout has a say here: an ample one keeps a busy machine out of it.
	p.policy = resilience.Policy{Name: "shards", Idempotent: true, AttemptDeadline: 20 * v.Duration("timeout")}
	if run.breaker {
		p.policy.Breaker = breakerOf(v)
	}
	if run.eager {
		p.policy.Breaker.FailureRatio = v.Float("eager") / 100
	}
	return p
}

// A sharded is what became of the calls, over all trials.
type sharded struct {
	calls, succeeded, refused int
	well                      int // calls of the shards that are well
	wellServed                int
	down                      int // tries at the one that is down
	success                   []float64
}

// run makes the calls of one trial on new shards.
func (s *sharded) run(ctx context.Context, p shardPlan) error {
	at, err := arrivals(p.seed, span{p.rate, p.length})
	if err != nil {
		return err
	}
	if len(at) == 0 {
		return errors.New("no call is made in the time given: raise the rate or the time")
	}
	var shards [shardCount]*farSide
	var guards [shardCount]*resilience.Guard
	for i := range shards {
		if shards[i], err = newFarSide(); err != nil {
			return err
		}
		defer shards[i].close()
		guards[i] = guards[0]
		if i == 0 || p.each {
			if guards[i], err = resilience.NewGuard(p.policy, nil, nil); err != nil {
				return err
			}
		}
	}
	shards[shardCount-1].link.Set(fault.Fault{Kind: fault.Refuse})
	keys := rand.New(rand.NewPCG(p.seed, 4))
	to := make([]int, len(at))
	for i := range to {
		to[i] = keys.IntN(shardCount)
	}
	var mu sync.Mutex
	succeeded := 0
	_, _, err = openLoop(ctx, at, func(ctx context.Context, i int) {
		shard := to[i]
		_, report, err := resilience.Call(ctx, guards[shard], func(ctx context.Context) (struct{}, error) { return struct{}{}, shards[shard].ask(ctx) })
		mu.Lock()
		defer mu.Unlock()
		s.calls++
		if shard < shardCount-1 {
			s.well++
		} else {
			s.down += report.Attempts
		}
		switch {
		case err == nil:
			succeeded++
			s.wellServed++
		case report.Attempts == 0:
			s.refused++
		}
	})
	if err != nil {
		return err
	}
	s.succeeded += succeeded
	s.success = append(s.success, share(succeeded, len(at)))
	return nil
}

// partial is the share of calls that succeed while such a share of them fails, with one breaker over all, by formula:
// calls and successes until it opens, then so many refused until a probe is let through, which closes it or begins
// another time open. It holds for one probe, and where the breaker is sure to open long before its window is full.
func (p shardPlan) partial(failing float64) float64 {
	calls, successes := untilOpen(p.policy.Breaker, failing)
	opens := 1 / (1 - failing) // until a probe succeeds
	refused := p.rate * p.policy.Breaker.OpenFor.Seconds()
	return (successes + 1) / (calls + opens*(refused+1))
}

// untilOpen is how many calls a closed breaker lets through on average before it opens, and how many of them succeed. It
// follows the probability of each number of failures, call by call.
func untilOpen(b resilience.BreakerPolicy, failing float64) (calls, successes float64) {
	const enough = 1000 // calls; by then next to no breaker is closed
	closed := []float64{1}
	for n := 1; n <= enough; n++ {
		after := make([]float64, n+1)
		for failures, p := range closed {
			calls, successes = calls+p, successes+p*(1-failing)
			after[failures] += p * (1 - failing)
			if n < b.MinCalls || float64(failures+1) < b.FailureRatio*float64(n) {
				after[failures+1] += p * failing
			}
		}
		closed = after
	}
	return calls, successes
}
