package lab

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Faults, readers and experiments share one system, and would spoil each other's measurements unseen. So an experiment
// has it to itself: a fault or a load that is asked for meanwhile is refused, and told who is there and until when.

// ErrStopping refuses what would begin while the server ends.
var ErrStopping = errors.New("the server is stopping: nothing begins now")

// Busy is the error of a start, or of a fault, while an experiment or a load has the lab to itself.
type Busy struct {
	What  string    // what is under way, in words
	Until time.Time // when it should be over; zero where that isn't known
}

// Error says who has the lab, and until when.
func (b *Busy) Error() string {
	if b.Until.IsZero() {
		return b.What + " is under way: wait until it is over, or stop it"
	}
	return fmt.Sprintf("%s is under way until about %s: wait, or stop it", b.What, b.Until.UTC().Format("15:04:05 MST"))
}

// Busy returns a *Busy while an experiment is under way, ErrStopping after Close, else nil.
func (r *Runner) Busy() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.busy()
}

// busy is Busy; r.mu is held.
func (r *Runner) busy() error {
	if r.closed {
		return ErrStopping
	}
	if run := r.underWay(); run != nil {
		return &Busy{What: "the experiment “" + run.Experiment.Title + "”", Until: run.expectedEnd()}
	}
	return nil
}

// idle does something quick, unless the lab is busy; no experiment begins meanwhile.
func (r *Runner) idle(do func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.busy()
	if err == nil {
		do()
	}
	return err
}

// Apply is the switchboard's Apply for people: the error may also be a *Busy. An order for healthy links all over is
// never refused: it is Restore.
func (r *Runner) Apply(ctx context.Context, o Order) ([]Status, error) {
	if o.Link == All && o.Kind == Healthy {
		r.Restore()
		return r.rig.Links.confirm(ctx, All), nil
	}
	var refused error
	if err := r.idle(func() { refused = r.rig.Links.Order(o) }); err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, refused
	}
	return r.rig.Links.confirm(ctx, o.Link), nil
}

// Restore makes everything as it was at the start: links healthy, no experiment, no readers, no server with other
// protections. It returns when that is so, except that a link may go on recovering from its fault.
func (r *Runner) Restore() {
	r.heal() // at once, whatever the rest takes
	var ending sync.WaitGroup
	ending.Go(func() { r.Cancel() })
	for _, end := range r.makeRoom {
		ending.Go(end)
	}
	if r.rig.Custom != nil {
		ending.Go(r.rig.Custom.Stop)
	}
	ending.Wait()
}

func (r *Runner) heal() {
	if r.rig.Links != nil {
		_ = r.rig.Links.Clear(All) // All is a link that there always is
	}
}
