package resilience

import (
	"errors"
	"math"
	"sync"
)

// Budget: why is it still down, though the cause is gone?
//
// Problem: when everything fails, N tries a call mean N times the load, just
// when the dependency can bear it least; the retries can keep it down after
// what felled it has gone (a metastable failure). Mechanism: a token bucket.
// Each call puts in a small share of a token and each retry takes a whole one,
// so retries stay a fixed share of the calls however much fails. It hurts when
// traffic is thin: with few calls there is little to spend, and a stray failure
// goes through to the reader. Lesson 6 shows it, after Brooker, "Fixing retries
// with token buckets and circuit breakers"; SRE book, chapter 21.

// ErrBudget says that a retry was due and the budget had nothing left for it.
var ErrBudget = errors.New("retry budget spent")

// BudgetPolicy bounds retries by the number of calls. The zero value is no bound.
type BudgetPolicy struct {
	Ratio float64 // tokens a call puts in: 0.1 allows a retry for every ten calls
	Burst float64 // most tokens saved, and so the longest run of retries
}

// A Budget is shared by all calls to one dependency and is safe for concurrent
// use. A nil *Budget refuses nothing.
type Budget struct {
	ratio, burst int64 // in millionths of a token: ten tenths are exactly one

	mu     sync.Mutex
	tokens int64
}

const token = 1_000_000

// NewBudget makes an empty bucket: a server that starts amid an outage must
// earn its retries before it adds to the load, and at no time can retries
// outnumber Ratio × calls. The zero policy makes a nil Budget.
func NewBudget(p BudgetPolicy) (*Budget, error) {
	if p == (BudgetPolicy{}) {
		return nil, nil
	}
	var bad problems
	bad.when(!(p.Ratio >= 1.0/token && p.Ratio <= 1), "Budget: Ratio %v must be above 0 and at most 1, or retries outnumber calls; a usual value is 0.1", p.Ratio)
	bad.when(!(p.Burst >= 1 && p.Burst <= token), "Budget: Burst %v must be at least 1, for a retry takes a whole token, and at most a million; a usual value is 10", p.Burst)
	if err := bad.err(); err != nil {
		return nil, err
	}
	return &Budget{ratio: int64(math.Round(p.Ratio * token)), burst: int64(math.Round(p.Burst * token))}, nil
}

// Deposit is to be called once for each call, not for its retries.
func (b *Budget) Deposit() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+b.ratio, b.burst)
}

// Withdraw takes a token for a retry, or reports that there is none.
func (b *Budget) Withdraw() bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < token {
		return false
	}
	b.tokens -= token
	return true
}

// Tokens is the number of retries the budget would pay for now, in fractions;
// 0 for a nil Budget.
func (b *Budget) Tokens() float64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return float64(b.tokens) / token
}
