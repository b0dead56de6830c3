package experiments

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/lab"
)

// pings asks Redis over its link for a PONG, one exchange a try. It speaks to Redis itself, since go-redis greets it on
// each new connection: a fault that breaks a share of all exchanges would break those as well, and tries would fail
// more often than the fault's rate says. It is safe for concurrent use.
type pings struct {
	options *redis.Options
	idle    chan *pingConn
}

type pingConn struct {
	net.Conn
	in *bufio.Reader
}

// newPings connects to nothing yet. Close it.
func newPings(rig *lab.Rig) (*pings, error) {
	if rig.Redis == nil {
		return nil, errors.New("this machine has no Redis: start the blog with REDIS_URL set, or let it start its own")
	}
	o := rig.Redis.Options()
	return &pings{options: o, idle: make(chan *pingConn, o.PoolSize)}, nil
}

// ping makes one exchange, on a connection that is free or a new one. It ends when ctx ends, or after as long as the
// client of the link waits for an answer.
func (p *pings) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, p.options.ReadTimeout)
	defer cancel()
	conn, err := p.get(ctx)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes a blocked Read
	err = conn.exchange()
	if !stop() || err != nil { // a deadline in the past is on its way, or the connection is of no more use
		_ = conn.Close()
		return errors.Join(err, context.Cause(ctx))
	}
	p.put(conn)
	return nil
}

func (c *pingConn) exchange() error {
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	answer, err := c.in.ReadString('\n')
	if err == nil && answer[0] != '+' && answer[0] != '-' { // a server that wants a password answers, too
		return fmt.Errorf("no answer of Redis to a PING: %.20q", answer)
	}
	return err
}

func (p *pings) get(ctx context.Context) (*pingConn, error) {
	select {
	case conn := <-p.idle:
		return conn, nil
	default:
		conn, err := p.options.Dialer(ctx, p.options.Network, p.options.Addr)
		if err != nil {
			return nil, err
		}
		return &pingConn{conn, bufio.NewReader(conn)}, nil
	}
}

func (p *pings) put(conn *pingConn) {
	select {
	case p.idle <- conn:
	default: // more than enough are idle
		_ = conn.Close()
	}
}

func (p *pings) close() {
	for {
		select {
		case conn := <-p.idle:
			_ = conn.Close()
		default:
			return
		}
	}
}
