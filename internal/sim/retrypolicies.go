package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Retry policies: what do retries buy their callers, and what does the dependency pay?
//
// Model: clients call a dependency at random moments, and it fails each try with the same probability, whatever the
// load. A call that failed is tried again at once, as its client's policy allows; the token bucket and the breaker are a
// client's own, shared by its calls. Success and load are then what the policies differ in. The model has no overload:
// a real dependency fails more where it is called more, which makes plain retries look better here than they are.
// Source: Marc Brooker, "Fixing retries with token buckets and circuit breakers" (2022), and mbrooker/simulator_example.

// RetryPolicy names when a client tries a failed call again.
type RetryPolicy string

const (
	NoRetries    RetryPolicy = "none"          // never
	PlainRetries RetryPolicy = "retries"       // up to Retries times
	TokenBucket  RetryPolicy = "token bucket"  // while its bucket pays a whole token for it
	RetryBreaker RetryPolicy = "retry breaker" // up to Retries times, unless failures exceed Threshold of calls
)

// RetryPolicies are all there are, in the order of the article.
var RetryPolicies = []RetryPolicy{NoRetries, PlainRetries, TokenBucket, RetryBreaker}

// RetryParams are the parameters of [Retry]; [PublishedRetry] has the article's.
type RetryParams struct {
	Clients   int
	Rate      float64       // calls a second of one client, Poisson
	For       time.Duration // how long new calls start
	Delay     time.Duration // mean of one way to the dependency or back, exponential
	Failing   float64       // probability that a try fails
	Policy    RetryPolicy
	Retries   int     // most retries of a call
	Bucket    float64 // tokens a bucket holds, and starts with
	Refill    float64 // tokens a call puts in
	Threshold float64 // failed tries over calls, from the client's start, above which it doesn't retry
	Trials    int
	Seed      uint64
}

// RetryResult is both sides of a policy.
type RetryResult struct {
	Success Summary // share of calls that succeeded in the end
	Load    Summary // tries for each call
	Calls   int     // over all trials
	Trials  int
}

// Check names a parameter that is out of its range.
func (p RetryParams) Check() error {
	var known error
	if !slices.Contains(RetryPolicies, p.Policy) {
		known = fmt.Errorf("no retry policy is called %q: use none, retries, token bucket or retry breaker", p.Policy)
	}
	return errors.Join(known,
		between("clients", p.Clients, 1, 10_000),
		between("rate", p.Rate, 0.001, 10_000),
		between("duration", p.For, 0, longest),
		between("clients × rate × duration", float64(p.Clients)*p.Rate*p.For.Seconds(), 0, mostCalls),
		between("delay", p.Delay, 0, longest),
		between("failing share", p.Failing, 0, 1),
		between("retries", p.Retries, 0, 100),
		between("bucket", p.Bucket, 0, 1e6),
		between("refill", p.Refill, 0, 1),
		between("threshold", p.Threshold, 0, 1),
		between("trials", p.Trials, 1, 10_000))
}

// Retry runs the trials. It ends early only with ctx, and then with its error. Whatever the policy, a seed gives the
// same arrivals.
func Retry(ctx context.Context, p RetryParams) (RetryResult, error) {
	if err := p.Check(); err != nil {
		return RetryResult{}, err
	}
	result := RetryResult{Trials: p.Trials}
	var success, load []float64
	for trial := range p.Trials {
		if err := ctx.Err(); err != nil {
			return RetryResult{}, err
		}
		calls, good, tries := p.serve(trial)
		success = append(success, float64(good)/float64(max(calls, 1)))
		load = append(load, float64(tries)/float64(max(calls, 1)))
		result.Calls += calls
	}
	result.Success, result.Load = summarise(success), summarise(load)
	return result, nil
}

// An outcome is a try whose answer reaches its client.
type outcome struct {
	client  int
	first   bool // it is no try yet, but the call's start
	retries int  // made for this call so far
}

// serve is one trial.
func (p RetryParams) serve(trial int) (calls, good, tries int) {
	arrivals, rest := newRand(p.Seed, trial, 0), newRand(p.Seed, trial, 1)
	clients := make([]retrier, p.Clients)
	var pending agenda[outcome]
	for c := range clients {
		clients[c] = retrier{RetryParams: p, tokens: p.Bucket}
		for at := arrivals.ExpFloat64() / p.Rate; at < p.For.Seconds(); at += arrivals.ExpFloat64() / p.Rate {
			pending.add(at, outcome{client: c, first: true})
		}
	}
	try := func(at float64, client, retries int) {
		tries++
		there, back := rest.ExpFloat64(), rest.ExpFloat64()
		pending.add(at+(there+back)*p.Delay.Seconds(), outcome{client: client, retries: retries})
	}
	for at, o, ok := pending.next(); ok; at, o, ok = pending.next() {
		client := &clients[o.client]
		switch {
		case o.first:
			calls++
			client.called()
			try(at, o.client, 0)
		case rest.Float64() >= p.Failing:
			good++
		case client.mayRetry(o.retries):
			try(at, o.client, o.retries+1)
		}
	}
	return calls, good, tries
}

// A retrier is what one client knows of its calls so far.
type retrier struct {
	RetryParams
	tokens          float64
	calls, failures int // of calls and of their tries
}

func (r *retrier) called() {
	r.calls++
	r.tokens = min(r.tokens+r.Refill, r.Bucket)
}

// mayRetry is asked after each failed try, and takes the token that it grants.
func (r *retrier) mayRetry(retries int) bool {
	r.failures++
	switch r.Policy {
	case PlainRetries:
		return retries < r.Retries
	case TokenBucket:
		if r.tokens < 1-1e-9 { // ten tenths are a token, though their sum is a little less
			return false
		}
		r.tokens--
		return true
	case RetryBreaker:
		return float64(r.failures) <= r.Threshold*float64(r.calls) && retries < r.Retries
	default:
		return false
	}
}
