package store

import (
	"net"
	"sync/atomic"
	"syscall"
)

// primaryConn is a connection to the primary, as long as that is where it leads.
type primaryConn struct {
	net.Conn
	addr string
	of   *sentinels
	left atomic.Bool
}

// leave ends what is waiting on the connection, and has go-redis find out that
// it is useless before another call is sent on it.
func (c *primaryConn) leave() {
	c.left.Store(true)
	_ = c.Conn.Close() // it leads to the wrong server: there is nobody to tell
}

// Close also ends the watch, with the last connection.
func (c *primaryConn) Close() error {
	c.of.closed(c)
	return c.Conn.Close()
}

func (s *sentinels) closed(c *primaryConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[c] {
		return
	}
	delete(s.open, c)
	if len(s.open) == 0 && s.stop != nil {
		s.stop()
		s.stop, s.primary = nil, ""
	}
}

// SyscallConn is what go-redis calls before it uses an idle connection.
func (c *primaryConn) SyscallConn() (syscall.RawConn, error) {
	if c.left.Load() {
		return nil, net.ErrClosed
	}
	if inner, ok := c.Conn.(syscall.Conn); ok {
		return inner.SyscallConn()
	}
	return opaque{}, nil
}

// opaque is a connection whose socket can't be looked at, like any that the lab
// may break: no look finds anything wrong with it.
type opaque struct{}

func (opaque) Control(func(fd uintptr)) error    { return nil }
func (opaque) Read(func(fd uintptr) bool) error  { return nil }
func (opaque) Write(func(fd uintptr) bool) error { return nil }
