package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/lab"
)

var (
	avoidFallback  = lab.Reference{Text: "Gabrielson: Avoiding fallback in distributed systems (AWS Builders' Library)", URL: "https://aws.amazon.com/builders-library/avoiding-fallback-in-distributed-systems/"}
	cachingAtScale = lab.Reference{Text: "Brinkley and Chumbley: Caching challenges and strategies (AWS Builders' Library)", URL: "https://aws.amazon.com/builders-library/caching-challenges-and-strategies/"}
	ourNarrowDB    = lab.Reference{Text: "internal/lab/experiments/safety_net_ways.go", URL: "/source/internal/lab/experiments/safety_net_ways.go"}
)

// The ways that are compared; each has one thing more than the one before it.
var nets = []struct {
	name                    string
	limit, coalesce, memory bool
}{
	{name: "all ask the database"},
	{name: "with a limit", limit: true},
	{name: "and coalescing", limit: true, coalesce: true},
	{name: "and old copies in memory", limit: true, coalesce: true, memory: true},
}

// How the ways are set; durations that aren't parameters.
const (
	netPlaces  = 5                // queries in the database for each of its workers: so a wait is at most five times the work
	netFresh   = time.Second      // a copy in memory is served without a question
	netKeep    = time.Minute      // and, if need be, for so long
	netPause   = time.Second / 2  // after a failed refresh, until the next
	netAsk     = time.Second / 20 // for the cache's answer
	netLife    = time.Minute      // of the keys in Redis, should nobody be there to remove them
	netAfter   = time.Second      // that it is well again, at the end
	netSettled = 0.5              // of the outage, after which the queue has had time to grow
)

