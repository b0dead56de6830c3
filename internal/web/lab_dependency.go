package web

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// dependencyView is one dependency, as the link to it and the policies in front of it have it.
type dependencyView struct {
	Name, Label, URL string
	Kind, State      string // "hang", "Postgres hangs, confirmed, 1:42 left"
	Short            string // "hang, 1:42 left"
	Rate             rateView
	Pools, Breakers  string
	Budget           string
}

type rateView struct{ PerSecond, Errors, P50, P99 string }

// ails reports whether a dependency fails its probes without our help.
func ails(st lab.Status) bool { return st.Kind == lab.Healthy && st.Verdict == lab.NotConfirmed }

// brokenInWords is what is broken: by the lab, and without it.
func brokenInWords(all []lab.Status) (words []string) {
	if _, hidden := lab.HiddenIn(all); hidden {
		return onInWords(all)
	}
	for _, st := range all {
		switch {
		case st.Kind != lab.Healthy:
			words = append(words, faultWords(st.Link, st.Label, st.Kind))
		case ails(st):
			words = append(words, st.Label+" fails by itself")
		}
	}
	return words
}

func (s *Server) dependency(st lab.Status, rates telemetry.Rates, policies []policyStatus) dependencyView {
	d := dependencyView{Name: st.Link, Label: st.Label, URL: partURL(st.Link), Kind: st.Kind, State: "healthy", Short: "healthy", Rate: viewRate(rates.Links[st.Link])}
	left := clock(int(max(0, st.Left).Seconds())) + " left"
	if st.Kind != lab.Healthy {
		d.State, d.Short = faultWords(st.Link, st.Label, st.Kind), st.Kind+", "+left
	}
	if st.Hidden {
		d.State, d.Short = "A hidden fault is on, here or elsewhere", "hidden fault?"
	}
	if ails(st) {
		d.Kind, d.Short = "ailing", "fails by itself"
		d.State = st.Saw
	} else if st.Verdict != "" {
		d.State += ", " + st.Verdict
	}
	if st.Kind != lab.Healthy {
		d.State += ", " + left
	}
	var pools []string
	if s.Pools != nil {
		for _, p := range s.Pools() {
			if p.Link == st.Link {
				pools = append(pools, fmt.Sprintf("%d of %d (%s)", p.InUse, p.Max, p.Name))
			}
		}
	}
	d.Pools = strings.Join(pools, ", ")
	of := slices.DeleteFunc(slices.Clone(policies), func(p policyStatus) bool { return p.Link != st.Link })
	d.Breakers, d.Budget = breakers(of), budgets(of)
	return d
}

func viewRate(r telemetry.Rate) rateView {
	v := rateView{PerSecond: perSecond(r.PerSecond) + "/s", Errors: perSecond(r.Errors) + "/s", P50: "–", P99: "–"}
	if r.PerSecond > 0 {
		v.P50, v.P99 = millisOf(r.P50), millisOf(r.P99)
	}
	return v
}

// breakers says how the circuit breakers of some policies stand.
func breakers(policies []policyStatus) string {
	var open []string
	closed := 0
	for _, p := range policies {
		switch p.Breaker {
		case "":
		case resilience.Closed:
			closed++
		default:
			open = append(open, p.Name+" "+string(p.Breaker))
		}
	}
	if closed > 0 {
		open = append(open, fmt.Sprintf("%d closed", closed))
	}
	return strings.Join(open, ", ")
}

// budgets says how many retries are left, each policy having a budget of its own.
func budgets(policies []policyStatus) string {
	var left []string
	for _, p := range policies {
		if p.Tokens != nil {
			left = append(left, fmt.Sprintf("%s %.1f", p.Name, *p.Tokens))
		}
	}
	return strings.Join(left, ", ")
}

// perSecond writes a rate with as many digits as can be read at a glance.
func perSecond(f float64) string {
	digits := 1
	if f >= 100 || f == 0 {
		digits = 0
	}
	return strconv.FormatFloat(f, 'f', digits, 64)
}

func millisOf(m telemetry.Millis) string {
	return millis(time.Duration(float64(m) * float64(time.Millisecond)))
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
