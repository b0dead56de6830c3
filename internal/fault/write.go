package fault

import (
	"os"
	"time"
)

// sendBuffer bounds what one connection holds during a hang, in bytes, as the kernel's send buffer would.
const sendBuffer = 64 << 10

// Write goes straight to the inner connection while the link is healthy and nothing is held.
func (c *conn) Write(p []byte) (int, error) {
	held, healthy := 0, c.state.Load().Kind == ""
	if !healthy {
		var err error
		if held, err = c.hold(p); err != nil || held == len(p) {
			return held, err
		}
	}
	n, err := c.Conn.Write(p[held:])
	if !healthy || err != nil {
		err = c.judgeWrite(err)
	}
	return held + n, err
}

// hold takes as much of p as the send buffer has room for while the link hangs, and returns how much that was. The
// rest is the caller's to write: by then the link lets Writes pass and all that was held before is sent.
func (c *conn) hold(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.dead != nil:
			return n, c.failure("write", c.dead)
		case past(c.writeBy):
			return n, c.failure("write", os.ErrDeadlineExceeded)
		case c.state.Load().Kind == Hang:
			room := min(len(p)-n, sendBuffer-len(c.held))
			c.held = append(c.held, p[n:n+room]...)
			if n += room; n == len(p) {
				return n, nil
			}
			c.wait(c.writeBy)
		case len(c.held) > 0:
			c.wait(c.writeBy)
		default:
			c.begin()
			return n, nil
		}
	}
}

// begin opens an exchange, unless this Write continues one, and draws its fate. c.mu is held.
func (c *conn) begin() {
	if c.exchange.open {
		return
	}
	s := c.state.Load()
	c.exchange = exchange{open: true, doomed: s.fails(c.link.random)}
	if delay := s.delay(c.link.random); delay > 0 {
		c.exchange.due = time.Now().Add(delay)
		c.kick() // a Read that is blocked already must wait, too
	}
}

// judgeWrite turns the outcome of an inner Write into what the client sees.
func (c *conn) judgeWrite(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && c.exchange.doomed:
		c.kill() // the request is on its way, and its reply won't be seen
	case err != nil && c.dead != nil:
		err = c.failure("write", c.dead)
	}
	return err
}

// drain begins to send what a hang held, if it is over; c.mu is held. The client's write deadline doesn't count: the
// Writes have succeeded long since.
func (c *conn) drain() {
	if len(c.held) == 0 || c.draining || c.state.Load().Kind == Hang {
		return
	}
	c.draining = true
	_ = c.Conn.SetWriteDeadline(time.Time{})
	go func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for len(c.held) > 0 && c.state.Load().Kind != Hang {
			chunk := c.held
			c.mu.Unlock()
			n, err := c.Conn.Write(chunk)
			c.mu.Lock()
			if err != nil || c.dead != nil {
				c.held = nil // the next Read meets the same error
			} else {
				c.held = c.held[n:]
			}
		}
		c.draining = false
		_ = c.Conn.SetWriteDeadline(c.writeBy)
		c.recovered()
		c.changed.Broadcast()
	}()
}
