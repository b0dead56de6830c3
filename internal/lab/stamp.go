package lab

import (
	"crypto/rand"
	"time"
)

// Faults reach every server of a fleet, and no server is in charge: whoever is
// asked sets a fault, and the others take it over. What has to be agreed on is
// which of two orders for a link is the later one. So each order has a stamp,
// of which the higher one wins: on a register that is merged like that all
// servers end up alike, whatever way and however often they hear of an order
// (a last-writer-wins register; Shapiro et al., "Conflict-free Replicated Data
// Types", 2011). To clear a link is an order too. That a fault is over is not:
// all servers hold the same Until.

// A Stamp says when an order was given. The clock is a hybrid one: the time of
// day, and one more than the highest stamp seen where that is later. So an order
// that follows from another never loses to it, even if clocks differ (Kulkarni
// et al., "Logical Physical Clocks", 2014). Its zero value is that of no order.
type Stamp struct {
	At int64  `json:"at"` // microseconds since 1970
	By string `json:"by"` // the server that was asked, and its start; decides between two of the same instant
}

// before reports whether s loses to t.
func (s Stamp) before(t Stamp) bool {
	return s.At < t.At || s.At == t.At && s.By < t.By
}

// Name says who gives this switchboard's orders. Servers that join each other
// need different names; call it before the first order.
//
// A restarted server counts as another one: it has forgotten its last stamps,
// and where other servers' clocks are ahead of its own it counts up from what it
// hears from them, so it could give two orders the same stamp.
func (s *Switchboard) Name(server string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server + "/" + rand.Text()
}

// stamp is that of an order given now; s.mu is held.
func (s *Switchboard) stamp() Stamp {
	s.clock = max(time.Now().UnixMicro(), s.clock+1)
	return Stamp{s.clock, s.server}
}
