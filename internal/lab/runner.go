package lab

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"
)

// keptRuns bounds the finished runs that are remembered.
const keptRuns = 50

// A Runner runs experiments on a rig, one at a time, since two would measure each other. It is safe for concurrent
// use. Make one with NewRunner, and close it.
type Runner struct {
	rig  *Rig
	log  *slog.Logger
	note func(string) // told what begins and ends; for the timeline

	makeRoom []func() // end what would disturb an experiment; set before the first one

	mu      sync.Mutex
	runs    []*Run // oldest first
	cancel  context.CancelFunc
	done    chan struct{} // closed when the run under way has ended
	changed chan struct{} // closed and replaced at each change of any run
	closed  bool
	next    int
}

// NewRunner returns a runner that tells note of each beginning and end; nil tells nobody.
func NewRunner(rig *Rig, note func(string), log *slog.Logger) *Runner {
	if note == nil {
		note = func(string) {}
	}
	return &Runner{rig: rig, log: log, note: note, changed: make(chan struct{}), next: 1}
}

// Start begins a run on healthy links, and returns at once. The error is a *Busy where one is under way, or
// ErrStopping.
func (r *Runner) Start(e *Experiment, v Values) (Run, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.busy(); err != nil {
		return Run{}, err
	}
	run := &Run{ID: strconv.FormatInt(time.Now().Unix(), 36) + "-" + strconv.Itoa(r.next), Experiment: e, Values: v, Began: time.Now()}
	r.next++
	r.runs = append(r.runs, run)
	if len(r.runs) > keptRuns {
		r.runs = slices.Delete(r.runs, 0, 1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	r.bump()
	go r.carryOut(ctx, run, r.done)
	return *run, nil
}

// carryOut runs it to its end, whatever that is; a panic is the end of this run only.
func (r *Runner) carryOut(ctx context.Context, run *Run, done chan struct{}) {
	defer close(done)
	r.note("experiment " + run.Experiment.Name + " began")
	for _, end := range r.makeRoom {
		end()
	}
	r.heal()
	result, err := r.guarded(ctx, run)
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	r.heal()
	r.note("experiment " + run.Experiment.Name + " ended")
	r.mu.Lock()
	defer r.mu.Unlock()
	run.Result, run.Err, run.Ended = result, err, time.Now()
	r.cancel()
	r.bump()
	r.log.Info("experiment ended", "name", run.Experiment.Name, "took", run.Ended.Sub(run.Began), "met", err == nil && result.Met(), "err", err)
}

func (r *Runner) guarded(ctx context.Context, run *Run) (result Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("panic in an experiment", "name", run.Experiment.Name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the experiment broke off: %v", p)
		}
	}()
	return run.Experiment.Run(ctx, r.rig, run.Values, func(p Progress) {
		r.mu.Lock()
		defer r.mu.Unlock()
		run.Progress = p
		r.bump()
	})
}

// Cancel stops the run under way, waits until it has let go of the links, and reports whether there was one.
func (r *Runner) Cancel() bool {
	r.mu.Lock()
	if r.underWay() == nil {
		r.mu.Unlock()
		return false
	}
	r.cancel()
	done := r.done
	r.mu.Unlock()
	<-done
	return true
}

// Close stops what runs, and refuses what would begin.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.Cancel()
}

// bump announces a change; r.mu is held.
func (r *Runner) bump() {
	close(r.changed)
	r.changed = make(chan struct{})
}
