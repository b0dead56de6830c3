package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/resilience"
)

// Beat writes the leader's clock where its replicas show how far behind they
// are, about once in every, until ctx ends. Of several servers of the blog one
// does it in that time: it is left to whoever finds the last beat older than
// half of it.
//
// It goes through the guard of new comments. So it is also the probe that closes
// that breaker after an outage, and opens it in one, without any writer having
// to wait. A database of one server has nobody to tell the time, and is only
// probed: the breaker closed, nothing is written.
func (c *Comments) Beat(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if c.Replicated() || !c.writes.Closed() {
			_ = c.beat(ctx, every/2) // the guard tells of failures, and the next one is another try
		}
	}
}

// beat is one, unless the last is younger than that. A server that has lost its
// followers holds every beat back, not only the first one: an uncommitted one
// makes no other unnecessary.
func (c *Comments) beat(ctx context.Context, younger time.Duration) error {
	_, _, err := resilience.Call(ctx, c.writes, func(ctx context.Context) (struct{}, error) {
		if c.db == nil {
			return struct{}{}, errNoDatabase
		}
		_, err := linger(ctx, c.db.Pool, c.db.grace, func(ctx context.Context, conn *pgxpool.Conn) (pgconn.CommandTag, error) {
			return conn.Exec(ctx, `update heartbeat set at = clock_timestamp() where at < clock_timestamp() - make_interval(secs => $1)`, younger.Seconds())
		})
		if err != nil {
			return struct{}{}, fmt.Errorf("writing the heartbeat: %w", err)
		}
		return struct{}{}, nil
	})
	return err
}

// Replicated reports whether comments are read from replicas.
func (c *Comments) Replicated() bool { return c.db.Replicated() }
