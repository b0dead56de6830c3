package experiments

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"

	"afloat/internal/availability"
	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/resilience"
)

var (
	buildersLibrary = lab.Reference{Text: "AWS Builders' Library: Timeouts, retries, and backoff with jitter", URL: "https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/"}
	sreOverload     = lab.Reference{Text: "Site Reliability Engineering, chapter 21: Handling Overload", URL: "https://sre.google/sre-book/handling-overload/"}
	sreCascading    = lab.Reference{Text: "Site Reliability Engineering, chapter 22: Addressing Cascading Failures", URL: "https://sre.google/sre-book/addressing-cascading-failures/"}
)

var _ = register(60, &lab.Experiment{
	Name: "amplification", Code: "E6", Title: "Retries in layers",
	Question: "Five layers of a system each try a failed call three times in all. The lowest calls a Redis that is down. How many tries does one call at the top become?",
	Choices:  []string{"15: three for each of five layers", "125: five for each of three tries", "243: three tries, multiplied five times"},
	Answer:   2,

	Label: lab.Injected,
	SetUp: "One caller, in this process, calls through nested layers; each is the blog's own resilience.Retry, without waits. The lowest dials Redis over its link, which refuses. Tries are counted where they leave the lowest layer. The same calls are made again with a retry budget in each layer, and once more where a layer also passes on, without trying again, what a budget below has refused.",

	Params: []lab.Param{
		{Name: "layers", Label: "layers", Unit: "layers", Kind: lab.Int, Default: "5", Min: "2", Max: "5"},
		{Name: "tries", Label: "tries of each layer, the first included", Unit: "tries", Kind: lab.Int, Default: "3", Min: "3", Max: "4"},
		{Name: "calls", Label: "calls without a budget, for each number of layers", Unit: "calls", Kind: lab.Int, Default: "20", Quick: "5", Min: "1", Max: "100"},
		{Name: "budgeted", Label: "calls with a budget", Unit: "calls", Kind: lab.Int, Default: "1000", Quick: "300", Min: "100", Max: "10000"},
		{Name: "budget", Label: "retry budget of each layer", Unit: "retries a call", Kind: lab.Float, Default: "0.1", Min: "0.01", Max: "1"},
	},
	Faults:   []lab.FaultStep{{Order: lab.Order{Link: "redis", Kind: "refuse"}}},
	Load:     lab.Load{Callers: "one caller of the Redis link", Words: "one call after another: what is counted does not depend on time"},
	Measures: []string{"calls that succeeded (none can: Redis refuses)", "tries that reached the link, for each call at the top"},

	Expect: []lab.Expectation{
		{Claim: "3 tries in each of 5 layers: 243 tries a call", Tolerance: "exact", Source: buildersLibrary},
		{Claim: "3 retries, which are 4 tries, in each of 3 layers: 64 tries a call", Tolerance: "exact", Source: sreCascading},
		{Claim: "one layer with a retry budget of 10 %: at most 1.1 tries a call", Tolerance: "exact: the budget starts empty", Source: sreOverload},
		{Claim: "five layers that don't try again what a budget has refused: the same 1.1", Tolerance: "exact", Source: sreOverload},
	},
	Explain: []string{
		"Layers multiply. The top layer makes three tries; each of them is a call to the layer below, which makes three tries of each, and so on down. The lowest dependency, which is down, bears the product: tries to the power of layers.",
		"Sources count differently. The AWS Builders' Library counts tries: 3 in each of 5 layers are 3⁵ = 243. The SRE book counts retries: 3 retries are 4 tries, and in three layers 4³ = 64. Here it is tries, the first included, unless it says retries.",
		"A retry budget bounds the growth of one layer: a tenth of a token for each call, a whole one for each retry, so at most 1.1 tries a call, however much fails. Layers still multiply, though only 1.1 by 1.1. If the refusal of a budget is also passed up as “don't try again”, the layers above add nothing: the SRE book's “overloaded; don't retry”.",
	},
	Hurts: []string{
		"With a single try in all layers but one, that one has to be chosen well: the layer right above what fails knows best whether another try makes sense, and the top one whether anybody still waits.",
		"A budget refuses the retry that would have helped, too: where calls are few it is empty most of the time.",
	},
	Sources: []lab.Reference{buildersLibrary, sreCascading, sreOverload, {Text: "internal/resilience/retry.go", URL: "/source/internal/resilience/retry.go"}, {Text: "internal/resilience/budget.go", URL: "/source/internal/resilience/budget.go"}},
	Run:     amplify,
})

// A tower is a number of layers over the link to Redis, each of which tries again what fails.
type tower struct {
	layers, tries int
	budget        resilience.BudgetPolicy // of each layer; zero is none
	heed          bool                    // don't try again what a budget below has refused
}

