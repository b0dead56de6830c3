package store

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A setUp is one connection as it is set up. pgx tells a tracer, and nobody else, when that has failed.
type setUp struct {
	of      *connects
	began   atomic.Int64           // in ns since 1970
	readCap atomic.Int64           // of a read, in ns
	asks    atomic.Pointer[string] // the address; nil before the first
	another <-chan struct{}        // closed when another one leads; nil for a pool that needs no leader
	end     context.CancelFunc
}

// TraceConnectStart has the set-up end when another leader is known than the one that is being asked. Whoever gets here
// has its places.
func (u *setUp) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	ctx, u.end = context.WithCancel(ctx)
	if u.another != nil {
		go func() {
			select {
			case <-ctx.Done():
			case <-u.another:
				if asked := u.asks.Load(); asked == nil || !u.of.lead.led(*asked) {
					u.end()
				}
			}
		}()
	}
	return ctx
}

// TraceConnectEnd gives the places back, and takes from the outcome how long the next one may take.
func (u *setUp) TraceConnectEnd(_ context.Context, end pgx.TraceConnectEndData) {
	u.end()
	u.readCap.Store(int64(u.of.readCap))
	switch {
	case end.Err == nil:
		u.of.late.Store(u.of.doublings(2 * time.Since(time.Unix(0, u.began.Load()))))
		if u.of.leader {
			u.of.lead.says(end.Conn.PgConn(), true)
		}
	case pgconn.Timeout(end.Err):
		u.of.late.Add(1)
	}
	if end.Err != nil && u.of.leader {
		u.of.lead.inVain(u.another)
	}
	u.of.all.leave()
	u.of.own.leave()
}

// TraceQueryStart does nothing, and is called for each query.
func (*setUp) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd does nothing either.
func (*setUp) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
