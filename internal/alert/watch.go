package alert

import "time"

// A Firing is when a rule fired for the first time, and for what.
type Firing struct {
	Since time.Time // the share was too much from here on
	At    time.Time // and the rule fired
	Group string    // the value of the label that it judges apart
	Share float64   // when it fired
}

// Watch evaluates the rule at each scrape, as Prometheus does at each of its
// intervals, and returns its first firing. The scrapes are in order.
func (r Rule) Watch(scrapes []Scrape) (first Firing, fired bool) {
	pending := map[string]time.Time{}
	for i := range scrapes {
		now := scrapes[i].At
		shares := r.Shares(scrapes[:i+1])
		for group := range pending {
			if shares[group] <= r.Above {
				delete(pending, group)
			}
		}
		for group, share := range shares {
			if share <= r.Above {
				continue
			}
			since, ok := pending[group]
			if !ok {
				since = now
				pending[group] = now
			}
			if now.Sub(since) >= r.For {
				return Firing{Since: since, At: now, Group: group, Share: share}, true
			}
		}
	}
	return Firing{}, false
}

// Shares is what the rule compares with its threshold, by group, at the last of
// the scrapes: how far the watched events rose within the window, as a part of
// how far all did. A group without any rise is not in it, as 0 ÷ 0 is no number.
// Prometheus's extrapolation to the window's edges cancels out of the quotient.
func (r Rule) Shares(scrapes []Scrape) map[string]float64 {
	if len(scrapes) == 0 {
		return nil
	}
	last := scrapes[len(scrapes)-1]
	watched, all := map[string]float64{}, map[string]float64{}
	for _, s := range last.Series {
		if s.Metric != r.Metric {
			continue
		}
		rise := r.rise(scrapes, s)
		all[s.Labels[r.By]] += rise
		if s.Labels[r.Label] == r.Value {
			watched[s.Labels[r.By]] += rise
		}
	}
	shares := map[string]float64{}
	for group, total := range all {
		if total > 0 {
			shares[group] = watched[group] / total
		}
	}
	return shares
}

// rise is how far a counter has risen within the window. A series that begins
// within it rises from its first value, as in Prometheus, and one that falls
// has been reset to 0.
func (r Rule) rise(scrapes []Scrape, of Series) float64 {
	from := scrapes[len(scrapes)-1].At.Add(-r.Window)
	rise, before, seen := 0.0, 0.0, false
	for _, scrape := range scrapes {
		if !scrape.At.After(from) {
			continue
		}
		for _, s := range scrape.Series {
			if !s.is(of) {
				continue
			}
			switch {
			case seen && s.Value < before:
				rise += s.Value
			case seen:
				rise += s.Value - before
			}
			before, seen = s.Value, true
		}
	}
	return rise
}
