package fault

import (
	"errors"
	"syscall"
	"time"
)

// longAgo is a deadline that makes a blocked Read return at once.
var longAgo = time.Unix(1, 0)

// past tells whether a deadline has passed; the zero deadline never does.
func past(t time.Time) bool { return !t.IsZero() && !time.Now().Before(t) }

// wait sleeps until something has changed, or one of the deadlines passes. c.mu is held, but not during the sleep.
func (c *conn) wait(deadlines ...time.Time) {
	for _, t := range deadlines {
		if !t.IsZero() {
			defer time.AfterFunc(time.Until(t), c.alarm).Stop()
		}
	}
	c.changed.Wait()
}

// alarm takes mu so that it can't ring between a look at the clock and the sleep that follows.
func (c *conn) alarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed.Broadcast()
}

// kick throws a blocked Read out of the kernel; c.mu is held.
func (c *conn) kick() {
	c.kicked = true
	_ = c.Conn.SetReadDeadline(longAgo)
}

// unkick puts the client's read deadline back; c.mu is held.
func (c *conn) unkick() {
	if c.kicked {
		c.kicked = false
		_ = c.Conn.SetReadDeadline(c.readBy)
	}
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline also ends a Read that waits for a fault.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readBy = t
	c.changed.Broadcast()
	if c.kicked || errors.Is(c.dead, syscall.ECONNRESET) { // a socket that was reset still takes deadlines
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline also ends a Write that waits for a fault.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writeBy = t
	c.changed.Broadcast()
	if c.draining || errors.Is(c.dead, syscall.ECONNRESET) {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// A socketConn also shows its socket, to a client that looks for dead connections in its pool, as go-redis does.
type socketConn struct {
	*conn
	socket syscall.Conn
}

// SyscallConn returns the inner socket. No Read may be under way.
func (c *socketConn) SyscallConn() (syscall.RawConn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return nil, c.failure("raw-control", c.dead)
	}
	c.unkick() // it would count as a timeout here, too
	return c.socket.SyscallConn()
}
