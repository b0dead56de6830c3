package experiments

import (
	"context"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var (
	tailAtScale = lab.Reference{Text: "Dean and Barroso: The Tail at Scale (Communications of the ACM, 2013)", URL: "https://cacm.acm.org/research/the-tail-at-scale/"}
	ourHedge    = lab.Reference{Text: "internal/resilience/hedge.go", URL: "/source/internal/resilience/hedge.go"}
)

// hedgeBudget is the blog's own: so many second copies for each leaf.
const (
	hedgeBudget = 0.05
	hedgeBurst  = 5
)

// The runs that are compared. The first three differ in one thing each from the one before; so do the last two.
var hedgeRuns = []struct {
	name      string
	hedged    bool
	shared    bool
	overload  bool // the servers are late to all
	unbounded bool // no budget for second copies
}{
	{name: "one copy"},
	{name: "second copy when late", hedged: true},
	{name: "second copy, both slow together", hedged: true, shared: true},
	{name: "all late, no budget", hedged: true, shared: true, overload: true, unbounded: true},
	{name: "all late, with the budget", hedged: true, shared: true, overload: true},
}

var _ = register(120, &lab.Experiment{
	Name: "hedging", Code: "E8", Title: "One copy is slow",
	Question: "A page asks 100 servers at once and waits for all of them. Each answers quickly, but for one time in a hundred. How many pages are slow?",
	Choices:  []string{"One in a hundred", "About ten in a hundred", "About 63 in a hundred"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "Two parts. Simulated: pages of 100 leaves whose answers take 10 ms, half as long to half as long again, or in one of a hundred cases 200 ms. Injected: real calls over HTTP to two servers in this process that give the same answers, each over links of the experiment's own, package fault; one in a hundred answers comes over a link that is slow. In the last two runs the servers themselves are as slow, to all. Where a leaf has no answer after a while, the blog's own resilience.Hedge asks the other server, within a budget of one second copy for twenty leaves. The same pages come, at the same moments and with the same slow first copies, to each way.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "pages", Label: "simulated pages of each trial", Unit: "pages", Kind: lab.Int, Default: "5000", Quick: "2000", Min: "100", Max: "10000"},
		{Name: "trials", Label: "trials of the simulation", Unit: "trials", Kind: lab.Int, Default: "10", Quick: "3", Min: "1", Max: "50"},
		{Name: "fan-out", Label: "leaves of a page", Unit: "leaves", Kind: lab.Int, Default: "100", Min: "1", Max: "100"},
		{Name: "slow", Label: "share of answers that are slow", Unit: "%", Kind: lab.Float, Default: "1", Min: "0.1", Max: "5"},
		{Name: "rate", Label: "real pages", Unit: "pages/s", Kind: lab.Float, Default: "8", Min: "1", Max: "14"},
		{Name: "for", Label: "time of each real run", Kind: lab.Duration, Default: "10s", Quick: "1s", Min: "1s", Max: "60s"},
		{Name: "after", Label: "wait for the first copy alone", Kind: lab.Duration, Default: "75ms", Quick: "150ms", Min: "10ms", Max: "150ms"},
		{Name: "latency", Label: "a slow answer", Kind: lab.Duration, Default: "400ms", Min: "300ms", Max: "1s"},
	},
	Load:     lab.Load{Callers: "pages of 100 leaves each, of two servers of the experiment's own", Rate: 8, For: 10 * time.Second, Words: "open loop, Poisson arrivals of pages; at most one second copy of a leaf"},
	Measures: []string{"pages that wait for a slow answer; how long pages take", "copies sent for each leaf, and requests that reached the two servers"},

	Expect: []lab.Expectation{
		{Claim: "simulated, one copy: 1 − (1 − q)^n of the pages are slow, 63.4 % of pages with 100 leaves", Tolerance: "± 4 standard errors of the pages made", Source: tailAtScale},
		{Claim: "simulated, a second copy when the first is late: 1 − (1 − q²)^n, 1.0 %, for 1 % more load, or 5 % more where late is the 95th percentile", Tolerance: "± 4 standard errors; load ± 0.5 %", Source: tailAtScale},
		{Claim: "injected, one copy: as the formula says", Tolerance: "± 4 standard errors and 5 percentage points", Source: tailAtScale},
		{Claim: "injected: slow are the pages that drew a leaf without a quick copy, and no others", Tolerance: "± 1 page and a fifth of all, for a busy machine is slow by itself, and a budget may be spent", Source: ourHedge},
		{Claim: "injected, a second copy: as the formula says", Tolerance: "at most 4 standard errors and 5 percentage points more", Source: ourHedge},
		{Claim: "injected, load with the budget: at most 1.05 copies for each leaf", Tolerance: "exact: the budget starts empty", Source: ourHedge},
		{Claim: "both copies slow together: the gain is gone", Tolerance: "as with one copy", Source: tailAtScale},
		{Claim: "when all is late, 2 copies for each leaf without a budget", Tolerance: "± 5 %", Source: ourHedge},
	},
	Explain: []string{
		"A page that waits for many waits for the slowest. With 100 leaves, each slow in one of a hundred cases, it meets no slow one with probability 0.99^100, 36.6 %. So what is rare for a server is usual for its readers: making single answers a little better doesn't mend that.",
		"A second copy goes to another server when the first is late. Both are late with probability q², one in ten thousand, and that a page of 100 leaves meets that is 1 − (1 − q²)^100, 1.0 %. It costs little, because few are late: one in a hundred more requests where the wait lies between the quick answers and the slow ones, one in twenty at the 95th percentile.",
		"The budget is for the day on which all answers are late. Then each leaf would be asked for twice, and the load doubles at the worst moment. With 5 tokens for a hundred leaves it can't grow by more than 5 %, whatever happens. It saves no more than 5: the sixth leaf that is late at the same moment waits.",
	},
	Hurts: []string{
		"A shared cause. The two copies are of use only while they are slow independently of each other. One database behind both, one switch, one machine under both, and the second copy is as late as the first: see the third row. The load is there all the same.",
		"Overload. When the servers are late because they have too much to do, second copies are more to do: see the fourth row, which has no budget, and the fifth, which has one.",
		"Writes. Both copies may be carried out, for a cancelled request has been sent: hedge what is idempotent, or nothing.",
		"A wait that was right once. Set it from measurements: far below the 95th percentile everything is asked twice, far above it nothing is gained.",
	},
	Sources: []lab.Reference{tailAtScale, ourHedge, {Text: "internal/sim/hedge.go", URL: "/source/internal/sim/hedge.go"}, {Text: "internal/lab/experiments/hedging_pages.go", URL: "/source/internal/lab/experiments/hedging_pages.go"}},
	Run:     hedging,
})

func hedging(ctx context.Context, _ *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	rate, length := v.Float("rate"), v.Duration("for")
	at, err := arrivals(v.Seed(), span{rate, length})
	if err == nil {
		err = bearable(rate*float64(v.Int("fan-out")), 1, 1) // a second copy of each leaf
	}
	if err == nil && len(at) == 0 {
		err = fmt.Errorf("no page is made in %v: raise the rate or the time", length)
	}
	if err != nil {
		return lab.Result{}, err
	}
	var r lab.Result
	if err := during(tell, stage{0, 0.1, 0, "simulating pages"}, func() (err error) { r, err = simulateTail(ctx, v); return err }); err != nil {
		return lab.Result{}, err
	}
	tails := make([]tail, len(hedgeRuns))
	for i, run := range hedgeRuns {
		plan := tailPlan{at: at, seed: v.Seed(), fanOut: v.Int("fan-out"), slow: v.Float("slow") / 100, shared: run.shared, late: run.overload}
		if run.hedged {
			plan.hedge = resilience.HedgePolicy{After: v.Duration("after"), Ratio: hedgeBudget, Burst: hedgeBurst}
			if !run.unbounded {
				if plan.budget, err = resilience.NewBudget(resilience.BudgetPolicy{Ratio: hedgeBudget, Burst: hedgeBurst}); err != nil {
					return lab.Result{}, err
				}
			}
		}
		step := stageOf(i, len(hedgeRuns), length, "real pages, "+run.name)
		step.from, step.to = 0.1+0.9*step.from, 0.1+0.9*step.to
		if err := during(tell, step, func() (err error) { tails[i], err = plan.fetch(ctx, v.Duration("latency")); return err }); err != nil {
			return lab.Result{}, err
		}
	}
	tailsTold(&r, tails, v)
	return r, nil
}
