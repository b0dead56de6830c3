package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// capReads bounds each dial and each single read of a connection. When a
// query's context ends, pgx sends a cancel request and drains the connection,
// with 15 s for both; on a link that swallows everything that keeps the
// connection's place in the pool occupied long after the link is back. With a
// cap it is free after two reads: the cancel request's and the draining one. The
// limit, in ns, may change while the connection lives.
func capReads(dial Dial, limit *atomic.Int64) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(limit.Load()))
		defer cancel()
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &cappedConn{Conn: conn, limit: limit}, nil
	}
}

// cappedConn ends a read that takes longer than limit, whether or not the
// client set a deadline; an earlier deadline of the client's stands.
type cappedConn struct {
	net.Conn
	limit *atomic.Int64

	mu       sync.Mutex
	deadline time.Time // the client's own; zero when none
}

func (c *cappedConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	err := c.Conn.SetReadDeadline(c.until())
	c.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// until is when a read that begins now ends; c.mu is held.
func (c *cappedConn) until() time.Time {
	until := time.Now().Add(time.Duration(c.limit.Load()))
	if !c.deadline.IsZero() && c.deadline.Before(until) {
		return c.deadline
	}
	return until
}

// SetReadDeadline also holds for a read that is waiting, and so does the cap: a
// client that lifts its own deadline doesn't lift it.
func (c *cappedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	return c.Conn.SetReadDeadline(c.until())
}

func (c *cappedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
