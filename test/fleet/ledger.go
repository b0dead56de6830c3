package main

import (
	"time"

	"afloat/internal/store"
	"afloat/test/fleet/state"
)

// ledger is what was acknowledged, held against what the leader's table has.
type ledger struct {
	Written      int `json:"written"`      // comments begun
	Acknowledged int `json:"acknowledged"` // told their writer that they are kept
	Outbox       int `json:"outbox"`       // of these, by the outbox
	Lost         int `json:"lost"`         // acknowledged, and not in the table
	Doubled      int `json:"doubled"`      // more than once in the table
	Disordered   int `json:"disordered"`   // before one on the same article that was acknowledged before this one was sent
	Passed       int `json:"passed"`       // likewise, but their server had said that they go past an outbox out of reach
	Refused      int `json:"refused"`      // POSTs answered with a refusal, which their writers sent again
	Broken       int `json:"broken"`       // POSTs without an answer, or with a proxy's
	GivenUp      int `json:"given_up"`     // never acknowledged

	Unseen map[string]int `json:"unseen,omitempty"` // acknowledged, but not seen by their writers: why
}

// reckon compares. The rows of each article are in the order in which it shows them; passed are the hashed keys
// of those that went past the outbox.
func reckon(comments []*comment, rows []state.Comment, passed map[string]bool) ledger {
	var l ledger
	at := map[string]int{}
	for i, row := range rows {
		if _, there := at[row.Text]; there {
			l.Doubled++
			continue
		}
		at[row.Text] = i
	}
	bySlug := map[string][]*comment{}
	for _, c := range comments {
		l.count(c)
		if _, there := at[c.text]; !there {
			if !c.acked.IsZero() {
				l.Lost++
			}
			continue
		}
		bySlug[c.slug] = append(bySlug[c.slug], c)
	}
	for _, on := range bySlug {
		for _, c := range on {
			switch {
			case !overtook(c, on, at):
			case passed[store.KeyHash(c.key())]:
				l.Passed++
			default:
				l.Disordered++
			}
		}
	}
	return l
}

// overtook reports whether c stands before one that was acknowledged before c was sent.
func overtook(c *comment, on []*comment, at map[string]int) bool {
	for _, earlier := range on {
		if !earlier.acked.IsZero() && earlier.acked.Before(c.first()) && at[c.text] < at[earlier.text] {
			return true
		}
	}
	return false
}

func (l *ledger) count(c *comment) {
	l.Written++
	for _, t := range c.tries {
		switch {
		case t.status == 0 || t.status == 502 || t.status == 504:
			l.Broken++
		case t.status != 303:
			l.Refused++
		}
	}
	switch {
	case c.acked.IsZero():
		l.GivenUp++
		return
	case !c.direct:
		l.Outbox++
	}
	l.Acknowledged++
	if c.unseen != "" {
		if l.Unseen == nil {
			l.Unseen = map[string]int{}
		}
		l.Unseen[c.unseen]++
	}
}

// steady is how long writes must have been direct without exception to be called so again.
const steady = 3 * time.Second

// never is longer than a rounding takes away.
const never = -time.Second

// directAgain returns how long after the fault's begin writes were direct again: 0 if they always were, and never if
// they never were again.
func directAgain(comments []*comment, fault time.Time) time.Duration {
	var direct, other []time.Time
	for _, c := range comments {
		for i, t := range c.tries {
			if end := t.at.Add(t.took); end.Before(fault) {
				continue
			} else if t.status == 303 && c.direct && i == len(c.tries)-1 {
				direct = append(direct, end)
			} else {
				other = append(other, end)
			}
		}
	}
	if len(other) == 0 {
		return 0
	}
	again := never
	for _, d := range direct {
		calm := true
		for _, o := range other {
			calm = calm && (o.Before(d) || o.After(d.Add(steady)))
		}
		after := false // what was direct before the fault was felt says nothing
		for _, o := range other {
			after = after || o.Before(d)
		}
		if calm && after && (again < 0 || d.Sub(fault) < again) {
			again = d.Sub(fault)
		}
	}
	return again
}

// refusedUntil is how long after the fault's begin the last POST was refused.
func refusedUntil(comments []*comment, fault time.Time) (last time.Duration) {
	for _, c := range comments {
		for _, t := range c.tries {
			if t.status != 0 && t.status != 502 && t.status != 504 && t.status != 303 {
				last = max(last, t.at.Add(t.took).Sub(fault))
			}
		}
	}
	return last
}

// slowestAnswer is the longest that a writer waited for an answer of a server.
func slowestAnswer(comments []*comment) (slowest time.Duration) {
	for _, c := range comments {
		for _, t := range c.tries {
			if t.status != 0 {
				slowest = max(slowest, t.took)
			}
		}
	}
	return slowest
}
