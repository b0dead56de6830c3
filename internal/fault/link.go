package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Link is the way to one dependency: every connection dialed through it shares its fault. It is safe for
// concurrent use. Make one with NewLink.
type Link struct {
	name   string
	random func() float64 // uniform in [0, 1)
	state  atomic.Pointer[state]

	mu     sync.Mutex // orders changes of state; taken before a connection's own mutex
	conns  map[*conn]struct{}
	expiry *time.Timer
	closed bool
}

// A state is a link's fault from one change to the next; its Kind is empty while the link is healthy. No two changes
// share a state, so comparing pointers tells whether the link has changed meanwhile.
type state struct {
	Fault
	over chan struct{} // closed when the next state has replaced this one
}

// NewLink returns a healthy link. The name is for people and logs.
func NewLink(name string) *Link {
	l := &Link{name: name, random: rand.Float64, conns: map[*conn]struct{}{}}
	l.state.Store(&state{over: make(chan struct{})})
	return l
}

// Name returns the link's name.
func (l *Link) Name() string { return l.name }

// Current returns the fault that is on, and whether one is.
func (l *Link) Current() (Fault, bool) {
	s := l.state.Load()
	return s.Fault, s.Kind != ""
}

// Set replaces the link's fault, for dials and live connections at once, until f.Until or the next Set or Clear. A
// fault whose Until has passed clears the link. Set panics if f.Kind is none of Kinds.
func (l *Link) Set(f Fault) {
	if !slices.Contains(Kinds, f.Kind) {
		panic(fmt.Sprintf("fault: no kind %q: want one of %q", f.Kind, Kinds))
	}
	l.change(f, nil)
}

// Clear makes the link healthy at once: what waited goes on.
func (l *Link) Clear() { l.change(Fault{}, nil) }

// Close makes the link healthy for good: later Sets do nothing. Its connections live until their owners close them.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.Clear()
}

// change puts f in place of the present fault; where only isn't nil, in place of that one alone.
func (l *Link) change(f Fault, only *state) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed && f.Kind != "" || only != nil && only != l.state.Load() {
		return
	}
	if l.expiry != nil {
		l.expiry.Stop()
	}
	left := time.Until(f.Until)
	if !f.Until.IsZero() && left <= 0 {
		f = Fault{}
	}
	s := &state{Fault: f, over: make(chan struct{})}
	if !f.Until.IsZero() {
		l.expiry = time.AfterFunc(left, func() { l.change(Fault{}, s) })
	}
	old := l.state.Swap(s)
	for c := range l.conns {
		c.apply(s)
	}
	close(old.over)
}

// Dialer returns next with the link's fault in front of it. While the link hangs next is not called, so a time limit
// on dialing belongs in the context: a net.Dialer's own Timeout has not begun to count.
func (l *Link) Dialer(next DialFunc) DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if err := l.admit(ctx, network, addr); err != nil {
			return nil, err
		}
		inner, err := next(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return l.adopt(inner, network, addr)
	}
}

// admit refuses a dial, or holds it for as long as the fault says.
func (l *Link) admit(ctx context.Context, network, addr string) error {
	for {
		s := l.state.Load()
		var due <-chan time.Time // stays nil, which is never, on a link that hangs
		switch s.Kind {
		case Refuse:
			return refused(network, addr)
		case Hang:
		case Slow:
			due = time.After(s.delay(l.random))
		default:
			return nil
		}
		select {
		case <-s.over: // the fault has ended, or turned into another
		case <-due:
			return nil
		case <-ctx.Done():
			return nil // next fails with the genuine error of a dialer whose context is done
		}
	}
}

// adopt wraps a connection that was just made; the link may have changed while next was dialing.
func (l *Link) adopt(inner net.Conn, network, addr string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.state.Load()
	if s.Kind == Refuse {
		_ = inner.Close()
		return nil, refused(network, addr)
	}
	c := newConn(l, inner, s)
	l.conns[c] = struct{}{}
	if socket, ok := inner.(syscall.Conn); ok {
		return &socketConn{conn: c, socket: socket}, nil
	}
	return c, nil
}

func (l *Link) forget(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}
