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
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// budgetRatio is the retry budget: so many retries for each call.
const budgetRatio = 0.1

// retryGuards are the policies that are compared on the real link, in the order of the tables.
func retryGuards(retries int) []resilience.Policy {
	plain := resilience.Policy{Idempotent: true, Retry: resilience.RetryPolicy{Attempts: retries + 1}} // a PING may be sent twice
	none, budget, breaker := plain, plain, plain
	none.Name, none.Retry = "no retries", resilience.RetryPolicy{}
	plain.Name = fmt.Sprintf("%d retries", retries)
	budget.Name, budget.Budget = plain.Name+", budget of 10 %", resilience.BudgetPolicy{Ratio: budgetRatio, Burst: 10}
	breaker.Name, breaker.Breaker = plain.Name+", circuit breaker", policy.Afloat().Redis.Breaker
	return []resilience.Policy{none, plain, budget, breaker}
}

// A retried is both sides of one policy.
type retried struct{ calls, succeeded, tries, squares int } // squares: of each call's tries, added up

func (r retried) success() float64 { return float64(r.succeeded) / float64(max(r.calls, 1)) }
func (r retried) load() float64    { return float64(r.tries) / float64(max(r.calls, 1)) }

// words are both, with their standard errors.
func (r retried) words() (success, load string) {
	n := float64(max(r.calls, 1))
	return plusMinus(3, r.success(), math.Sqrt(r.success()*(1-r.success())/n)),
		plusMinus(2, r.load(), math.Sqrt(max(0, float64(r.squares)/n-r.load()*r.load())/n))
}

// An injectedPart is what was measured on the real link.
type injectedPart struct {
	table            lab.Table
	checks           []lab.Check
	successes, loads chart.Bars
	byShare          map[string][]retried
}

// injectRetries takes the last three quarters of the run's progress.
func injectRetries(ctx context.Context, rig *lab.Rig, redis *pings, shares []string, v lab.Values, tell func(lab.Progress)) (part injectedPart, err error) {
	retries, rate, length := v.Int("retries"), v.Float("rate"), v.Duration("for")
	breaker := policy.Afloat().Redis.Breaker
	part.byShare = map[string][]retried{}
	part.table = lab.Table{
		Caption: fmt.Sprintf("Injected: success and load (tries a call) ± standard errors, %g calls/s at Redis for %v each. The circuit breaker opens when %g %% of at least %d tries in %v have failed, for %v", rate, length, 100*breaker.FailureRatio, breaker.MinCalls, breaker.Window, breaker.OpenFor),
		Head:    []string{"failing", "policy", "calls", "success", "formula", "load", "formula"},
	}
	guards := retryGuards(retries)
	for i, share := range shares {
		p := fraction(share)
		for j, guard := range guards {
			step := stageOf(i*len(guards)+j, len(shares)*len(guards), length, fmt.Sprintf("%s, while %s %% of exchanges fail", guard.Name, share))
			step.from, step.to = 0.25+0.75*step.from, 0.25+0.75*step.to
			var got retried
			err := under(rig, lab.Order{Link: "redis", Kind: "flaky", Rate: p}, func() error {
				return during(tell, step, func() (err error) {
					got, err = guarded(ctx, redis, guard, span{rate, length}, v.Seed())
					return err
				})
			})
			if err != nil {
				return part, err
			}
			part.byShare[share] = append(part.byShare[share], got)
			part.add(share, guard, got)
		}
		if bare, broken := part.byShare[share][0], part.byShare[share][3]; p >= 0.5 {
			part.checks = append(part.checks, lab.Check{
				Claim: fmt.Sprintf("injected, %s %% failing: a circuit breaker makes a partial failure more complete", share),
				Want:  fmt.Sprintf("success below the %.3f of no retries", bare.success()), Got: digits(3, broken.success()),
				Met: broken.success() < bare.success(), Source: whatIsBackoffFor,
			})
		}
	}
	return part, nil
}

// guarded lets callers come, each of which makes one call under the policy.
func guarded(ctx context.Context, redis *pings, p resilience.Policy, s span, seed uint64) (retried, error) {
	guard, err := resilience.NewGuard(p, nil, nil)
	if err != nil {
		return retried{}, err
	}
	at, err := arrivals(seed, s)
	if err != nil {
		return retried{}, err
	}
	var succeeded, tries, squares atomic.Int64
	sent, _, err := openLoop(ctx, at, func(ctx context.Context, _ int) {
		_, report, err := resilience.Call(ctx, guard, func(ctx context.Context) (struct{}, error) { return struct{}{}, redis.ping(ctx) })
		made := int64(report.Attempts)
		tries.Add(made)
		squares.Add(made * made)
		if err == nil {
			succeeded.Add(1)
		}
	})
	if err == nil && sent == 0 {
		err = errors.New("no caller came in the time given: raise the rate or the time")
	}
	return retried{sent, int(succeeded.Load()), int(tries.Load()), int(squares.Load())}, err
}

// add writes one policy's figures down, and holds them against the formula where there is one.
func (part *injectedPart) add(share string, guard resilience.Policy, got retried) {
	p, retries, n := fraction(share), max(guard.Retry.Attempts-1, 0), float64(got.calls)
	load := availability.RetryLoad(p, retries)
	success := 1 - availability.RetryFailure(p, retries)
	formula := [2]string{digits(3, success), digits(2, load)}
	references := [2]chart.Reference{{Label: "formula", Value: 100 * success}, {Label: "formula", Value: load}}
	name := fmt.Sprintf("injected, %s %% failing, %s", share, guard.Name)
	switch {
	case guard.Breaker != (resilience.BreakerPolicy{}):
		formula, references = [2]string{"–", "–"}, [2]chart.Reference{}
	case guard.Budget != (resilience.BudgetPolicy{}):
		const most = 1 + budgetRatio
		formula, references = [2]string{"–", "at most " + digits(2, most)}, [2]chart.Reference{{}, {Label: "at most", Value: most}}
		part.checks = append(part.checks, below(name+": load", 3, got.load(), most, sreOverload))
	default:
		squares := 0.0 // the mean of the squared number of tries
		for i := range retries + 1 {
			squares += float64(2*i+1) * math.Pow(p, float64(i))
		}
		part.checks = append(part.checks,
			near(name+": success", 3, got.success(), success, 0.01+4*math.Sqrt(success*(1-success)/n), fixingRetries),
			near(name+": load", 3, got.load(), load, 0.01+4*math.Sqrt((squares-load*load)/n), fixingRetries))
	}
	succeeded, tries := got.words()
	part.table.Rows = append(part.table.Rows, []string{share + " %", guard.Name, strconv.Itoa(got.calls), succeeded, formula[0], tries, formula[1]})
	part.successes = append(part.successes, chart.Row{Group: share + " % failing", Label: guard.Name, Value: 100 * got.success(), Reference: references[0]})
	part.loads = append(part.loads, chart.Row{Group: share + " % failing", Label: guard.Name, Value: got.load(), Reference: references[1]})
}
