package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/policy"
)

// Setting up connections: a bulkhead, and patience that grows.
//
// Problem: a connection is the dearest thing that PostgreSQL can be asked for, a
// process each, and it goes on making one when the client has stopped waiting.
// Pools that lost theirs all ask at once; where that takes longer than the limit
// all give up, ask again, and the server works for nobody: a metastable failure
// whose trigger may have been a hiccup (lesson 6). On a machine that makes 24
// connections a second, three servers with their pools asked 60 times a second,
// and none came about until they were stopped.
//
// Mechanism: few connections are set up at a time, by a pool and by all pools of
// a process together; whoever else wants one waits here and not in the server,
// and not for long, and takes a connection that has become idle when its turn has
// come. After each set-up that came too late the next one may take twice as long,
// up to a bound, so that what the server does is used; and after one that came in
// time, twice as long as that took. It hurts where a host is gone for good: with
// several hosts the first one is then waited for longer before the next is tried.
type connects struct {
	own, all       places
	limit, longest time.Duration                // of one set-up: at first, and at most
	readCap        time.Duration                // of a read, once the connection is set up
	late           atomic.Int32                 // how often the limit is doubled
	pool           atomic.Pointer[pgxpool.Pool] // nil until it is made
	lead           *lead                        // who leads, where there are several servers; else nil
	leader         bool                         // the pool is one of connections to the leader
}

// together is what all pools of a process have in common.
type together struct {
	all    places // set-ups under way
	leader places // of those, to the leader: while there is none, they would keep readers waiting
	lead   *lead
}

func newTogether(p policy.Postgres) *together {
	return &together{all: placesFor(p.Connects), leader: placesFor(p.Replicas.Connects), lead: newLead(p.Replicas.Believe, p.Replicas.Pause)}
}

// places are those of set-ups under way; nil has any number.
type places chan struct{}

// errNoPlace is safe to retry: nothing was sent, and nobody asked.
var errNoPlace = errors.New("others are connecting, and took too long")

// errSpare ends a set-up for somebody who can have a connection that has become idle; acquire tries again.
var errSpare = errors.New("a connection has become idle meanwhile")

type takesIdleKey struct{}

// acquire is pool's, and takes a connection that comes free while one is waiting to be set up, and one to another
// leader if that becomes known meanwhile.
func acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	ctx = context.WithValue(ctx, takesIdleKey{}, true) // the pool passes values on to BeforeConnect
	for {
		conn, err := pool.Acquire(ctx)
		givenUp := errors.Is(err, context.Canceled) && ctx.Err() == nil // a pool that closes says so at the next try
		if !givenUp && !errors.Is(err, errSpare) {
			return conn, err
		}
	}
}

func placesFor(n int) places {
	if n <= 0 {
		return nil
	}
	return make(places, n)
}

func (p places) take(ctx context.Context) error {
	if p == nil {
		return nil
	}
	select {
	case p <- struct{}{}:
		if ctx.Err() == nil {
			return nil
		}
		p.leave()
	case <-ctx.Done(): // the pool closes, or it took too long
	}
	return fmt.Errorf("%w: %w", errNoPlace, ctx.Err())
}

func (p places) leave() {
	if p != nil {
		<-p
	}
}

// bound has cfg's pool, made with p, set its connections up like this.
func (s *connects) bound(cfg *pgxpool.Config, dial Dial, p policy.Postgres) {
	s.limit, s.longest, s.readCap = p.ConnectTimeout, p.ConnectPatience, p.ReadCap
	cfg.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {
		if err := s.early(); err != nil {
			return err
		}
		if s.longest > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, s.longest)
			defer cancel()
		}
		if err := s.own.take(ctx); err != nil {
			return err
		}
		if err := s.all.take(ctx); err != nil {
			s.own.leave()
			return err
		}
		err := s.early() // of who was asked while this one waited
		if ctx.Value(takesIdleKey{}) != nil && s.idle() {
			err = errSpare
		}
		if err != nil {
			s.all.leave()
			s.own.leave()
			return err
		}
		one := &setUp{of: s}
		if p := s.patience(); p > 0 {
			c.ConnectTimeout = p
		}
		c.Tracer = one
		if s.leader {
			one.another = s.lead.another()
			s.lead.toLeader(c)
		} else {
			s.lead.toReplica(c)
		}
		next := pgconn.DialFunc(dial)
		if s.readCap > 0 {
			one.readCap.Store(int64(max(s.readCap, c.ConnectTimeout)))
			next = capReads(dial, &one.readCap)
		}
		c.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			one.began.Store(time.Now().UnixNano()) // of several hosts, with the last
			one.asks.Store(&addr)
			return next(ctx, network, addr)
		}
		return nil
	}
}

// early is nil, or says that the pool is not to connect yet.
func (s *connects) early() error {
	if !s.leader {
		return nil
	}
	return s.lead.early()
}

func (s *connects) idle() bool {
	pool := s.pool.Load()
	return pool != nil && pool.Stat().IdleConns() > 0
}

// patience is the limit of the next set-up.
func (s *connects) patience() time.Duration {
	return max(s.limit, min(s.limit<<min(s.late.Load(), 8), s.longest))
}

// doublings is how often the limit is to be doubled for a set-up to have this long.
func (s *connects) doublings(d time.Duration) (n int32) {
	for limit := s.limit; limit > 0 && limit < min(d, s.longest); limit *= 2 {
		n++
	}
	return n
}
