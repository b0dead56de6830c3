package experiments

import (
	"context"
	"fmt"
	"math"
	"time"

	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

var (
	littlesLaw    = lab.Reference{Text: "Little: A Proof for the Queuing Formula L = λW (Operations Research, 1961)", URL: "https://doi.org/10.1287/opre.9.3.383"}
	grpcDeadlines = lab.Reference{Text: "gRPC: Deadlines, and how they travel", URL: "https://grpc.io/docs/guides/deadlines/"}
	ourDeadline   = lab.Reference{Text: "internal/resilience/deadline.go", URL: "/source/internal/resilience/deadline.go"}
	ourChain      = lab.Reference{Text: "internal/lab/experiments/timeouts_chain.go", URL: "/source/internal/lab/experiments/timeouts_chain.go"}
)

// roomy is how many calls the dependency takes at once where it is not to run out of places.
const roomy = 64

// The runs of the chain. Each of the first three differs in one thing from the one before; the last two are the second
// and the third with few places at the dependency.
var waitRuns = []struct {
	name                   string
	timeout, travels, tied bool
}{
	{name: "no timeout"},
	{name: "timeout", timeout: true},
	{name: "deadline that travels", timeout: true, travels: true},
	{name: "timeout, few places", timeout: true, tied: true},
	{name: "deadline that travels, few places", timeout: true, travels: true, tied: true},
}

// The runs of a timeout that is too tight, at a dependency that is well. Each differs in one thing from the one before.
var stormRuns = []struct {
	name                         string
	tight, retries, few, budgets bool
}{
	{name: "tight, one try", tight: true},
	{name: "tight, retries", tight: true, retries: true},
	{name: "tight, retries, few places", tight: true, retries: true, few: true},
	{name: "tight, retries, few places, budget", tight: true, retries: true, few: true, budgets: true},
	{name: "ample, retries, few places, budget", retries: true, few: true, budgets: true},
}

var _ = register(25, &lab.Experiment{
	Name: "timeouts", Title: "How long do I wait?",
	Question: "A server has ten workers, and each asks a dependency for its reader. One answer in five takes 1.5 s, the others 40 ms on average. 80 readers a second come, with a patience of one second. How many get their page?",
	Choices:  []string{"Four of five: those whose answer is quick", "Nobody, after a while: the slow answers hold all the workers", "All of them, some late"},
	Answer:   1,

	Label: lab.Injected,
	SetUp: "Two small HTTP servers in this process, on addresses that nobody else knows: one with a few workers, and the dependency that they ask, whose answers are delayed by what the seed drew. Readers come in an open loop. The same readers come, at the same moments and with the same delays, to a server without a timeout, to one with the blog's own resilience.Deadline, and to one that also heeds how long its reader still waits and sends what is left along. Then the same with few places at the dependency. In a second part nothing is wrong with the dependency, and callers ask it through the blog's own resilience.Guard with a timeout that is too tight. Counted is what happens in the second half of each run.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials of each run", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "20"},
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: lab.Float, Default: "80", Min: "20", Max: "150"},
		{Name: "for", Label: "time of each run; its second half counts", Kind: lab.Duration, Default: "4s", Quick: "2s", Min: "1s", Max: "20s"},
		{Name: "workers", Label: "workers of the server", Unit: "workers", Kind: lab.Int, Default: "10", Min: "1", Max: "50"},
		{Name: "patience", Label: "longest wait of a reader", Kind: lab.Duration, Default: "1s", Quick: "400ms", Min: "300ms", Max: "5s"},
		{Name: "answer", Label: "mean time of a healthy answer", Kind: lab.Duration, Default: "40ms", Min: "10ms", Max: "80ms"},
		{Name: "slow", Label: "share of answers that are slow", Unit: "%", Kind: lab.Float, Default: "20", Quick: "30", Min: "0", Max: "80"},
		{Name: "latency", Label: "a slow answer", Kind: lab.Duration, Default: "1500ms", Quick: "800ms", Min: "500ms", Max: "5s"},
		{Name: "timeout", Label: "timeout of a call", Kind: lab.Duration, Default: "250ms", Quick: "200ms", Min: "20ms", Max: "1s"},
		{Name: "places", Label: "calls that the dependency takes at once, where they are few", Unit: "calls", Kind: lab.Int, Default: "12", Min: "1", Max: "64"},
		{Name: "tight", Label: "share of healthy answers slower than the tight timeout", Unit: "%", Kind: lab.Float, Default: "50", Min: "1", Max: "80"},
		{Name: "attempts", Label: "attempts of a call, the first included", Unit: "attempts", Kind: lab.Int, Default: "3", Min: "2", Max: "5"},
		{Name: "few", Label: "the same places for the healthy dependency", Unit: "calls", Kind: lab.Int, Default: "4", Min: "1", Max: "64"},
	},
	Load: lab.Load{Callers: "readers of a server of the experiment's own", Rate: 80, For: 4 * time.Second, Words: "open loop, Poisson arrivals; healthy answers take an exponential time"},
	Measures: []string{
		"readers answered 200 within their patience, and their p99",
		"readers in the server and workers that are held, on average and at the most",
		"calls in work at the dependency, and those of them for which nobody waits any more",
		"false timeouts, and tries for each call",
	},

	Expect: []lab.Expectation{
		{Claim: "without a timeout, where rate × mean time is well above the number of workers: all workers are held, and next to nobody is served", Tolerance: "at least 95 % held; at most 10 % served", Source: littlesLaw},
		{Claim: "with a timeout, and with a deadline: all are served whose answer is quick, (1 − slow) × (1 − e^(−timeout ÷ mean))", Tolerance: "± 4 standard errors and 5 percentage points", Source: ourChain},
		{Claim: "Little's law: readers in the server = readers a second × their mean time; the first as the server counts it, the others as the readers do", Tolerance: "± 15 % and half a reader", Source: littlesLaw},
		{Claim: "calls in work at the dependency: rate × mean time of the work, which a deadline that travels cuts short and a timeout doesn't", Tolerance: "± 4 standard errors and 15 %", Source: littlesLaw},
		{Claim: "with a timeout alone, work for nobody: slow × (latency − timeout) of all work, 75 %; with a deadline that travels none", Tolerance: "± 10 percentage points; at most 5 %", Source: grpcDeadlines},
		{Claim: "with few places at the dependency the timeout alone doesn't save the readers, and the deadline does", Tolerance: "fewer than half of the latter's", Source: grpcDeadlines},
		{Claim: "a tight timeout makes false timeouts: e^(−timeout ÷ mean) of the tries", Tolerance: "± 4 standard errors and 7 percentage points", Source: buildersLibrary},
		{Claim: "with N retries (1 − p^(N+1)) ÷ (1 − p) tries a call, p the share of tries that timed out", Tolerance: "± 4 standard errors and 5 %", Source: fixingRetries},
		{Claim: "with few places the storm feeds itself: more tries than that with the drawn p", Tolerance: "at least a tenth more", Source: sreCascading},
		{Claim: "with a retry budget of 10 %: at most 1.1 tries a call", Tolerance: "exact over the whole run: the budget starts empty; its second half may spend what the first has saved", Source: sreOverload},
	},
	Explain: []string{
		"Little's law says how many readers are in a server at once: as many as come in a second, times the seconds that each stays. 80 a second with 40 ms are 3.2. One answer in five with 1.5 s makes the mean 332 ms, and 80 × 0.332 are 26.6: more than there are workers. From then on a queue grows, quick answers wait in it behind slow ones, and one slow fifth has become a whole outage.",
		"A timeout bounds the seconds. With 250 ms a reader stays 82 ms on average, 80 × 0.082 are 6.6 workers, and the four of five whose answer is quick have theirs. The fifth is told so after 250 ms, and a page whose part is optional goes out without it.",
		"But the dependency doesn't know. It works on for callers who have left: here 75 % of what it does is for nobody. A deadline that travels says how much time is left, so that it stops as well. Where the dependency has few places, that decides over everything: see the last two rows of the first table.",
		"How long, then? Look at the latencies of the healthy dependency, choose the share of false timeouts that you accept, and take that percentile; then see that all timeouts of a request together fit into what its reader waits. The last table has what the blog uses.",
	},
	Hurts: []string{
		"Too tight. At a dependency with which nothing is wrong, a timeout at the median fails every second try. Retries hide that and cost 1.75 tries a call; where the dependency has no such reserve, its queue makes more answers late, which makes more tries: see the second table. A retry budget bounds the tries, and not the false timeouts: only the ample timeout in the last row mends it.",
		"A timeout says nothing about what became of the work. A write that timed out may have been done: lesson 7.",
		"A budget that travels is only as good as those who heed it. One server in the chain that starts anew with a timeout of its own, and everything below works for nobody again.",
	},
	Sources: []lab.Reference{littlesLaw, grpcDeadlines, buildersLibrary, sreCascading, ourDeadline, ourChain, {Text: "internal/policy/policy.go: every timeout, with its reason", URL: "/source/internal/policy/policy.go"}},
	Run:     timeouts,
})

