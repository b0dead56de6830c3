package experiments

import (
	"context"
	"fmt"
	"strconv"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/sim"
)

var fixingRetries = lab.Reference{Text: "Marc Brooker: Fixing retries with token buckets and circuit breakers (2022)", URL: "https://brooker.co.za/blog/2022/02/28/retries.html"}

var _ = register(30, &lab.Experiment{
	Name: "retry-policies", Code: "E3", Title: "What a retry policy buys and costs",
	Question: "Half of all tries fail. With three retries 94 % of the calls succeed. What does that cost the dependency, and what is left of both with a retry budget of 10 %?",
	Choices:  []string{"Nearly twice the load; with the budget hardly more than no retries, in both", "Four times the load; with the budget nearly the same success for a tenth of it", "Nothing to speak of: a failed try is cheap"},
	Answer:   0,

	Label: lab.Injected,
	SetUp: "Two parts. Simulated: the published model with its own parameters, 100 clients of 10 calls/s for a minute, each with its own bucket (5 tokens, 0.1 a call) or its own breaker of retries. Injected: callers, in an open loop, ask Redis over its link, on which a share of all exchanges is reset, through the blog's own resilience.Guard. All policies of one failing share get the same arrivals; only the policy differs. The guard's budget is shared by all callers and starts empty, and its circuit breaker refuses calls, not only retries: that is how the blog uses them.",

	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "failing", Label: "share of tries that fail", Unit: "%", Kind: lab.Set, Default: "5,20,50", Quick: "5,50", Choices: []string{"5", "20", "50"}},
		{Name: "trials", Label: "trials of the simulation", Unit: "trials", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "50"},
		{Name: "rate", Label: "real callers", Unit: "calls/s", Kind: lab.Float, Default: "800", Min: "50", Max: "1500"},
		{Name: "retries", Label: "most retries of a real call", Unit: "retries", Kind: lab.Int, Default: "3", Min: "1", Max: "5"},
		{Name: "for", Label: "time of each real run", Kind: lab.Duration, Default: "4s", Quick: "700ms", Min: "500ms", Max: "30s"},
	},
	Faults:   []lab.FaultStep{{Order: lab.Order{Link: "redis", Kind: "flaky", Rate: 0.5}}},
	Load:     lab.Load{Callers: "callers of the Redis link", Rate: 800, Words: "open loop, Poisson arrivals, the same for each policy"},
	Measures: []string{"calls that succeeded in the end", "tries at the dependency for each call"},

	Expect: []lab.Expectation{
		{Claim: "simulated: success and load of each policy as published", Tolerance: "± 0.02", Source: fixingRetries},
		{Claim: "injected: with N retries success is 1 − p^(N+1) and load (1 − p^(N+1)) / (1 − p)", Tolerance: "± 0.01 and four standard errors of the calls made", Source: fixingRetries},
		{Claim: "injected: with a budget of 10 % load is at most 1.1", Tolerance: "exact: the budget starts empty", Source: sreOverload},
		{Claim: "injected: while half of the tries fail, the circuit breaker makes fewer calls succeed than no retries do", Tolerance: "below", Source: whatIsBackoffFor},
	},
	Explain: []string{
		"With N retries a call fails only if N+1 tries fail: p^(N+1). It costs (1 − p^(N+1)) / (1 − p) tries. While a try fails as seldom as usual that is cheap; while everything fails it is N+1 times the load, just when the dependency can bear it least.",
		"A token bucket pays for retries out of the calls: a tenth of a token each. Where 5 % fail it has enough for everybody. Where half fail it pays for one call in ten, so the load stays at 1.1 and the success hardly above that of no retries.",
		"A breaker of retries tries again only while failures are rare: it is all or nothing. A circuit breaker goes further and refuses first tries too, which would have succeeded half of the time: it turns a partial failure into a complete one, and in exchange leaves the dependency in peace.",
		"In each policy success is load × (1 − p): every try succeeds with the same probability, and the first that does ends its call. In a real overload p grows with the load, so retries are worse there than here.",
	},
	Hurts: []string{
		"The failing share here does not depend on the load. Where it does, plain retries can keep a dependency down after what felled it has gone: see the collapse experiment.",
		"A budget is of no use to somebody who calls rarely: the bucket is empty when the one retry is due.",
	},
	Sources: []lab.Reference{fixingRetries, sreOverload, {Text: "internal/resilience/budget.go", URL: "/source/internal/resilience/budget.go"}, {Text: "internal/resilience/guard.go", URL: "/source/internal/resilience/guard.go"}, {Text: "internal/sim/retrypolicies.go", URL: "/source/internal/sim/retrypolicies.go"}},
	Run:     retryPolicies,
})

// publishedRetries is success and load of each of sim.RetryPolicies, by the share of tries that fail, in percent.
var publishedRetries = map[string][4][2]float64{
	"5":  {{.950, 1.00}, {1.000, 1.05}, {1.000, 1.05}, {.998, 1.05}},
	"20": {{.799, 1.00}, {.998, 1.25}, {.884, 1.11}, {.800, 1.00}},
	"50": {{.500, 1.00}, {.937, 1.87}, {.549, 1.11}, {.500, 1.00}},
}

