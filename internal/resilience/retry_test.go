package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

func retry(ctx context.Context, p resilience.RetryPolicy, b *resilience.Budget, call func(context.Context) (string, error)) (string, int, error) {
	return resilience.Retry(ctx, p, b, resilience.DefaultClassifier, call)
}

func TestRetryAttempts(t *testing.T) {
	broken := errors.New("syntax error")
	for _, test := range []struct {
		name     string
		allowed  int
		failures int
		err      error
		attempts int
		ok       bool
	}{
		{"success at once", 3, 0, errRefused, 1, true},
		{"success in the end", 3, 2, errRefused, 3, true},
		{"out of attempts", 3, 9, errRefused, 3, false},
		{"permanent error", 3, 9, broken, 1, false},
		{"neutral error", 3, 9, context.Canceled, 1, false},
		{"breaker open", 3, 9, resilience.ErrOpen, 1, false},
		{"zero is one", 0, 9, errRefused, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			call, calls := failTimes(test.failures, test.err)
			v, attempts, err := retry(t.Context(), resilience.RetryPolicy{Attempts: test.allowed}, nil, call)
			if attempts != test.attempts || *calls != test.attempts {
				t.Errorf("%d attempts reported and %d made, want %d", attempts, *calls, test.attempts)
			}
			if test.ok && (v != "post" || err != nil) || !test.ok && err != test.err {
				t.Errorf("got %q, %v", v, err)
			}
		})
	}
}

func TestRetryWaitsBetweenAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		call, _ := failTimes(9, errRefused)
		p := testenv.Policy(resilience.Policy{Retry: resilience.RetryPolicy{Attempts: 4, Backoff: resilience.Backoff{Base: 10 * ms, Cap: 25 * ms}}}).Retry
		_, _, _ = retry(t.Context(), p, nil, call)
		if took := time.Since(start); took != (10+20+25)*ms {
			t.Errorf("waited %v, want 55ms", took)
		}
	})
}

// A thousand callers fail at the same moment. Their next tries are spread over the whole of the first wait.
func TestRetriesOfThoseWhoFailedTogetherAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const callers, slice = 1000, 10 * ms
		p := testenv.Policy(resilience.Policy{Retry: resilience.RetryPolicy{Attempts: 2, Backoff: resilience.Backoff{
			Base: 100 * ms, Cap: 100 * ms, Jitter: resilience.FullJitter,
		}}}).Retry
		start := time.Now()
		var slices [11]atomic.Int64 // second tries, by when they were made
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				first := true
				_, _, _ = retry(t.Context(), p, nil, func(context.Context) (string, error) {
					if !first {
						slices[time.Since(start)/slice].Add(1)
					}
					first = false
					return "", errRefused
				})
			})
		}
		all.Wait()
		var most, sum int64
		for i := range slices {
			most, sum = max(most, slices[i].Load()), sum+slices[i].Load()
		}
		if most > callers/5 || sum != callers { // a tenth on average
			t.Errorf("%d of %d callers came back within the same %v, want at most a fifth", most, sum, slice)
		}
	})
}

func TestRetryDoesNotSleepPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 25*ms)
		defer cancel()
		start := time.Now()
		budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 1, Burst: 10}))
		for range 10 {
			budget.Deposit()
		}
		call, calls := failTimes(9, errRefused)
		p := resilience.RetryPolicy{Attempts: 9, Backoff: resilience.Backoff{Base: 10 * ms, Cap: time.Second}}
		_, _, err := retry(ctx, p, budget, call)
		if took := time.Since(start); *calls != 2 || took != 10*ms {
			t.Errorf("%d attempts in %v, want 2 in 10ms: the second wait of 20ms doesn't fit", *calls, took)
		}
		if err != errRefused {
			t.Errorf("got %v, want the last error", err)
		}
		if tokens := budget.Tokens(); tokens != 9 {
			t.Errorf("%v tokens left, want 9: a retry that didn't happen must cost nothing", tokens)
		}
	})
}

func TestRetryEndsWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*ms, cancel)
		start := time.Now()
		call, calls := failTimes(9, errRefused)
		p := resilience.RetryPolicy{Attempts: 9, Backoff: resilience.Backoff{Base: time.Second, Cap: time.Second}}
		_, _, err := retry(ctx, p, nil, call)
		if took := time.Since(start); *calls != 1 || took != 5*ms || err != errRefused {
			t.Errorf("%d attempts in %v, %v; want the wait cut short after 5ms", *calls, took, err)
		}
	})
}

func TestRetrySpendsNothingOnACallerWhoLeft(t *testing.T) {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 1, Burst: 1}))
	ctx, cancel := context.WithCancel(t.Context())
	_, attempts, err := retry(ctx, resilience.RetryPolicy{Attempts: 9}, budget, func(context.Context) (string, error) {
		cancel()
		return "", errRefused
	})
	if attempts != 1 || err != errRefused || budget.Tokens() != 1 {
		t.Errorf("%d attempts, %v, %v tokens left; want one attempt and its token", attempts, err, budget.Tokens())
	}
}

func TestRetryTellsOfAnEmptyBudget(t *testing.T) {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 0.1, Burst: 10}))
	call, calls := failTimes(9, errRefused)
	_, _, err := retry(t.Context(), resilience.RetryPolicy{Attempts: 3}, budget, call)
	if *calls != 1 || !errors.Is(err, resilience.ErrBudget) || !errors.Is(err, errRefused) {
		t.Errorf("%d attempts, %v; want one, and both errors", *calls, err)
	}
	if got := resilience.ErrClass(err); got != "refused" {
		t.Errorf("class %q, want that of the dependency's error", got)
	}
}

func ExampleRetry() {
	tries := 0
	read := func(context.Context) (string, error) {
		if tries++; tries < 3 {
			return "", errRefused // the server restarts
		}
		return "How available is this page?", nil
	}
	policy := resilience.RetryPolicy{
		Attempts: 3,
		Backoff:  resilience.Backoff{Base: time.Millisecond, Cap: 4 * time.Millisecond, Jitter: resilience.FullJitter},
	}
	title, attempts, err := resilience.Retry(context.Background(), policy, nil, resilience.DefaultClassifier, read)
	fmt.Println(title, attempts, err)
	// Output: How available is this page? 3 <nil>
}
