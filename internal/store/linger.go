package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/resilience"
)

// linger runs use on one connection of the pool and returns when ctx ends, at
// the latest. The query itself may go on for the grace, and is cancelled only
// then.
//
// pgx can only cancel a query by giving its connection up: to Postgres that is
// one process to take the cancel request and another one for the next
// connection. Here these take 20 to 100 ms of a core, and a read takes 1. On a
// server that is slow for a moment it is therefore dearer to cancel a read, or
// the slower copy of a hedged one, than to let it end with nobody waiting: every
// one that is cancelled makes the next ones slower. So it is with the ping that
// the pool sends before it hands out a connection. It hurts where a query is the
// dear part. A grace of 0 cancels at once.
func linger[T any](ctx context.Context, pool *pgxpool.Pool, grace time.Duration, use func(context.Context, *pgxpool.Conn) (T, error)) (v T, err error) {
	if grace <= 0 {
		return onConn(ctx, ctx, pool, use)
	}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		defer cancel()
		v, err := resilience.Isolate(func() (T, error) { return onConn(ctx, own, pool, use) })
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		time.AfterFunc(grace, cancel)
		return v, ctx.Err()
	}
}

// onConn runs use under the context own, unless the caller has left meanwhile.
func onConn[T any](caller, own context.Context, pool *pgxpool.Pool, use func(context.Context, *pgxpool.Conn) (T, error)) (v T, err error) {
	conn, err := acquire(own, pool)
	if err != nil {
		return v, err
	}
	defer conn.Release()
	if err := caller.Err(); err != nil {
		return v, err
	}
	return use(own, conn)
}
