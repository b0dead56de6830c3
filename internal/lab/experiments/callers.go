package experiments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"afloat/internal/availability"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// Callers drive a link without pages. They are an open loop: a caller comes when the schedule says so, however long the
// others wait, as real ones do.

const (
	maxRate    = 3000   // calls, and tries, a second of any experiment
	maxWaiting = 20_000 // callers at once; who comes later is not sent, and that is counted
)

// A span is a time during which callers come at one mean rate.
type span struct {
	rate   float64 // calls a second, at most maxRate
	length time.Duration
}

// arrivals draws when callers come, counted from the start: a Poisson process, so gaps are exponential and bursts
// happen. The same seed and spans give the same arrivals.
func arrivals(seed uint64, spans ...span) ([]time.Duration, error) {
	random := rand.New(rand.NewPCG(seed, 0))
	var all []time.Duration
	start := 0.0
	for _, s := range spans {
		if !(s.rate > 0 && s.rate <= maxRate) {
			return nil, fmt.Errorf("%g calls/s: callers may come at above 0 and up to %d a second", s.rate, maxRate)
		}
		end := start + s.length.Seconds()
		for at := start + random.ExpFloat64()/s.rate; at < end; at += random.ExpFloat64() / s.rate {
			all = append(all, seconds(at))
		}
		start = end
	}
	return all, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * 1e9) } // a Duration counts nanoseconds

// bearable refuses callers whose tries, those again included, are more than callers may make.
func bearable(rate, failing float64, retries int) error {
	if tries := rate * availability.RetryLoad(failing, retries); tries > maxRate {
		return fmt.Errorf("%.0f calls/s with up to %d retries are %.0f tries/s while %g %% fail: %d are the most; ask for fewer calls or retries", rate, retries, tries, 100*failing, maxRate)
	}
	return nil
}

// openLoop makes a call for each arrival, in a goroutine of its own, and returns when all have ended: how many were
// sent, and by how much the latest was sent too late, which says whether the generator kept up. When ctx ends it sends
// no more and returns ctx's error; calls must heed their ctx.
func openLoop(ctx context.Context, at []time.Duration, call func(ctx context.Context, arrival int)) (sent int, late time.Duration, err error) {
	var calls sync.WaitGroup
	defer calls.Wait()
	waiting := make(chan struct{}, maxWaiting)
	began := time.Now()
	for i, due := range at {
		if err := sleep(ctx, time.Until(began.Add(due))); err != nil {
			return sent, late, err
		}
		late = max(late, time.Since(began)-due)
		select {
		case waiting <- struct{}{}:
		default:
			continue
		}
		sent++
		calls.Go(func() {
			defer func() { <-waiting }()
			call(ctx, i)
		})
	}
	calls.Wait()
	return sent, late, ctx.Err()
}

// sleep waits for d, or returns ctx's error as soon as ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A stage is one part of a run, for telling how far it is.
type stage struct {
	from, to float64       // of the whole run, from 0 to 1
	takes    time.Duration // about; 0 where nobody knows
	say      string
}

// stageOf is the i-th of n stages of about the same length.
func stageOf(i, n int, takes time.Duration, say string) stage {
	return stage{float64(i) / float64(n), float64(i+1) / float64(n), takes, say}
}

// during tells of a stage when it begins, and again every so often until do returns.
func during(tell func(lab.Progress), s stage, do func() error) error {
	began, over := time.Now(), make(chan struct{})
	say := func() {
		done := s.from
		if s.takes > 0 {
			done += (s.to - s.from) * min(1, float64(time.Since(began))/float64(s.takes))
		}
		tell(lab.Progress{Done: done, Say: s.say})
	}
	say()
	var telling sync.WaitGroup
	telling.Go(func() {
		every := time.NewTicker(policy.LabRig().Tell / 2) // at least as often as it is shown
		defer every.Stop()
		for {
			select {
			case <-every.C:
				say()
			case <-over:
				return
			}
		}
	})
	defer telling.Wait()
	defer close(over)
	return do()
}

// under keeps a link broken while do runs, and every link healthy afterwards.
func under(rig *lab.Rig, o lab.Order, do func() error) error {
	defer func() { _ = rig.Links.Clear(lab.All) }() // All is a link that there always is
	if err := rig.Links.Order(o); err != nil {
		return err
	}
	return do()
}
