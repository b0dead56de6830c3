package testenv

import (
	"time"

	"afloat/internal/policy"
)

// Unhurried is t with every limit on a reader's wait longer by as much as the race detector makes the program slower,
// and t itself without the detector. All are longer alike, so what the policies do is the same, only later. Tests that
// bound a wait take the bound through [Slowed].
func Unhurried(t policy.Table) policy.Table {
	for _, r := range []*policy.Row{
		&t.PostReads, &t.Search, &t.Redis, &t.CommentReads, &t.CommentCounts, &t.CommentWrites,
		&t.OutboxOrder, &t.Outbox, &t.Recommendations, &t.Popular, &t.Views, &t.Bulk,
	} {
		r.AttemptDeadline, r.Deadline = Slowed(r.AttemptDeadline), Slowed(r.Deadline)
		r.Bulkhead.Wait, r.Hedge.After = Slowed(r.Bulkhead.Wait), Slowed(r.Hedge.After)
		r.Stale.Patience = Slowed(r.Stale.Patience)
	}
	t.Page.Budget, t.Page.Slot = Slowed(t.Page.Budget), Slowed(t.Page.Slot)
	t.Postgres.ConnectTimeout, t.Postgres.PingTimeout = Slowed(t.Postgres.ConnectTimeout), Slowed(t.Postgres.PingTimeout)
	t.Postgres.ReadCap = Slowed(t.Postgres.ReadCap)
	t.RedisLib.DialTimeout, t.RedisLib.ReadTimeout = Slowed(t.RedisLib.DialTimeout), Slowed(t.RedisLib.ReadTimeout)
	t.RedisLib.PoolTimeout, t.HTTP.DialTimeout = Slowed(t.RedisLib.PoolTimeout), Slowed(t.HTTP.DialTimeout)
	return t
}

// Slowed is what a wait of d becomes under the race detector.
func Slowed(d time.Duration) time.Duration { return slowdown * d }
