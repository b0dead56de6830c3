package experiments

import (
	"math"
	"time"

	"afloat/internal/availability"
	"afloat/internal/lab"
)

// A waitModel is what Little's law and the drawn delays foretell of the chain.
type waitModel struct {
	rate, share         float64
	mean, slow, timeout time.Duration
	patience, window    time.Duration // window: of all trials together
	workers, places     int
}

func waitModelOf(v lab.Values) waitModel {
	return waitModel{
		rate: v.Float("rate"), share: v.Float("slow") / 100, mean: v.Duration("answer"), slow: v.Duration("latency"), timeout: v.Duration("timeout"), patience: v.Duration("patience"),
		window: time.Duration(v.Int("trials")) * v.Duration("for") / 2, workers: v.Int("workers"), places: v.Int("places"),
	}
}

// quick is the share of healthy answers that are there within the timeout.
func (m waitModel) quick() float64 { return 1 - math.Exp(-m.timeout.Seconds()/m.mean.Seconds()) }

// inFlight is how many calls are in work at a time, and the standard error of a measurement over all trials: with the
// work's full length, or cut short at the timeout. Arrivals are Poisson, so the sum of their times varies as the mean of
// the squared times says.
func (m waitModel) inFlight(cut bool) (mean, se float64) {
	a, s, t := m.mean.Seconds(), m.slow.Seconds(), m.timeout.Seconds()
	first, second := a, 2*a*a // moments of a healthy answer
	if cut {
		s = min(s, t)
		first = a * m.quick()
		second = 2*a*a*m.quick() - 2*a*t*(1-m.quick())
	}
	first, second = (1-m.share)*first+m.share*s, (1-m.share)*second+m.share*s*s
	return m.rate * first, math.Sqrt(m.rate * second / m.window.Seconds())
}

// chainChecks hold the chain against the model, where its parameters let it foretell something.
func chainChecks(chain []waited, m waitModel) (checks []lab.Check) {
	full, fullSE := m.inFlight(false)
	cut, cutSE := m.inFlight(true)
	overloaded := full >= 1.4*float64(m.workers)
	steady := cut <= 0.75*float64(m.workers) && full <= 0.75*roomy && m.timeout < m.patience
	starved := full >= 1.4*float64(m.places) && cut <= 0.75*float64(m.places) && m.slow > m.timeout
	if overloaded {
		none := &chain[0]
		held, _ := spread(none.busy)
		checks = append(checks,
			lab.Check{
				Claim: "no timeout: workers held, where rate × mean time is " + digits(1, full), Want: "at least " + digits(1, 0.95*float64(m.workers)), Got: digits(1, held),
				Met: held >= 0.95*float64(m.workers), Source: littlesLaw,
			},
			below("no timeout: served in time, in percent", 1, 100*share(none.served, none.came), 10, ourChain))
	}
	if !steady {
		return checks
	}
	for i := 1; i <= 2; i++ {
		w, name := &chain[i], waitRuns[i].name
		inside, _ := spread(w.inside)
		little, _ := spread(w.little)
		checks = append(checks,
			m.served(name, w),
			near(name+": readers in the server, against rate × mean time as the readers saw them", 1, inside, little, 0.15*little+0.5, littlesLaw),
			near(name+": readers in the server, against rate × drawn time", 1, inside, cut, 4*cutSE+0.15*cut+0.5, littlesLaw))
	}
	work, _ := spread(chain[1].inWork)
	stopped, _ := spread(chain[2].inWork)
	checks = append(checks,
		near("timeout: calls in work at the dependency, against rate × drawn time", 1, work, full, 4*fullSE+0.15*full, littlesLaw),
		near("deadline that travels: calls in work at the dependency, against rate × drawn time, cut short", 1, stopped, cut, 4*cutSE+0.15*cut+0.5, littlesLaw))
	if m.share > 0 && m.slow > m.timeout {
		vain, _ := spread(chain[1].vain)
		kept, _ := spread(chain[2].vain)
		formula := m.rate * m.share * (m.slow - m.timeout).Seconds() / full
		checks = append(checks,
			near("timeout: the dependency's work for nobody, in percent", 1, 100*vain/max(work, 1e-9), 100*formula, 10, grpcDeadlines),
			below("deadline that travels: the dependency's work for nobody, in percent", 1, 100*kept/max(stopped, 1e-9), 5, grpcDeadlines))
	}
	if starved {
		alone, saved := &chain[3], &chain[4]
		checks = append(checks,
			m.served(waitRuns[4].name, saved),
			below("timeout, few places: served in time, in percent, against half of those with a deadline that travels", 1, 100*share(alone.served, alone.came), 50*share(saved.served, saved.came), grpcDeadlines))
	}
	return checks
}

// served holds a run against the share of quick answers.
func (m waitModel) served(name string, w *waited) lab.Check {
	want := (1 - m.share) * m.quick()
	se := math.Sqrt(want * (1 - want) / float64(max(w.came, 1)))
	return near(name+": served in time, in percent", 1, 100*share(w.served, w.came), 100*want, 5+400*se, ourChain)
}

// retryFormula is the tries that a call makes if each fails with the share that did, whatever came before it.
func retryFormula(i int, s *stormed, v lab.Values) float64 {
	retries := 0
	if stormRuns[i].retries {
		retries = v.Int("attempts") - 1
	}
	return availability.RetryLoad(share(s.timedOut, s.tries), retries)
}

// stormChecks hold the calls with a tight timeout against the formulas.
func stormChecks(storm []stormed, v lab.Values) []lab.Check {
	p, attempts := v.Float("tight")/100, v.Int("attempts")
	once, again, few, budget, ample := &storm[0], &storm[1], &storm[2], &storm[3], &storm[4]
	n := float64(max(once.tries, 1))
	mean := share(again.tries, again.calls)
	se := math.Sqrt(max(0, share(again.squares, again.calls)-mean*mean) / float64(max(again.calls, 1)))
	formula := retryFormula(1, again, v)
	checks := []lab.Check{
		near("tight, one try: false timeouts, in percent of the tries", 1, 100*share(once.timedOut, once.tries), 100*p, 7+400*math.Sqrt(p*(1-p)/n), buildersLibrary),
		near("tight, retries: tries a call, against the formula with the share that timed out", 2, mean, formula, 4*se+0.05*formula, fixingRetries),
		below("tight, with the budget: tries a call", 3, share(budget.allTries, budget.allCalls), 1.1, sreOverload),
	}
	load := v.Float("rate") * v.Duration("answer").Seconds() / float64(v.Int("few"))
	drawn := availability.RetryLoad(p, attempts-1)
	if load <= 0.85 {
		healthy := 100 * share(ample.succeeded, ample.calls)
		checks = append(checks, lab.Check{Claim: "ample, few places: calls that succeeded, in percent", Want: "at least 99.0", Got: digits(1, healthy), Met: healthy >= 99, Source: ourChain})
	}
	if load <= 0.85 && load*drawn >= 1.1 {
		got := share(few.tries, few.calls)
		checks = append(checks, lab.Check{
			Claim: "tight, few places: tries a call, where the formula with the drawn share says " + digits(2, drawn), Want: "at least " + digits(2, min(1.1*drawn, float64(attempts))), Got: digits(2, got),
			Met: got >= min(1.1*drawn, float64(attempts)), Source: sreCascading,
		})
	}
	return checks
}
