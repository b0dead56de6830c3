package fault

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn is a connection on a link. Like the clients it is made for, it expects one reader and one writer at a time.
//
// A fault must also reach a Read that is blocked in the kernel already. It is kicked out: the inner read deadline is
// put into the past, and the Read, back with a timeout or with bytes that were quicker, finds that the link has
// changed. Before the next inner Read the client's own deadline is put back.
type conn struct {
	net.Conn // the inner, real connection
	link     *Link
	state    atomic.Pointer[state] // the link's, or a recovering one; once reset, that of the reset for good

	mu       sync.Mutex
	changed  *sync.Cond // any of what mu guards, or state
	readBy   time.Time  // the client's read deadline
	writeBy  time.Time  // the client's write deadline
	kicked   bool       // the inner read deadline is in the past, whatever readBy says
	early    []byte     // read by a Read that was kicked too late, and not the client's yet
	held     []byte     // written during a hang, and not sent yet
	draining bool       // a goroutine is sending what was held
	exchange exchange
	dead     error // ECONNRESET once reset, net.ErrClosed once closed
}

// recovering is the kind of a healthy link's connection that still has bytes to deliver, early or held, before those
// that come after them.
const recovering Kind = "recovering"

// An exchange is a request and the reply to it.
type exchange struct {
	open   bool      // something was written, and nothing read since
	due    time.Time // until then the reply is not to be read
	doomed bool      // there will be a reset instead of the reply
}

func newConn(l *Link, inner net.Conn, s *state) *conn {
	c := &conn{Conn: inner, link: l}
	c.changed = sync.NewCond(&c.mu)
	c.state.Store(s)
	return c
}

// apply brings the link's new state to the connection.
func (c *conn) apply(s *state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return
	}
	c.exchange = exchange{}
	if s.Kind == "" && len(c.early)+len(c.held) > 0 {
		s = &state{Fault: Fault{Kind: recovering}}
	}
	c.state.Store(s) // once: Reads and Writes look at it without mu
	switch s.Kind {
	case Refuse, Reset:
		c.kill()
	case "", recovering:
		c.unkick()
	default:
		c.kick()
	}
	c.drain()
	c.changed.Broadcast()
}

// recovered makes the connection healthy when nothing is left to deliver; c.mu is held.
func (c *conn) recovered() {
	if c.state.Load().Kind == recovering && len(c.early)+len(c.held) == 0 {
		c.state.Store(&state{})
	}
}

// Read goes straight to the inner connection while the link is healthy.
func (c *conn) Read(p []byte) (int, error) {
	for {
		s := c.state.Load()
		if s.Kind != "" {
			var n int
			var err error
			if s, n, err = c.awaitRead(p); n > 0 || err != nil {
				return n, err
			}
		}
		n, err := c.Conn.Read(p)
		if s.Kind == "" && s == c.state.Load() {
			return n, err
		}
		if n, err, again := c.judgeRead(s, p[:n], err); !again {
			return n, err
		}
	}
}

// awaitRead waits until the fault lets a Read pass. It returns early bytes, or else the state in which to read more.
func (c *conn) awaitRead(p []byte) (s *state, n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		s = c.state.Load()
		switch {
		case c.dead != nil:
			return s, 0, c.failure("read", c.dead)
		case past(c.readBy):
			return s, 0, c.failure("read", os.ErrDeadlineExceeded)
		case s.Kind == Hang:
			c.wait(c.readBy)
		case time.Now().Before(c.exchange.due):
			c.wait(c.readBy, c.exchange.due)
		case len(c.early) > 0:
			n = copy(p, c.early)
			c.early = c.early[n:]
			c.exchange = exchange{}
			c.recovered()
			return s, n, nil
		default:
			c.unkick()
			return s, 0, nil
		}
	}
}

// judgeRead turns what an inner Read that began in state s has read into what the client sees, or asks for another.
func (c *conn) judgeRead(s *state, read []byte, err error) (_ int, _ error, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exchange.doomed {
		c.kill() // the reply came before the Write that caused it was back
	}
	now := c.state.Load()
	late := c.kicked || s != now // the fault came after the Read had begun
	switch {
	case c.dead != nil:
		return 0, c.failure("read", c.dead), false
	case late && errors.Is(err, os.ErrDeadlineExceeded):
		return 0, nil, true
	case late && now.Kind != "" && len(read) > 0:
		c.early = append(c.early, read...)
		return 0, nil, true
	case len(read) > 0:
		c.exchange = exchange{}
	}
	return len(read), err, false
}

// kill resets the connection, for the peer too: it sees an RST. c.mu is held.
func (c *conn) kill() {
	if tcp, ok := c.Conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close() // wakes what is blocked in it
	c.dead, c.early, c.held, c.exchange = syscall.ECONNRESET, nil, nil, exchange{}
	c.changed.Broadcast()
}

// Close closes the inner connection. What a hang still held is dropped.
func (c *conn) Close() error {
	c.link.forget(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	wasReset := errors.Is(c.dead, syscall.ECONNRESET)
	c.dead, c.early, c.held = net.ErrClosed, nil, nil
	c.changed.Broadcast()
	if wasReset {
		return nil // kill has closed it
	}
	return c.Conn.Close()
}

// failure is an error as the inner connection would put it.
func (c *conn) failure(op string, err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		err = os.NewSyscallError(op, errno)
	}
	local := c.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: c.RemoteAddr(), Err: err}
}
