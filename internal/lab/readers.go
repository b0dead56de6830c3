package lab

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"afloat/internal/load"
)

// Readers are the lab's built-in page readers, for charts that are never empty. They read this blog and nothing else,
// one load at a time, which ends by itself. They make room for experiments. Safe for concurrent use; make them with
// NewReaders, and close them.
type Readers struct {
	runner *Runner
	plan   load.Plan // what all loads have in common
	send   func(context.Context, load.Plan) error
	log    *slog.Logger

	mu     sync.Mutex
	status ReadersStatus
	cancel context.CancelFunc
	done   chan struct{} // closed when the load under way has ended
}

// ReadersStatus says what the readers do, and what they got since they began.
type ReadersStatus struct {
	On           bool
	Rate         float64 // readers a second
	Began, Until time.Time

	Readers, OK, Complete int   // whose fate is known; answered 200; that, and with every part
	Err                   error // why the last load ended early; nil where somebody stopped it
}

// NewReaders returns readers that follow plan, in which Rate, Duration and Seed are what Params offers first. Its
// Target is all that is ever read. send runs a plan, as load.Run does, in a process of its own.
func NewReaders(runner *Runner, plan load.Plan, send func(context.Context, load.Plan) error, log *slog.Logger) *Readers {
	r := &Readers{runner: runner, plan: plan, send: send, log: log}
	runner.makeRoom = append(runner.makeRoom, func() { r.Stop() })
	return r
}

// Params are what may be chosen of a load.
func (r *Readers) Params() []Param {
	float := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	return []Param{
		{Name: "rate", Label: "readers", Unit: "readers/s", Kind: Float, Default: float(r.plan.Rate), Min: "0.1", Max: float(load.MaxRate)},
		{Name: "for", Label: "for", Kind: Duration, Default: r.plan.Duration.String(), Min: time.Second.String(), Max: load.MaxDuration.String()},
		SeedParam(),
	}
}

// Start begins a load and returns at once; v are values of Params. The error is a *Busy while an experiment or another
// load is under way.
func (r *Readers) Start(v Values) error {
	plan := r.plan
	plan.Rate, plan.Duration, plan.Seed = v.Float("rate"), v.Duration("for"), v.Seed()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.On {
		return &Busy{What: fmt.Sprintf("a load of %g readers a second", r.status.Rate), Until: r.status.Until}
	}
	return r.runner.idle(func() {
		ctx, cancel := context.WithCancel(context.Background())
		now := time.Now()
		r.status = ReadersStatus{On: true, Rate: plan.Rate, Began: now, Until: now.Add(plan.Duration)}
		r.cancel, r.done = cancel, make(chan struct{})
		go r.carryOut(ctx, plan, r.done)
	})
}

func (r *Readers) carryOut(ctx context.Context, plan load.Plan, done chan struct{}) {
	defer close(done)
	plan.Each = func(s load.Sample) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.status.Readers++
		if s.Status == http.StatusOK {
			r.status.OK++
		}
		if s.Complete {
			r.status.Complete++
		}
	}
	r.runner.note(fmt.Sprintf("%g readers a second began", plan.Rate))
	err := r.send(ctx, plan)
	if ctx.Err() != nil {
		err = nil
	}
	r.runner.note("readers ended")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cancel()
	r.status.On, r.status.Err = false, err
	r.log.Info("readers ended", "readers", r.status.Readers, "ok", r.status.OK, "err", err)
}

// Stop ends the load under way, waits until it is gone, and reports whether there was one.
func (r *Readers) Stop() bool {
	r.mu.Lock()
	on, cancel, done := r.status.On, r.cancel, r.done
	r.mu.Unlock()
	if on {
		cancel()
		<-done
	}
	return on
}

// Status returns what is known now.
func (r *Readers) Status() ReadersStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}
