package experiments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
)

var ourProtections = lab.Reference{Text: "internal/policy/protection.go: what each switch sets", URL: "/source/internal/policy/protection.go"}

var _ = register(12, &lab.Experiment{
	Name: "ladder", Title: "One protection at a time",
	Question: "A blog without any protection gets one after the other, under the same outage each time. And one that has them all loses one. Which buys the readers most?",
	Choices:  []string{"The circuit breaker", "Retries with backoff and jitter", "Copies, which answer without the dependency"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Each rung is a process of its own that starts without copies, serves the same readers and meets the same fault. Up the ladder one protection is added at a time, in the order of the policies table; then each is left out alone from the whole. What a protection buys depends on what is there already, so the two differ: a rung is worth what it adds to those below it. With the defaults there are 27 runs, which take about four and a half minutes.",

	Params: []lab.Param{
		{Name: "link", Label: "dependency; mixed is each in turn", Kind: lab.Choice, Default: "mixed", Choices: []string{"mixed", "postgres", "redis", "recommendations", "all"}},
		{Name: "kind", Label: "fault", Kind: lab.Choice, Default: "hang", Quick: "refuse", Choices: []string{"refuse", "hang", "slow", "flaky", "reset"}},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "20", Min: "1", Max: "100"},
		{Name: "for", Label: "how long the faults last in all", Kind: lab.Duration, Default: "6s", Quick: "1500ms", Min: "1s", Max: "1m"},
		{Name: "margin", Label: "readers before and after them", Kind: lab.Duration, Default: "1s", Quick: "500ms", Min: "500ms", Max: "10s"},
		{Name: "patience", Label: "longest wait of a reader", Kind: lab.Duration, Default: "2s", Min: "1s", Max: "30s"},
		{Name: "rungs", Label: "rungs to measure, besides nothing and everything", Kind: lab.Set, Default: protectionNames(), Quick: "deadline,stale", Choices: known()},
		{Name: "without", Label: "to leave out alone", Kind: lab.Set, Default: protectionNames(), Quick: "stale", Choices: known()},
		{Name: "trials", Label: "measurements of each", Unit: "trials", Kind: lab.Int, Default: "1", Min: "1", Max: "5"},
		lab.SeedParam(),
	},
	Load:     lab.Load{Callers: "page readers", Rate: 20, For: 8 * time.Second, Words: "open loop, Poisson arrivals, articles by Zipf's law; the same seed for each rung"},
	Measures: []string{"readers who came during the faults: served within a second, with every part, 99th percentile of the wait", "tries at each dependency a reader, of the whole run"},
	Expect: []lab.Expectation{
		{Claim: "with everything on, every reader is served within a second", Tolerance: "none", Source: ourProtections},
		{Claim: "with nothing on, fewer are, when dependencies refuse, hang or reset", Tolerance: "none", Source: ourProtections},
	},
	Explain: []string{
		"Isolation and deadlines keep an optional part's failure from taking the page, and its slowness from holding it. Neither helps when the article itself can't be read.",
		"Copies serve without the dependency, so they do help, and take most of its load away in healthy times, too. A cache is enough for an outage of seconds; stale copies are for longer ones, and nobody waits for a try that is about to fail. What comes after them changes little for the readers of these few articles, and much for the dependency: retries ask it again, the budget, the breaker and the bulkheads bound that.",
		"Which rung buys most depends on the fault. Where dependencies refuse at once isolation is worth as much as copies, since two of the three have only optional parts; where they hang it is worth nothing without a deadline.",
		"Leaving one out of the whole shows how far the others stand in for it: a protection that bought much low on the ladder may be missed little at its top.",
	},
	Hurts: []string{
		"A low rung can do harm: retries without a budget multiply the load of a dependency that is failing under load already, and a breaker turns a part's failure into the whole's.",
		"A rung whose fault isn't here seems worth nothing. Bulkheads, hedging and shedding show under a link that is slow, a copy that is slow and a crowd of readers.",
	},
	Sources: []lab.Reference{ourProtections, {Text: "internal/resilience/guard.go: how they are put together, and why so", URL: "/source/internal/resilience/guard.go"}, openVersusClosed},
	Run:     ladder,
})

// A step is one set of protections, and what its readers got.
type step struct {
	name    string // for people: "+ Stale copies"
	short   string // for the chart
	without bool   // one is left out of all, and not added to those before
	on      []string
	got     []lab.Outcome // one a trial
}

// rungsOf are the rungs to measure, from nothing to everything, and then those with one left out.
func rungsOf(measured, without []string) []step {
	all := policy.Protections()
	rungs := []step{{name: "nothing", short: "nothing"}}
	names := known()
	for i, p := range all {
		last := i == len(all)-1
		if !last && !slices.Contains(measured, string(p.Protection)) {
			continue
		}
		r := step{name: "+ " + p.Label, short: "+ " + string(p.Protection), on: names[:i+1]}
		if last {
			r.name += " (everything)"
		}
		rungs = append(rungs, r)
	}
	for i, p := range all {
		if slices.Contains(without, string(p.Protection)) {
			rungs = append(rungs, step{name: "all but " + p.Label, short: "without " + string(p.Protection), without: true, on: slices.Delete(slices.Clone(names), i, i+1)})
		}
	}
	return rungs
}

func ladder(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	if rig.Custom == nil {
		return lab.Result{}, errors.New("there is nothing here to run a blog with some of the protections: start the blog on its private servers, without DATABASE_URL and REDIS_URL")
	}
	margin, long := v.Duration("margin"), v.Duration("for")
	plan := load.Plan{Rate: v.Float("rate"), Duration: long + 2*margin, Timeout: v.Duration("patience")}
	faults := inTurn(v.Choice("link"), v.Choice("kind"), margin, long)
	rungs, trials := rungsOf(v.Set("rungs"), v.Set("without")), v.Int("trials")
	defer rig.Custom.Stop()

	began, runs := time.Now(), len(rungs)*trials
	for i := range runs {
		r := &rungs[i%len(rungs)]
		left := time.Duration(runs) * plan.Duration // before the first has ended nobody knows more
		if i > 0 {
			left = time.Since(began) / time.Duration(i) * time.Duration(runs-i)
		}
		say := fmt.Sprintf("run %d of %d, %s; about %s to go", i+1, runs, r.name, left.Round(time.Second))
		plan.Seed = v.Seed() + uint64(i/len(rungs))
		err := during(tell, stageOf(i, runs, plan.Duration, say), func() error {
			url, err := rig.Custom.Serve(ctx, r.on, nil)
			if err != nil {
				return err
			}
			server := lab.Target{Name: r.name, URL: url}
			if err := rig.Settle(ctx, server); err != nil {
				return err
			}
			got, err := rig.Measure(ctx, plan, faults, server)
			r.got = append(r.got, got...)
			return err
		})
		if err != nil {
			return lab.Result{}, err
		}
	}
	return ladderResult(rungs, v), nil
}

// inTurn breaks one link, or each in turn for its part of the time.
func inTurn(link, kind string, from, long time.Duration) []lab.FaultStep {
	if link != "mixed" {
		return []lab.FaultStep{{At: from, Order: lab.Order{Link: link, Kind: kind, For: long}}}
	}
	var steps []lab.FaultStep
	each := long / time.Duration(len(dependencies))
	for i, d := range dependencies {
		steps = append(steps, lab.FaultStep{At: from + time.Duration(i)*each, Order: lab.Order{Link: d, Kind: kind, For: each}})
	}
	return steps
}
