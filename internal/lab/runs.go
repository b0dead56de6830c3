package lab

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A Run is an experiment under way, or one that has ended.
type Run struct {
	ID         string
	Experiment *Experiment
	Values     Values
	Began      time.Time
	Ended      time.Time // zero while it is under way
	Progress   Progress
	Result     Result
	Err        error // why there is no result; context.Canceled where somebody stopped it
}

// Over reports whether the run has ended.
func (r Run) Over() bool { return !r.Ended.IsZero() }

// Current returns the run under way, and whether there is one.
func (r *Runner) Current() (Run, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if run := r.underWay(); run != nil {
		return *run, true
	}
	return Run{}, false
}

// Find returns a run by its ID.
func (r *Runner) Find(id string) (Run, bool) {
	return r.last(func(run *Run) bool { return run.ID == id })
}

// Last returns the latest finished run of an experiment that has a result.
func (r *Runner) Last(experiment string) (Run, bool) {
	return r.last(func(run *Run) bool { return run.Experiment.Name == experiment && run.Over() && run.Err == nil })
}

func (r *Runner) last(is func(*Run) bool) (Run, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range slices.Backward(r.runs) {
		if is(run) {
			return *run, true
		}
	}
	return Run{}, false
}

// Changed is closed when any run has changed since the call.
func (r *Runner) Changed() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

// Wait returns a run as it has ended, or as it stands when ctx ends.
func (r *Runner) Wait(ctx context.Context, id string) (Run, error) {
	for {
		changed := r.Changed()
		run, ok := r.Find(id)
		if !ok {
			return Run{}, fmt.Errorf("there is no run %q", id)
		}
		if run.Over() {
			return run, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return run, ctx.Err()
		}
	}
}

// underWay returns the run that hasn't ended, or nil; r.mu is held.
func (r *Runner) underWay() *Run {
	if n := len(r.runs); n > 0 && !r.runs[n-1].Over() {
		return r.runs[n-1]
	}
	return nil
}

// expectedEnd reckons from what is done; it is zero where nothing is yet.
func (r *Run) expectedEnd() time.Time {
	if r.Progress.Done <= 0 {
		return time.Time{}
	}
	return r.Began.Add(time.Duration(float64(time.Since(r.Began)) / r.Progress.Done))
}