var _ = register(100, &lab.Experiment{
	Name: "safety-net", Title: "Can a safety net pull you under?",
	Question: "A cache answers 95 of 100 readers, and the database the others; it could bear ten times as many. The cache dies, and everybody asks the database instead. What does it get?",
	Choices:  []string{"A little more: most of its answers are cheap", "Twice as much, since two do the work of one", "Twenty times as much"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Readers ask the real Redis for a key, over the link that the lab can break, and, where that has no answer, the real Postgres. 95 of 100 want one of 20 popular keys, which Redis has; the others want one that nobody has asked for. A query takes 40 ms, and the database of this experiment has four workers, so it can do 100 a second: a queue stands before them, and who has asked is worked for, even if they have left. Then Redis is gone for a while. The same readers come, at the same moments, to four ways of falling back; each has one protection more than the one before it.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "outages of each way", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "20"},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "200", Min: "50", Max: "400"},
		{Name: "hits", Label: "readers whose key the cache has", Unit: "%", Kind: lab.Float, Default: "95", Min: "50", Max: "99"},
		{Name: "keys", Label: "popular keys", Unit: "keys", Kind: lab.Int, Default: "20", Min: "1", Max: "200"},
		{Name: "work", Label: "time of a query", Kind: lab.Duration, Default: "40ms", Min: "10ms", Max: "200ms"},
		{Name: "workers", Label: "queries that the database works at", Unit: "workers", Kind: lab.Int, Default: "4", Min: "1", Max: "16"},
		{Name: "patience", Label: "how long a reader waits", Kind: lab.Duration, Default: "500ms", Min: "200ms", Max: "2s"},
		{Name: "outage", Label: "how long the cache is gone", Kind: lab.Duration, Default: "5s", Quick: "3s", Min: "2s", Max: "30s"},
		{Name: "kind", Label: "how it is gone", Kind: lab.Choice, Default: "refuse", Choices: []string{"refuse", "hang"}},
	},
	Load:     lab.Load{Callers: "readers of keys in Redis, over Postgres", Rate: 200, For: 8 * time.Second, Words: "open loop, Poisson arrivals; 2 s before the outage, 5 s of it and 1 s after"},
	Measures: []string{"readers answered within their patience, before the outage, in it, and in its second half", "questions to the database a second, its queue, and queries for readers who had left", "old copies given"},

	Expect: []lab.Expectation{
		{Claim: "load on the database without the cache: 1 ÷ (1 − hit share) times as much, 20 times at 95 %", Tolerance: "± 10 %, with the hit share as it was measured", Source: ourNarrowDB},
		{Claim: "all ask the database: when the queue is longer than a reader's patience, nobody is answered in time", Tolerance: "at most 5 % of those who come in the second half", Source: avoidFallback},
		{Claim: "with a limit: goodput is what the database can do, workers ÷ work ÷ rate, half of the readers", Tolerance: "± 10 percentage points", Source: ourNarrowDB},
		{Claim: "with old copies: readers don't notice", Tolerance: "at least 97 % answered", Source: ourNarrowDB},
		{Claim: "with old copies: load on the database is (1 − hit share) × rate and one query a second for each popular key", Tolerance: "± 30 %", Source: ourNarrowDB},
	},
	Explain: []string{
		"A cache that answers 95 of 100 leaves 5 to the database. So without it the database gets 100 where it got 5: 1 ÷ (1 − 0.95) = 20 times as much. The better the cache, the deeper the fall: 99 % make it 100 times. Nobody sees that coming, for on all other days the database idles.",
		"At 200 queries a second and 100 that it can do, its queue grows by a second of waiting for each second. Readers leave after half a second; their queries stay. From then on it works at full speed for those who have left, and goodput is nothing. The fallback has turned the loss of a cache, which would have cost time, into the loss of everything.",
		"A limit keeps the database alive: what is over it is refused at once, and who is admitted is answered. That is half of the readers, and the other half gets an error, quickly. Coalescing makes one query of all that ask for the same key at the same moment. An old copy in memory makes most of them needless.",
		"The rule: a fallback has to be cheaper than the way it stands in for, taken all the time, and visible. The copy in memory is all three. It costs less than asking Redis; every reader passes it, in good times too, so it is known to work; and it says that it is old. The database as a fallback is none of them.",
	},
	Hurts: []string{
		"The fallback itself is what hurts: see the first row. AWS's advice is to avoid it, because it is hard to test, may fail itself, often makes things worse, and hides a bug for the day on which it is needed.",
		"Memory is empty after a restart. If the servers restart while the cache is gone, old copies are gone as well, and only the limit stands between the readers and the database.",
		"A cache that comes back empty is as good as none: 20 times the load goes on until it is warm. Warm it by what the limit lets through, not by everybody at once.",
		"Old copies can be wrong: what that costs is lesson 9's.",
	},
	Sources: []lab.Reference{avoidFallback, cachingAtScale, ourNarrowDB, {Text: "internal/resilience/bulkhead.go", URL: "/source/internal/resilience/bulkhead.go"}, {Text: "internal/resilience/coalesce.go", URL: "/source/internal/resilience/coalesce.go"}, ourStale},
	Run:     safetyNet,
})

func safetyNet(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Postgres == nil || rig.Redis == nil {
		return lab.Result{}, errors.New("this machine lacks Postgres or Redis: start the blog with DATABASE_URL and REDIS_URL set, or let it start its own")
	}
	trials := v.Int("trials")
	plan := netPlan{kind: v.Choice("kind"), keys: v.Int("keys"), work: v.Duration("work"), workers: v.Int("workers"), patience: v.Duration("patience")}
	plan.begins = 2 * time.Second
	plan.ends = plan.begins + v.Duration("outage")
	length := plan.ends + netAfter
	caught := make([][]catch, len(nets)) // of each way, one for each outage
	for trial := range trials {
		seed := v.Seed()<<8 + uint64(trial)
		at, err := arrivals(seed, span{v.Float("rate"), length})
		if err != nil {
			return lab.Result{}, err
		}
		plan.at, plan.wants = at, wanted(seed, len(at), plan.keys, v.Float("hits")/100)
		for i, way := range nets {
			err := during(tell, stageOf(trial*len(nets)+i, trials*len(nets), length, fmt.Sprintf("outage %d of %d: %s", trial+1, trials, way.name)), func() error {
				c, err := plan.fall(ctx, rig, i)
				caught[i] = append(caught[i], c)
				return err
			})
			if err != nil {
				return lab.Result{}, err
			}
		}
	}
	return netsTold(caught, plan, v), nil
}
