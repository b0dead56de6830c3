package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"afloat/internal/resilience"
)

// However calls fail, attempts stay within calls × (1 + Ratio).
func TestBudgetBoundsAttempts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := resilience.BudgetPolicy{
			Ratio: rapid.Float64Range(0.001, 1).Draw(t, "ratio"),
			Burst: rapid.Float64Range(1, 20).Draw(t, "burst"),
		}
		budget, err := resilience.NewBudget(p)
		if err != nil {
			t.Fatal(err)
		}
		retry := resilience.RetryPolicy{Attempts: rapid.IntRange(1, 6).Draw(t, "attempts")}
		failures := rapid.SliceOfN(rapid.IntRange(0, 6), 0, 200).Draw(t, "failures of each call")
		attempts := 0
		for _, n := range failures {
			call, calls := failTimes(n, errRefused)
			_, reported, _ := resilience.Retry(context.Background(), retry, budget, resilience.DefaultClassifier, call)
			if reported != *calls {
				t.Fatalf("reported %d attempts of %d", reported, *calls)
			}
			attempts += *calls
			if tokens := budget.Tokens(); tokens < 0 || tokens > p.Burst+1e-6 {
				t.Fatalf("%v tokens, of at most %v", tokens, p.Burst)
			}
		}
		if most := float64(len(failures))*(1+p.Ratio) + 1e-3; float64(attempts) > most {
			t.Fatalf("%d attempts for %d calls, more than %v", attempts, len(failures), most)
		}
	})
}

func TestBudgetTenTenthsAreOne(t *testing.T) {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 0.1, Burst: 2}))
	for call := 1; call <= 30; call++ {
		budget.Deposit()
		if got, want := budget.Withdraw(), call%10 == 0; got != want {
			t.Errorf("after %d calls Withdraw() = %v, want %v", call, got, want)
		}
	}
}

func TestBudgetSavesNoMoreThanBurst(t *testing.T) {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 0.5, Burst: 3}))
	for range 100 {
		budget.Deposit()
	}
	paid := 0
	for budget.Withdraw() {
		paid++
	}
	if paid != 3 {
		t.Errorf("paid for %d retries in a row, want 3", paid)
	}
}

func TestBudgetIsSharedSafely(t *testing.T) {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 0.1, Burst: 1000}))
	var paid atomic.Int64
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			for range 100 {
				budget.Deposit()
				if budget.Withdraw() {
					paid.Add(1)
				}
			}
		})
	}
	callers.Wait()
	if left := budget.Tokens(); paid.Load()+int64(left) != 100 {
		t.Errorf("1000 calls paid for %d retries and left %v, want 100 in all", paid.Load(), left)
	}
}

func TestBudgetOff(t *testing.T) {
	budget, err := resilience.NewBudget(resilience.BudgetPolicy{})
	if err != nil || budget != nil {
		t.Fatalf("got %v, %v; want no budget", budget, err)
	}
	budget.Deposit()
	if !budget.Withdraw() || budget.Tokens() != 0 {
		t.Error("a nil budget refuses a retry, or shows tokens")
	}
}

func TestBudgetRefusesNonsense(t *testing.T) {
	_, err := resilience.NewBudget(resilience.BudgetPolicy{Ratio: 3, Burst: 0.5})
	if err == nil || !strings.Contains(err.Error(), "Ratio 3") || !strings.Contains(err.Error(), "Burst 0.5") {
		t.Errorf("got %v; want both problems named", err)
	}
}

func ExampleBudget() {
	budget := must(resilience.NewBudget(resilience.BudgetPolicy{Ratio: 0.1, Burst: 10}))
	outage := func(context.Context) (string, error) { return "", errRefused }

	attempts, unpaid := 0, 0
	for range 1000 {
		_, tried, err := resilience.Retry(context.Background(), resilience.RetryPolicy{Attempts: 3}, budget, resilience.DefaultClassifier, outage)
		attempts += tried
		if errors.Is(err, resilience.ErrBudget) {
			unpaid++
		}
	}
	fmt.Println(attempts, "attempts for 1000 calls, instead of 3000")
	fmt.Println(unpaid > 0)
	// Output:
	// 1100 attempts for 1000 calls, instead of 3000
	// true
}
