package availability_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"afloat/internal/availability"
)

func TestFormulas(t *testing.T) {
	for _, c := range []struct {
		what      string
		got, want float64
	}{
		{"two parts of four nines", availability.Series(0.9999, 0.9999), 0.99980001},
		{"no parts", availability.Series(), 1},
		{"two alternatives of two nines", availability.Parallel(0.99, 0.99), 0.9999},
		{"no alternatives", availability.Parallel(), 0},
		{"copies for nine requests of ten", availability.WithFallback(0.99, 0.9), 0.999},
		{"nines of 0.999", availability.Nines(0.999), 3},
		{"nines of 0.5", availability.Nines(0.5), 0.30103},
		{"budget of 99.9 % in 10,000", availability.ErrorBudget(0.999, 10_000), 10},
		{"budget left", availability.BudgetLeft(0.999, 4, 10_000), 0.6},
		{"budget overspent", availability.BudgetLeft(0.999, 20, 10_000), -1},
		{"budget untouched", availability.BudgetLeft(1, 0, 10_000), 1},
		{"tries, AWS Builders' Library", availability.Tries(5, 3), 243},
		{"retries, SRE book", availability.Retries(3, 3), 64},
		{"failure at p = 0.5 with 3 retries", availability.RetryFailure(0.5, 3), 0.0625},
		{"load at p = 0.5 with 3 retries", availability.RetryLoad(0.5, 3), 1.875},
		{"load at p = 0.2 with 3 retries", availability.RetryLoad(0.2, 3), (1 - math.Pow(0.2, 4)) / 0.8},
		{"load at p = 1", availability.RetryLoad(1, 3), 4},
		{"load at p = 0", availability.RetryLoad(0, 3), 1},
	} {
		if math.Abs(c.got-c.want) > 1e-5 {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
	if got := availability.Nines(1); !math.IsInf(got, 1) {
		t.Errorf("nines of 1: got %v, want +Inf", got)
	}
	if got := availability.BudgetLeft(1, 1, 10); !math.IsInf(got, -1) {
		t.Errorf("a failure without a budget: got %v, want -Inf", got)
	}
	if got := availability.PerMonth(0.999); got != 43*time.Minute+12*time.Second {
		t.Errorf("99.9 %%: got %v a month, want 43m12s", got)
	}
}

func TestCheckNamesValueAndRange(t *testing.T) {
	for _, ok := range []float64{0, 0.5, 1} {
		if err := availability.Check("redis", ok); err != nil {
			t.Errorf("%v: %v", ok, err)
		}
	}
	for _, bad := range []float64{-0.1, 1.1, 99.9, math.NaN(), math.Inf(1)} {
		err := availability.Check("redis", bad)
		if err == nil || !strings.Contains(err.Error(), "redis") || !strings.Contains(err.Error(), "from 0 to 1") {
			t.Errorf("%v: got error %v", bad, err)
		}
	}
}
