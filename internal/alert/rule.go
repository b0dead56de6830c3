// Package alert holds the blog's alert rules that watch what readers miss, and
// evaluates them over scrapes of its metrics as Prometheus would.
//
// It is for the lab, which shows when a rule fires and when it doesn't: an alarm
// that nobody has seen ring is a guess. docs/operations.md has the same rules as
// Prometheus reads them, and a test holds the two together.
package alert

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Rule fires when one kind of events has been more than a share of all events
// of a metric, a counter, for long enough.
type Rule struct {
	Name     string
	Metric   string        // of the counter
	Label    string        // the events to watch have this label
	Value    string        // with this value
	By       string        // a label whose values are judged apart; "" is none
	Window   time.Duration // the share is that of the last this long
	Above    float64       // the share that is too much
	For      time.Duration // it must have been for this long
	Severity string        // page: somebody now; ticket: somebody tomorrow
}

// Rules lists those of docs/operations.md that compare two rates.
func Rules() []Rule {
	return []Rule{
		{
			Name: "PartsMissing", Metric: "afloat_parts_total", Label: "state", Value: "missing", By: "part",
			Window: 5 * time.Minute, // several scrapes even at one a minute
			Above:  0.05,            // one page in twenty: a restart of the dependency is less, an outage is more
			For:    5 * time.Minute, // nobody is asked for what mends itself
			// The pages are up, so it can wait until the morning.
			Severity: "ticket",
		},
		{
			Name: "ReadersGetErrors", Metric: "afloat_http_requests_total", Label: "outcome", Value: "5xx",
			Window:   5 * time.Minute, // as above
			Above:    0.001,           // the blog's articles have no reason to fail: one in a thousand is a reason to look
			For:      5 * time.Minute, // as above
			Severity: "page",
		},
	}
}

// Find returns the rule of this name.
func Find(name string) (Rule, bool) {
	for _, r := range Rules() {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}

// Expr is the rule's expression in PromQL.
func (r Rule) Expr() string {
	sum := "sum"
	if r.By != "" {
		sum = fmt.Sprintf("sum by (%s) ", r.By)
	}
	window := span(r.Window)
	return fmt.Sprintf("%s(rate(%s{%s=%q}[%s])) / %s(rate(%s[%s])) > %s",
		sum, r.Metric, r.Label, r.Value, window, sum, r.Metric, window, strconv.FormatFloat(r.Above, 'g', -1, 64))
}

// Scaled is the rule with its times divided, for a run that can't take minutes.
func (r Rule) Scaled(by int) Rule {
	r.Window, r.For = r.Window/time.Duration(by), r.For/time.Duration(by)
	return r
}

// span writes a duration as Prometheus does: whole minutes as 5m.
func span(d time.Duration) string {
	if whole, ok := strings.CutSuffix(d.String(), "m0s"); ok {
		return whole + "m"
	}
	return d.String()
}