// grown is how many tries at the link a call at the top becomes, on average.
func (w tower) grown(ctx context.Context, redis *pings, calls int) (tries float64, err error) {
	var made atomic.Int64
	call := func(ctx context.Context) (struct{}, error) {
		made.Add(1)
		return struct{}{}, redis.ping(ctx)
	}
	classify := func(err error) resilience.Class {
		if w.heed && errors.Is(err, resilience.ErrBudget) {
			return resilience.Permanent
		}
		return resilience.DefaultClassifier(err)
	}
	for range w.layers {
		budget, err := resilience.NewBudget(w.budget)
		if err != nil {
			return 0, err
		}
		below := call
		call = func(ctx context.Context) (struct{}, error) {
			v, _, err := resilience.Retry(ctx, resilience.RetryPolicy{Attempts: w.tries}, budget, classify, below)
			return v, err
		}
	}
	for range calls {
		if _, err := call(ctx); err == nil {
			return 0, errors.New("a call succeeded, though Redis should refuse: did somebody lift the fault?")
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return float64(made.Load()) / float64(calls), nil
}

// A rung is one row of the table.
type rung struct {
	tower
	calls  int
	each   string  // what each layer does
	expect float64 // tries a call
	most   bool    // expect is an upper bound
	source lab.Reference
}

func amplify(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	redis, err := newPings(rig)
	if err != nil {
		return lab.Result{}, err
	}
	defer redis.close()
	layers, tries, ratio := v.Int("layers"), v.Int("tries"), v.Float("budget")
	plain, budgeted := v.Int("calls"), v.Int("budgeted")
	budget := resilience.BudgetPolicy{Ratio: ratio, Burst: 1} // it is spent as soon as there is a token: everything fails
	own, grown := fmt.Sprintf("a budget of %g %%", 100*ratio), 1+ratio

	var rungs []rung
	for n := 1; n <= layers; n++ {
		rungs = append(rungs, rung{tower{layers: n, tries: tries}, plain, fmt.Sprintf("%d tries", tries), availability.Tries(n, tries), false, buildersLibrary})
	}
	rungs = append(rungs,
		rung{tower{layers: 3, tries: 4}, plain, "3 retries", availability.Retries(3, 3), false, sreCascading},
		rung{tower{1, tries, budget, false}, budgeted, own, grown, true, sreOverload},
		rung{tower{layers, tries, budget, false}, budgeted, own, math.Pow(grown, float64(layers)), true, sreOverload},
		rung{tower{layers, tries, budget, true}, budgeted, own + ", heeded above", grown, true, sreOverload})

	table := lab.Table{
		Caption: "Tries at the link for each call at the top while Redis refuses, the first try included (injected)",
		Head:    []string{"layers", "each layer has", "calls", "calls that succeeded", "tries a call", "formula"},
	}
	var result lab.Result
	var bars chart.Bars
	var got []float64
	err = under(rig, lab.Order{Link: "redis", Kind: "refuse"}, func() error {
		for i, r := range rungs {
			what := fmt.Sprintf("%d × %s", r.layers, r.each)
			err := during(tell, stageOf(i, len(rungs), 0, what), func() error {
				tries, err := r.grown(ctx, redis, r.calls)
				got = append(got, tries)
				return err
			})
			if err != nil {
				return err
			}
			check, formula := near(what, 3, got[i], r.expect, 0, r.source), chart.Reference{Label: "formula", Value: r.expect}
			if r.most {
				check, formula.Label = below(what, 3, got[i], r.expect, r.source), "at most"
			}
			result.Checks = append(result.Checks, check)
			bars = append(bars, chart.Row{Label: what, Value: got[i], Reference: formula})
			table.Rows = append(table.Rows, []string{strconv.Itoa(r.layers), r.each, strconv.Itoa(r.calls), "0", digits(3, got[i]), formula.Label + " " + digits(3, r.expect)})
		}
		return nil
	})
	if err != nil {
		return lab.Result{}, err
	}
	n := len(got)
	result.Finding = fmt.Sprintf("One call through %d layers of %d tries each became %.0f tries at a Redis that is down (mean of %d calls); with a retry budget of %g %% in each layer it became %.2f, and where no layer tries again what a budget has refused, %.2f (means of %d calls).",
		layers, tries, got[layers-1], plain, 100*ratio, got[n-2], got[n-1], budgeted)
	result.Trials, result.Tables = 1, []lab.Table{table}
	result.Notes = []string{"Nothing here is left to chance: each call fails, and each layer does what its policy says."}
	result.Figures = []lab.Figure{chart.Figure{
		ID: "amplification", Title: fmt.Sprintf("%d layers made %.0f tries of one call, and with heeded budgets %.2f", layers, got[layers-1], got[n-1]),
		Desc: "Tries that reached the link of a Redis that refuses, for each call at the top; the first try is counted. Injected.",
		X:    chart.Axis{Label: "tries a call"}, Plot: bars,
	}}
	return result, nil
}
