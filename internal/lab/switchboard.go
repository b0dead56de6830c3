package lab

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/fault"
)

// A Wire is one link on the switchboard.
type Wire struct {
	Link  *fault.Link
	Label string // for people: "Postgres"
	Probe Probe  // must go through Link
}

// A Switchboard sets faults on links and keeps verifying them. It is safe for concurrent use. Make one with
// NewSwitchboard, and close it.
type Switchboard struct {
	limits Limits
	log    *slog.Logger
	stop   context.CancelFunc
	probes sync.WaitGroup

	critical atomic.Pointer[Marks] // never nil; mu is held where it changes

	mu      sync.Mutex
	lines   []*line
	server  string // who gives the orders here
	clock   int64  // the highest stamp seen, in microseconds
	closed  bool
	rev     int64
	changed chan struct{} // closed and replaced whenever rev rises
}

// NewSwitchboard takes over the wires' links, healthy, and begins to probe them. It refuses limits that are not above
// zero, and wires without a link of their own or without a probe.
func NewSwitchboard(wires []Wire, limits Limits, log *slog.Logger) (*Switchboard, error) {
	if err := limits.validate(); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Switchboard{
		limits: limits, log: log, stop: stop, changed: make(chan struct{}),
		rev: time.Now().UnixMilli(), // a restarted server must not repeat the numbers that its followers know
	}
	s.critical.Store(&Marks{})
	for _, w := range wires {
		if w.Link == nil || w.Probe == nil || s.find(w.Link.Name()) != nil || w.Link.Name() == All {
			stop()
			return nil, fmt.Errorf("switchboard: wire %q needs a probe, and a link with a name of its own", w.Label)
		}
		w.Link.Clear()
		s.lines = append(s.lines, &line{Wire: w, verdict: Checking, poke: make(chan struct{}, 1)})
	}
	for _, l := range s.lines {
		s.probes.Go(func() { s.watch(ctx, l) })
	}
	return s, nil
}

// Apply sets what o asks for and waits until it is verified, ctx ends or Limits.ConfirmWait has passed. It returns
// the statuses of the links concerned; the fault is on, whatever they say. The error is a *BadOrder.
func (s *Switchboard) Apply(ctx context.Context, o Order) ([]Status, error) {
	bad := &BadOrder{}
	o = s.check(o, bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	f := fault.Fault{Latency: o.Latency, Jitter: o.Jitter, Rate: o.Rate, Until: time.Now().Add(o.For), Hidden: o.Hidden}
	if o.Kind == Healthy {
		f = fault.Fault{}
	} else {
		f.Kind = fault.Kind(o.Kind)
	}
	s.change(o.Link, f)
	return s.confirm(ctx, o.Link), nil
}

// Clear makes one link healthy, or every link where it is All or empty. It doesn't wait for the probes.
func (s *Switchboard) Clear(link string) error {
	link = cmp.Or(link, All)
	if link != All && s.find(link) == nil {
		return fmt.Errorf("no link %q: want one of %s", link, s.names())
	}
	s.change(link, fault.Fault{})
	return nil
}

// change puts f on a link, or on All; f's zero Kind clears.
func (s *Switchboard) change(link string, f fault.Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed && f.Kind != "" {
		return
	}
	stamp := s.stamp()
	for _, l := range s.lines {
		if link == All || l.Link.Name() == link {
			s.put(l, f)
			if !s.closed { // that this server ends is no order for the others
				l.stamp = stamp
			}
		}
	}
	s.bump()
}

// Status returns the present state.
func (s *Switchboard) Status() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state()
}

// Changed returns the state as soon as its Rev is not after, or when ctx ends.
func (s *Switchboard) Changed(ctx context.Context, after int64) State {
	for {
		s.mu.Lock()
		state, changed := s.state(), s.changed
		s.mu.Unlock()
		if state.Rev != after || ctx.Err() != nil {
			return state
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Close stops the probes and clears every fault. Later orders change nothing.
func (s *Switchboard) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	s.probes.Wait()
	s.change(All, fault.Fault{})
}

// state is Status's; s.mu is held.
func (s *Switchboard) state() State {
	state := State{Rev: s.rev, Faults: make([]Status, len(s.lines)), Critical: *s.critical.Load()}
	for i, l := range s.lines {
		state.Faults[i] = l.status()
	}
	return state
}

// bump announces a change; s.mu is held.
func (s *Switchboard) bump() {
	s.rev++
	close(s.changed)
	s.changed = make(chan struct{})
}

// find returns a link's line, or nil. The lines never change.
func (s *Switchboard) find(link string) *line {
	for _, l := range s.lines {
		if l.Link.Name() == link {
			return l
		}
	}
	return nil
}

// names lists what an order's link may be.
func (s *Switchboard) names() string {
	var names []string
	for _, l := range s.lines {
		names = append(names, l.Link.Name())
	}
	return strings.Join(append(names, All), ", ")
}