func timeouts(ctx context.Context, _ *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	rate, length, trials := v.Float("rate"), v.Duration("for"), v.Int("trials")
	if err := bearable(rate, 1, v.Int("attempts")-1); err != nil {
		return lab.Result{}, err
	}
	chain, storm := make([]waited, len(waitRuns)), make([]stormed, len(stormRuns))
	runs, n := (len(waitRuns)+len(stormRuns))*trials, 0
	for trial := range trials {
		seed := v.Seed()<<8 + uint64(trial)
		at, err := arrivals(seed, span{rate, length})
		if err != nil {
			return lab.Result{}, err
		}
		for i, run := range waitRuns {
			p := waitPlan{
				at: at, seed: seed, length: length, patience: v.Duration("patience"), mean: v.Duration("answer"), slow: v.Duration("latency"),
				share: v.Float("slow") / 100, workers: v.Int("workers"), places: roomy, travels: run.travels,
			}
			if run.timeout {
				p.timeout = v.Duration("timeout")
			}
			if run.tied {
				p.places = v.Int("places")
			}
			step := stageOf(n, runs, length, fmt.Sprintf("%s, trial %d of %d", run.name, trial+1, trials))
			if err := during(tell, step, func() error { return chain[i].run(ctx, p) }); err != nil {
				return lab.Result{}, err
			}
			n++
		}
		for i, run := range stormRuns {
			p := stormPlan{at: at, seed: seed, length: length, mean: v.Duration("answer"), places: roomy, policy: stormPolicy(i, v)}
			if run.few {
				p.places = v.Int("few")
			}
			step := stageOf(n, runs, length, fmt.Sprintf("healthy dependency: %s, trial %d of %d", run.name, trial+1, trials))
			if err := during(tell, step, func() error { return storm[i].run(ctx, p) }); err != nil {
				return lab.Result{}, err
			}
			n++
		}
	}
	return waitsTold(chain, storm, v), nil
}

// tightTimeout is what such a share of healthy answers exceeds.
func tightTimeout(v lab.Values) time.Duration {
	return seconds(-math.Log(v.Float("tight")/100) * v.Duration("answer").Seconds())
}

// ampleTimeout is what one healthy answer in nine million exceeds, e^(−16), so that it leaves room for a queue.
func ampleTimeout(v lab.Values) time.Duration { return 16 * v.Duration("answer") }

// stormPolicy is the guard of one of stormRuns; its waits between tries are the blog's own.
func stormPolicy(i int, v lab.Values) resilience.Policy {
	run, ours := stormRuns[i], policy.Afloat().Recommendations
	p := resilience.Policy{Name: run.name, Idempotent: true, AttemptDeadline: ampleTimeout(v)}
	if run.tight {
		p.AttemptDeadline = tightTimeout(v)
	}
	if run.retries {
		p.Retry = resilience.RetryPolicy{Attempts: v.Int("attempts"), Backoff: ours.Retry.Backoff}
	}
	if run.budgets {
		p.Budget = ours.Budget
	}
	return p
}
