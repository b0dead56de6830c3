// Package fault makes a link slow, broken or silent, on purpose and for a limited time.
//
// It wraps the dialer that a client of PostgreSQL, Redis or HTTP is given, so the client meets the errors a real
// network would hand it and cannot tell the difference: the code under test holds no "if chaos". A connection on a
// healthy link costs an atomic load in a Write and two in a Read.
//
//	link := fault.NewLink("redis")
//	dial := link.Dialer((&net.Dialer{}).DialContext)
//	link.Set(fault.Fault{Kind: fault.Hang, Until: time.Now().Add(time.Minute)})
//	defer link.Close()
package fault

import (
	"context"
	"net"
	"os"
	"syscall"
	"time"
)

// Kind says how a link fails. The zero Kind is a healthy link.
type Kind string

const (
	// Refuse is a dead process: a dial fails at once with ECONNREFUSED, live connections are reset.
	Refuse Kind = "refuse"
	// Hang is a partition or a SIGSTOPped process: nothing arrives and nothing fails. A dial waits for its context, a
	// Read for its deadline; a Write succeeds until the send buffer is full. When the fault ends everything held is
	// delivered in order, as TCP does; what a connection held is dropped when the client closes it first.
	Hang Kind = "hang"
	// Slow adds Latency ± Jitter to each dial and each exchange: a request (one or more Writes) and the reply to it.
	// The wait is counted from the request, so a reply that takes that long anyway is not slowed further.
	Slow Kind = "slow"
	// Flaky resets the connection in a Rate of the exchanges, drawn once each, after the request was sent: the
	// client can't know whether it was carried out. The other exchanges, and dials, pass untouched.
	Flaky Kind = "flaky"
	// Reset is a middlebox that forgot its connections: live ones are reset at once; new ones can be dialed, and
	// are reset in their first exchange.
	Reset Kind = "reset"
)

// Kinds lists every kind of fault, in the order in which to offer them.
var Kinds = []Kind{Refuse, Hang, Slow, Flaky, Reset}

// A Fault is one way for a link to fail.
type Fault struct {
	Kind    Kind
	Latency time.Duration // Slow: added to each exchange and each dial
	Jitter  time.Duration // Slow: the latency varies by up to this much, either way, evenly
	Rate    float64       // Flaky: the share of exchanges that fail, from 0 to 1
	Until   time.Time     // when the fault ends by itself; zero: when it is cleared
	Hidden  bool          // an exercise: whoever shows faults says that there is one, and not which; it breaks the link like any other
}

// delay draws the wait for one exchange of a Slow link.
func (f *Fault) delay(random func() float64) time.Duration {
	if f.Kind != Slow {
		return 0
	}
	return max(0, f.Latency+time.Duration((2*random()-1)*float64(f.Jitter)))
}

// fails draws whether one exchange is reset. A connection that is alive on a Reset link was dialed under the fault.
func (f *Fault) fails(random func() float64) bool {
	return f.Kind == Reset || f.Kind == Flaky && random() < f.Rate
}

// DialFunc is the signature that net.Dialer's DialContext, pgconn's DialFunc, go-redis's Dialer and http.Transport's
// DialContext share.
type DialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// refused is the error that the kernel gives for a port on which nobody listens.
func refused(network, addr string) error {
	return &net.OpError{Op: "dial", Net: network, Addr: target{network, addr}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// target is an address as it was dialed, before any look-up.
type target struct{ network, addr string }

func (t target) Network() string { return t.network }
func (t target) String() string  { return t.addr }
