package resilience

import (
	"context"
	"time"
)

// Hedge: what if one copy is slow?
//
// Problem: of many healthy answers a few are slow (a pause, a lost packet, a
// busy machine), and a page that waits for many meets one of them nearly every
// time. Mechanism: where no answer has come after about the 95th percentile, ask
// once more, take the answer that comes first and cancel the other; a budget
// keeps second copies a small share of the calls. It hurts under overload, which
// it adds to, it hurts what isn't idempotent, and it gains nothing where both
// copies meet the same cause, such as the only server being slow. Lesson 13
// shows it, after Dean and Barroso, "The Tail at Scale" (CACM, 2013).

// HedgePolicy says when to ask a second time. The zero value is never.
type HedgePolicy struct {
	After time.Duration // how long the first copy is waited for alone; about the p95 of healthy calls
	Ratio float64       // budget: tokens an attempt puts in; 0.05 allows a second copy for every twenty
	Burst float64       // budget: most tokens saved, and so the longest run of second copies
}

func (p HedgePolicy) check(bad *problems) {
	if p == (HedgePolicy{}) {
		return
	}
	bad.when(p.After <= 0, "Hedge: After %v must be above 0, or every call is made twice; take the p95 of healthy calls", p.After)
	bad.when(p.Ratio == 0 && p.Burst == 0, "Hedge: without Ratio and Burst a slow dependency gets twice its load; usual values are 0.05 and 5")
	if _, err := NewBudget(p.budget()); err != nil {
		bad.when(true, "Hedge: %w", err)
	}
}

func (p HedgePolicy) budget() BudgetPolicy { return BudgetPolicy{Ratio: p.Ratio, Burst: p.Burst} }

// Hedge runs call, and runs it a second time if the first copy has no answer
// after p.After and the budget has a token. Call is told which of the two it is.
// The first answer wins, and the other copy is cancelled: a success, or an error
// that classify holds Neutral, such as that there is nothing. A failure does not
// end the other copy; if both fail, the first one's error is returned. A first
// copy that fails within p.After gets no second one: to try again is Retry's.
//
// Hedge returns when both copies have ended, so it leaves no goroutine behind;
// like Deadline it counts on call to heed its context. A panic in either copy
// cancels the other and goes on to the caller, the second copy's as a *PanicError.
func Hedge[T any](ctx context.Context, p HedgePolicy, budget *Budget, classify Classifier, call func(ctx context.Context, second bool) (T, error)) (v T, err error) {
	if p.After <= 0 {
		return call(ctx, false)
	}
	budget.Deposit()
	race, decide := context.WithCancel(ctx)
	defer decide()
	answers := func(err error) bool { return err == nil || race.Err() == nil && classify(err) == Neutral }
	var (
		first, second bool // answered
		returned      bool // the first copy has, so it doesn't panic
		other         T
		otherErr, bug error // bug is the second copy's panic
		ended         = make(chan struct{})
	)
	timer := time.AfterFunc(p.After, func() {
		defer close(ended)
		if race.Err() != nil || !budget.Withdraw() {
			return
		}
		_, bug = Isolate(func() (struct{}, error) {
			other, otherErr = call(race, true)
			second = answers(otherErr)
			return struct{}{}, nil
		})
		if second || bug != nil {
			decide()
		}
	})
	defer func() {
		if first || !returned {
			decide()
		}
		if timer.Stop() {
			return
		}
		<-ended
		switch {
		case !returned: // the first copy's own panic goes on
		case bug != nil:
			panic(bug)
		case second && !first:
			v, err = other, otherErr
		}
	}()
	v, err = call(race, false)
	first, returned = answers(err), true
	return v, err
}
