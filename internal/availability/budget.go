package availability

import "math"

// Error budget: how much may fail before readers were promised too much?
//
// Idea: an objective of 99.9 % is a permission to fail one request in a thousand. What is left of it says whether to
// take risks or to stop. It misleads where requests are few: one failure then spends all of it. Source: Site
// Reliability Engineering (Google, 2016), chapter 3, "Embracing Risk".

// ErrorBudget is the number of requests that may fail under an objective.
func ErrorBudget(objective float64, requests int) float64 { return (1 - objective) * float64(requests) }

// BudgetLeft is the share of the error budget that is not spent: 1 while nothing has failed, and below 0 once the
// objective is missed. An objective of 1 has no budget: one failure makes it -Inf.
func BudgetLeft(objective float64, failed, requests int) float64 {
	if failed == 0 {
		return 1
	}
	budget := ErrorBudget(objective, requests)
	if budget == 0 {
		return math.Inf(-1)
	}
	return 1 - float64(failed)/budget
}
