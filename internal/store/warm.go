package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Warm makes ready what the first readers need, or gives up when ctx ends: a
// server that waits for its database serves nobody.
//
// Problem: a connection is a process at PostgreSQL, and each one plans its first
// query with nothing in its caches. On a slow machine the first readers of a
// server that has just started find both too slow, time out together, and may
// open a breaker. Mechanism: wait for the connections that the pools keep ready,
// looking as often as every says, and read once on each what a page reads. It
// hurts where the database is gone: then each start takes as long as ctx lets it.
func (db *DB) Warm(ctx context.Context, every time.Duration) {
	_, pools := db.Pools()
	for _, pool := range pools {
		if !awaitIdle(ctx, pool, every) {
			return
		}
		for _, conn := range pool.AcquireAllIdle(ctx) {
			// What they answer is no matter: a database without a schema has to be made ready by others.
			_, _ = queryVersion(ctx, conn)
			_, _ = queryPost(ctx, conn, "")
			_, _ = queryVisible(ctx, conn, "", 1)
			conn.Release()
		}
	}
}

// awaitIdle waits for the connections that a pool keeps ready, and reports
// whether they came before ctx ended.
func awaitIdle(ctx context.Context, pool *pgxpool.Pool, every time.Duration) bool {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for pool.Stat().IdleConns() < pool.Config().MinIdleConns {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
