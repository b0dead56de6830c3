package experiments

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var (
	scalingMemcache = lab.Reference{Text: "Nishtala et al.: Scaling Memcache at Facebook (NSDI'13), §3.2.1", URL: "https://www.usenix.org/conference/nsdi13/technical-sessions/presentation/nishtala"}
	rfc5861         = lab.Reference{Text: "RFC 5861: HTTP Cache-Control Extensions for Stale Content", URL: "https://www.rfc-editor.org/rfc/rfc5861"}
)

// The three caches that are compared; each has one setting more than the one before it.
var caches = []struct {
	name   string
	policy func(fresh time.Duration) resilience.StalePolicy
}{
	{"each asks for itself", func(fresh time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh}
	}},
	{"coalesced", func(fresh time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh, Coalesce: true}
	}},
	{"coalesced, old copy meanwhile", func(fresh time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh, Coalesce: true, Behind: 10 * fresh, Keep: 10 * fresh}
	}},
}

var _ = register(90, &lab.Experiment{
	Name: "stampede", Code: "E9", Title: "When everyone misses at once",
	Question: "A popular copy expires. 200 callers a second ask for it, and the query that makes a new one takes 100 ms. How many queries does the database get?",
	Choices:  []string{"One: the first caller's; the others find its answer", "About 20: one from each caller until the first answer is there", "200: one from each caller of that second"},
	Answer:   1,

	Label: lab.Injected,
	SetUp: "Callers ask the blog's own resilience.Cache for one key. It asks Postgres, whose query sleeps for 100 ms before it answers. The copy is fresh when the callers begin to come, and expires once while they do. The same callers come, at the same moments, to three caches: one without coalescing, one with, and one that also gives the old copy away while it asks (stale-while-revalidate). Then all of it again with a first query that fails.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "expiries of each kind", Unit: "trials", Kind: lab.Int, Default: "10", Quick: "2", Min: "1", Max: "50"},
		{Name: "rate", Label: "callers", Unit: "calls/s", Kind: lab.Float, Default: "200", Min: "50", Max: "300"},
		{Name: "fill", Label: "time that the query takes; the copy is fresh for four times as long", Kind: lab.Duration, Default: "100ms", Min: "20ms", Max: "200ms"},
	},
	Load:     lab.Load{Callers: "callers of one key of a cache over Postgres", Rate: 200, For: 700 * time.Millisecond, Words: "open loop, Poisson arrivals; 0.7 s around each expiry"},
	Measures: []string{"queries at Postgres for each expiry, counted by the caller and by the connection pool", "how long callers waited who came between the expiry and the new copy", "callers who failed when the first query did"},

	Expect: []lab.Expectation{
		{Claim: "without coalescing: as many queries as callers come during one, rate × fill, about 20", Tolerance: "± 4 standard errors and 10 %, with the query's time as it was measured", Source: scalingMemcache},
		{Claim: "with coalescing: 1 query", Tolerance: "exact", Source: scalingMemcache},
		{Claim: "with the old copy meanwhile: 1 query, and nobody waits", Tolerance: "their p99 under a tenth of the query's time", Source: rfc5861},
		{Claim: "when the one query fails, all who share it fail", Tolerance: "exact", Source: lab.Reference{Text: "internal/resilience/coalesce.go", URL: "/source/internal/resilience/coalesce.go"}},
	},
	Explain: []string{
		"From the moment the copy expires until a new one is there, each caller misses. Without coalescing each of them asks the database for the same row: rate × time of the query, 200/s × 0.1 s = 20. A slower database makes the query longer, and so more of them: the stampede feeds itself.",
		"With coalescing the first asks, and who comes meanwhile waits for the same answer. The number of queries no longer depends on the number of callers. Facebook's memcache does it between servers, with leases: for keys prone to such herds the database's peak fell from 17,000 to 1,300 queries a second.",
		"With stale-while-revalidate nobody waits at all. The old copy is still there; the first caller after the expiry gets it like everyone else, and the new one is fetched behind them.",
	},
	Hurts: []string{
		"A cold start: where there is no old copy, nothing can be given meanwhile, and all wait. Coalescing still bounds the queries for each key, but a thousand cold keys are a thousand queries at once.",
		"Waiters share one failure. When the first query failed here, without coalescing one caller got the error, and with it all who had come meanwhile: see the second table. An old copy that may serve (stale-if-error) takes that away.",
		"They share one slowness and one value, too. Never coalesce what depends on who asks.",
	},
	Sources: []lab.Reference{scalingMemcache, rfc5861, {Text: "internal/resilience/coalesce.go", URL: "/source/internal/resilience/coalesce.go"}, {Text: "internal/resilience/stale.go", URL: "/source/internal/resilience/stale.go"}},
	Run:     stampede,
})

func stampede(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Postgres == nil {
		return lab.Result{}, errNoPostgres
	}
	fill, rate := v.Duration("fill"), v.Float("rate")
	const fresh, ends = 4, 7 // in times of a query: how long a copy is fresh, and callers come; so it expires once
	var herds [2][]herd      // with queries that work, and with a first one that fails; a herd for each cache
	for i := range herds {
		herds[i] = make([]herd, len(caches))
	}
	trials, n := v.Int("trials"), 0
	for trial := range trials {
		at, err := arrivals(v.Seed()<<8+uint64(trial), span{rate, ends * fill})
		if err != nil {
			return lab.Result{}, err
		}
		for failing := range herds {
			for i, cache := range caches {
				say := fmt.Sprintf("expiry %d of %d: %s", trial+1, trials, cache.name)
				err := during(tell, stageOf(n, trials*len(herds)*len(caches), ends*fill, say), func() error {
					return herds[failing][i].expire(ctx, rig.Postgres, expiry{policy: cache.policy(fresh * fill), fill: fill, fails: failing == 1, at: at})
				})
				if err != nil {
					return lab.Result{}, err
				}
				n++
			}
		}
	}
	return herdsTold(herds, rate, fill, trials), nil
}
