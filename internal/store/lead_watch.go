package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/resilience"
)

// WatchLead asks each of several servers, over and over and until ctx ends, whether it leads. A database of one server is not
// asked.
//
// Problem: reads tell who leads (lead.go), but only of the servers that the pools are connected to. To one that was away for a
// moment they come back after a minute; where it was promoted within that, the blog asked the dead leader first, and sometimes
// for so long that no time was left for the next: it took up to four seconds more until it wrote again. Mechanism: one
// connection to each, made while it follows, which survives its promotion. What a leader says that was paused, and is one no
// more, holds until the next says so a moment later: meanwhile a write there waits for a standby that it hasn't, and fails.
func (db *DB) WatchLead(ctx context.Context) {
	if !db.Replicated() || db.ask <= 0 {
		return
	}
	var all sync.WaitGroup
	for _, h := range hostsOf(&db.listen.Config) {
		all.Go(func() {
			for ctx.Err() == nil {
				db.watchOne(ctx, h)
				select {
				case <-ctx.Done():
				case <-time.After(4 * db.ask): // a dead server isn't promoted, and a busy one isn't helped by being asked for connections
				}
			}
		})
	}
	all.Wait()
}

// watchOne asks h on one connection, until that fails.
func (db *DB) watchOne(ctx context.Context, h host) {
	config := db.listen.Copy()
	setHosts(&config.Config, []host{h})
	config.ValidateConnect = nil // it may follow
	conn, err := resilience.Deadline(ctx, db.patience, func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, config) })
	if err != nil {
		return
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.ask)
		defer cancel()
		_ = conn.Close(closing) // it is broken or we are leaving; either way there is nobody to tell
	}()
	tick := time.NewTicker(db.ask)
	defer tick.Stop()
	for {
		follows, err := resilience.Deadline(ctx, db.patience, func(ctx context.Context) (follows bool, err error) {
			err = conn.QueryRow(ctx, `select pg_is_in_recovery()`).Scan(&follows)
			return follows, err
		})
		if err != nil {
			return
		}
		db.together.lead.says(conn.PgConn(), !follows)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
