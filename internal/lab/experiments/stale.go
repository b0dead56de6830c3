package experiments

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var ourStale = lab.Reference{Text: "internal/resilience/stale.go", URL: "/source/internal/resilience/stale.go"}

// unbounded stands for a copy that serves for as long as its source is gone.
const unbounded = 24 * time.Hour

// The caches that are compared; each has one setting more than the one before it.
var staleCaches = []struct {
	name   string
	policy func(fresh, keep time.Duration) resilience.StalePolicy
}{
	{"no copy", func(_, _ time.Duration) resilience.StalePolicy { return resilience.StalePolicy{} }},
	{"a copy while it is fresh", func(fresh, _ time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh}
	}},
	{"and stale, if error", func(fresh, keep time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh, Keep: keep, Patience: staleWait, Pause: stalePause}
	}},
	{"and stale without end", func(fresh, _ time.Duration) resilience.StalePolicy {
		return resilience.StalePolicy{Fresh: fresh, Keep: unbounded, Patience: staleWait, Pause: stalePause}
	}},
}

const (
	staleWait   = 100 * time.Millisecond // for the source, before an old copy is taken, or an error given
	stalePause  = 50 * time.Millisecond  // after a failed refresh, before the next
	staleAfter  = 500 * time.Millisecond // that it is well again, at the end
	staleRevoke = 200 * time.Millisecond // from the loss of the source to the revocation
)

var _ = register(85, &lab.Experiment{
	Name: "stale", Title: "Is old good enough?",
	Question: "A page's copy is fresh for 600 s and may stand in for 1,200 s when its source fails (max-age=600, stale-if-error=1200). The source goes, for long. How old is the oldest copy that a reader gets?",
	Choices:  []string{"600 s: then it is stale", "1,200 s: the longer of the two", "1,800 s: the second window begins where the first ends"},
	Answer:   2,

	Label: lab.Injected, Scale: "time divided by 1,000: 600 ms stand for RFC 5861's 600 s",
	SetUp: "Readers ask the blog's own resilience.Cache for one permission: may this be shown? It asks Postgres, whose clock knows until when the permission holds. Then Postgres is gone for a while, and 200 ms later the permission ends, which nobody who has only a copy can know. The same readers come, at the same moments, to four caches: without a copy, with one that is served while it is fresh, with one that also stands in when the source fails (stale-if-error), and with one for which that has no end.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "outages", Unit: "trials", Kind: lab.Int, Default: "10", Quick: "2", Min: "1", Max: "30"},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "100", Min: "20", Max: "300"},
		{Name: "fresh", Label: "how long a copy is fresh (max-age)", Kind: lab.Duration, Default: "600ms", Min: "200ms", Max: "2s"},
		{Name: "keep", Label: "how long after that it may stand in (stale-if-error)", Kind: lab.Duration, Default: "1200ms", Min: "0s", Max: "5s"},
		{Name: "outage", Label: "how long the source is gone", Kind: lab.Duration, Default: "3s", Quick: "2500ms", Min: "500ms", Max: "20s"},
		{Name: "kind", Label: "how it is gone", Kind: lab.Choice, Default: "refuse", Choices: []string{"refuse", "hang"}},
	},
	Load:     lab.Load{Callers: "readers of one key of a cache over Postgres", Rate: 100, For: 4400 * time.Millisecond, Words: "open loop, Poisson arrivals; from 0.6 to 1.2 s before the outage, 3 s of it and 0.5 s after"},
	Measures: []string{"readers who got an answer while the source was gone; how old it was, from its provenance", "queries at Postgres, tries while it was gone included", "readers who were shown what had been revoked, and for how long"},

	Expect: []lab.Expectation{
		{Claim: "the oldest answer of a copy that is served while fresh is max-age old", Tolerance: "of all outages; ± 30 ms and four gaps between readers, 70 ms in all", Source: rfc5861},
		{Claim: "the oldest answer with stale-if-error is max-age + stale-if-error old: RFC 5861's 600 and 1,200 end at 1,800", Tolerance: "as before", Source: rfc5861},
		{Claim: "share of readers served while the source is gone: (max-age + stale-if-error − age of the copy when it went) ÷ outage", Tolerance: "± 4 standard errors and 2 percentage points", Source: rfc5861},
		{Claim: "a revoked permission is shown no longer than the windows allow, and without an end for as long as the source is gone", Tolerance: "as before; without an end at least that, until a connection is made again", Source: ourStale},
		{Claim: "queries while the source is well: one for each reader without a copy, one for each max-age with one", Tolerance: "± 2 an outage", Source: ourStale},
	},
	Explain: []string{
		"A copy has two ages to pass. Up to max-age it is served without a question. After that its source is asked, and only if that fails may the old copy stand in, up to stale-if-error more. Both windows count from different ends: the second begins when the copy becomes stale, not when it was made. So 600 and 1,200 are 1,800.",
		"Without a copy every reader depends on the source at every moment: when it is gone, all fail. A copy that is only served while fresh bridges what is left of its life, on average half of it. The second window is what bridges an outage, and it costs the source nothing: the copy is there anyway.",
		"A reader whose copy is stale waits for the source for at most 100 ms here, and after a failure nobody tries for 50 ms. So a source that is gone is asked about 20 times a second, whatever the number of readers, and an old answer comes as quickly as a fresh one.",
		"Every answer carries its State and the instant at which it was read at its origin, so a page can say how old it is. An age would be wrong as soon as the page is kept anywhere.",
	},
	Hurts: []string{
		"Where old is wrong. The permission ended 200 ms after the source had gone. Whoever had a copy went on to be told that it holds: see the second table. For prices, permissions and stock choose a short max-age and no stale-if-error at all, and say no when you can't ask.",
		"Where nothing ends it. Without a bound the revoked permission is shown for as long as the source is gone, be it a weekend. Bound the second window by how long a wrong answer may live, not by how long an outage may last.",
		"Where nobody sees it. Readers are content, and no error is counted: an outage hides behind its copies. Count stale answers, and raise an alarm on their share and on their age.",
	},
	Sources: []lab.Reference{rfc5861, ourStale, {Text: "internal/resilience/cache.go", URL: "/source/internal/resilience/cache.go"}, {Text: "internal/lab/experiments/stale_outage.go", URL: "/source/internal/lab/experiments/stale_outage.go"}},
	Run:     stale,
})

func stale(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Postgres == nil {
		return lab.Result{}, errNoPostgres
	}
	fresh, trials := v.Duration("fresh"), v.Int("trials")
	plan := staleOutage{kind: v.Choice("kind")}
	seen := make([][]witness, len(staleCaches)) // of each cache, one for each outage
	for trial := range trials {
		plan.begins, plan.ends = outageOf(v.Seed(), trial, fresh, v.Duration("outage"))
		length := plan.ends + staleAfter
		at, err := arrivals(v.Seed()<<8+uint64(trial), span{v.Float("rate"), length})
		if err != nil {
			return lab.Result{}, err
		}
		plan.at = at
		err = during(tell, stageOf(trial, trials, length, fmt.Sprintf("outage %d of %d", trial+1, trials)), func() error {
			got, err := plan.carryOut(ctx, rig, fresh, v.Duration("keep"))
			for i := range got {
				seen[i] = append(seen[i], got[i])
			}
			return err
		})
		if err != nil {
			return lab.Result{}, err
		}
	}
	return staleTold(seen, v), nil
}
