package lab

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"afloat/internal/fault"
)

// Join exchanges orders with the servers whose States are served at peers, as
// Follow does it, until ctx ends: each peer's orders are merged into s. Every
// server does that, so no order depends on one of them being up: who was away
// learns from any peer, at once, what it has missed.
func (s *Switchboard) Join(ctx context.Context, client *http.Client, peers []string, retry time.Duration, log *slog.Logger) {
	var joined sync.WaitGroup
	for _, peer := range peers { // each by itself: one that hangs holds up no other
		joined.Go(func() { poll(ctx, client, []string{peer}, retry, log, s.Merge) })
	}
	joined.Wait()
}

// Merge takes over what another server's state has later orders for. What it
// says of its probes is its own affair, as is a link that this server has not.
func (s *Switchboard) Merge(other State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	news := false
	for _, theirs := range other.Faults {
		l := s.find(theirs.Link)
		f, known := faultOf(theirs)
		if l == nil || !known || !l.stamp.before(theirs.Stamp) {
			continue
		}
		if time.Now().After(f.Until) {
			f = fault.Fault{} // it ended on the way
		}
		if f.Kind != "" || l.fault.Kind != "" {
			s.put(l, f)
		}
		l.stamp, news = theirs.Stamp, true
		s.clock = max(s.clock, theirs.Stamp.At)
	}
	if ours, theirs := s.critical.Load(), other.Critical; ours.Stamp.before(theirs.Stamp) {
		s.critical.Store(&theirs)
		s.clock, news = max(s.clock, theirs.Stamp.At), true
	}
	if news {
		s.bump()
	}
}

// faultOf is the fault that a status tells of, its zero value for a healthy
// link; and whether it is one that this program knows, with an end.
func faultOf(st Status) (fault.Fault, bool) {
	f := fault.Fault{Kind: fault.Kind(st.Kind), Latency: st.Latency, Jitter: st.Jitter, Rate: st.Rate, Until: st.Until, Hidden: st.Hidden}
	if st.Kind == Healthy {
		return fault.Fault{}, true
	}
	return f, slices.Contains(fault.Kinds, f.Kind) && !f.Until.IsZero()
}

// Marks are the parts of a page that a reader has marked as critical. They are
// an order as a fault is one: it reaches every server, and ends by itself.
type Marks struct {
	Parts []string  `json:"parts,omitempty"`
	Until time.Time `json:"until,omitzero"`
	Stamp Stamp     `json:"stamp,omitzero"`
}

// MarkCritical marks these parts and no others for this long; none ends it.
func (s *Switchboard) MarkCritical(parts []string, lasting time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &Marks{Stamp: s.stamp()}
	if len(parts) > 0 {
		m.Parts, m.Until = slices.Clone(parts), time.Now().Add(lasting)
	}
	s.critical.Store(m)
	s.bump()
}

// Critical returns the parts that are marked, and until when. It is quick, for
// each page asks.
func (s *Switchboard) Critical() ([]string, time.Time) {
	m := s.critical.Load()
	if !time.Now().Before(m.Until) {
		return nil, time.Time{}
	}
	return m.Parts, m.Until
}