func retryPolicies(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	shares := v.Set("failing")
	if len(shares) == 0 {
		return lab.Result{}, &lab.BadOrder{Fields: []lab.BadField{{Field: "failing", Range: "at least one of 5, 20, 50", Unit: "%"}}}
	}
	redis, err := newPings(rig)
	if err != nil {
		return lab.Result{}, err
	}
	defer redis.close()
	for _, share := range shares {
		if err := bearable(v.Float("rate"), fraction(share), v.Int("retries")); err != nil {
			return lab.Result{}, err
		}
	}
	simulated, err := simulateRetries(ctx, shares, v, tell)
	if err != nil {
		return lab.Result{}, err
	}
	injected, err := injectRetries(ctx, rig, redis, shares, v, tell)
	if err != nil {
		return lab.Result{}, err
	}
	worst := shares[len(shares)-1]
	got := injected.byShare[worst]
	finding := fmt.Sprintf("While %s %% of the tries at Redis failed, no retries let %.1f %% of the calls succeed, %d retries %.1f %% for %.2f tries a call, and a budget of 10 %% %.1f %% for %.2f (%d calls each).",
		worst, 100*got[0].success(), v.Int("retries"), 100*got[1].success(), got[1].load(), 100*got[2].success(), got[2].load(), got[0].calls)
	return lab.Result{
		Finding: finding,
		Tables:  []lab.Table{simulated.table, injected.table},
		Figures: []lab.Figure{
			chart.Figure{
				ID:    "retry-success",
				Title: fmt.Sprintf("While %s %% of tries fail, %d retries bring %.1f %% of calls to success, and a budget %.1f %%", worst, v.Int("retries"), 100*got[1].success(), 100*got[2].success()),
				Desc:  "Calls to Redis that succeeded in the end, by policy and failing share, beside the formula. Injected.",
				X:     chart.Axis{Label: "calls that succeeded", Unit: "%", Max: 100, Digits: 1}, Plot: injected.successes,
			},
			chart.Figure{
				ID:    "retry-load",
				Title: fmt.Sprintf("While %s %% of tries fail, %d retries cost the dependency %.2f tries a call, and a budget %.2f", worst, v.Int("retries"), got[1].load(), got[2].load()),
				Desc:  "Tries at Redis for each call, by policy and failing share, beside the formula. Injected.",
				X:     chart.Axis{Label: "tries a call", Digits: 2}, Plot: injected.loads,
			},
		},
		Checks: append(simulated.checks, injected.checks...),
		Trials: v.Int("trials"),
		Notes: []string{
			"Arrivals follow the seed. Which exchange fails is drawn anew in each real run, so its figures differ from run to run within the standard errors shown.",
			"The simulation's trials are repeated with other draws; each real run is made once, and its spread is that of its calls.",
		},
	}, nil
}

// A simulatedPart is the table of the published model.
type simulatedPart struct {
	table  lab.Table
	checks []lab.Check
}

// simulateRetries takes the first quarter of the run's progress.
func simulateRetries(ctx context.Context, shares []string, v lab.Values, tell func(lab.Progress)) (part simulatedPart, err error) {
	part.table = lab.Table{
		Caption: fmt.Sprintf("Simulated: success and load (tries a call), means ± standard deviations (trials: %d), 100 clients × 10 calls/s for one minute", v.Int("trials")),
		Head:    []string{"failing", "policy", "success", "published", "load", "published"},
	}
	steps := len(shares) * len(sim.RetryPolicies)
	for i, share := range shares {
		for j, policy := range sim.RetryPolicies {
			p := sim.PublishedRetry(policy, fraction(share), v.Int("trials"), v.Seed())
			var r sim.RetryResult
			step := stageOf(i*len(sim.RetryPolicies)+j, 4*steps, 0, fmt.Sprintf("simulating %s while %s %% fail", policy, share))
			if err := during(tell, step, func() (err error) { r, err = sim.Retry(ctx, p); return err }); err != nil {
				return part, err
			}
			want := publishedRetries[share][j]
			part.table.Rows = append(part.table.Rows, []string{
				share + " %", string(policy), plusMinus(3, r.Success.Mean, r.Success.SD), digits(3, want[0]),
				plusMinus(2, r.Load.Mean, r.Load.SD), digits(2, want[1]),
			})
			name := fmt.Sprintf("simulated, %s %% failing, %s", share, policy)
			part.checks = append(part.checks,
				near(name+": success", 3, r.Success.Mean, want[0], 0.02, fixingRetries),
				near(name+": load", 2, r.Load.Mean, want[1], 0.02, fixingRetries))
		}
	}
	return part, nil
}

// fraction of a percentage that is one of the choices.
func fraction(percent string) float64 {
	f, err := strconv.ParseFloat(percent, 64)
	if err != nil {
		panic("experiments: " + err.Error()) // the choices are ours
	}
	return f / 100
}
