package main

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/metrics"
	"afloat/internal/telemetry"
	"afloat/internal/web"
)

// meters are told what readers got: the metrics of each answer and part, the
// lab's timeline of each page.
type meters struct {
	*metrics.Metrics
	*telemetry.Timeline
}

// measure gives the server its metrics, and the lab its figures. They read what
// the clients and guards know of themselves, so a scrape passes no link that the
// lab can break.
func (a *app) measure(recorder *telemetry.Recorder) error {
	o := &a.web
	s := metrics.Sources{
		Recorder: recorder, Links: a.links, Postgres: map[string]func() *pgxpool.Stat{},
		Version: a.posts.Version, Snapshot: a.posts.SnapshotVersion,
		Guards: append(a.posts.Guards(), o.Comments.Guard(), o.CommentsWidget.Guard(), o.Counts.Guard(),
			o.Recommendations.Guard(), o.Popular.Guard(), o.Views.Guard()),
	}
	if a.db != nil {
		names, pools := a.db.Pools()
		for i, name := range names {
			s.Postgres[name] = pools[i].Stat
		}
		s.Postgres["background"] = a.bulk.Stat
	}
	if a.redis != nil {
		s.Redis = a.redis.PoolStats
	}
	if a.outbox != nil {
		s.Guards = append(s.Guards, a.outbox.Guards()...)
		s.Outbox = func() metrics.Outbox { return metrics.Outbox(a.outbox.Stats()) }
	}
	m, err := metrics.New(s)
	if err != nil {
		return err
	}
	o.Meter, o.Metrics = meters{m, o.Timeline}, m.Handler()
	o.Guards, o.Pools = s.Guards, a.pools
	return nil
}

// pools are the clients' pools of connections, for the lab.
func (a *app) pools() (all []web.Pool) {
	postgres := func(name string, pool *pgxpool.Pool) {
		s := pool.Stat()
		all = append(all, web.Pool{
			Name: name, Link: "postgres",
			InUse: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Max: int(s.MaxConns()),
			Taken: uint64(s.AcquireCount()), Waited: uint64(s.EmptyAcquireCount()), Refused: uint64(s.CanceledAcquireCount()),
			WaitMS: s.EmptyAcquireWaitTime().Seconds() * 1000,
		})
	}
	if a.db != nil {
		names, pools := a.db.Pools()
		for i, name := range names {
			postgres(name, pools[i])
		}
		postgres("background", a.bulk.Pool)
	}
	if a.redis != nil {
		s := a.redis.PoolStats()
		all = append(all, web.Pool{
			Name: "redis", Link: "redis",
			InUse: int(s.TotalConns) - int(s.IdleConns), Idle: int(s.IdleConns), Max: a.redis.Options().PoolSize,
			Taken: uint64(s.Hits) + uint64(s.Misses), Waited: uint64(s.WaitCount), Refused: uint64(s.Timeouts),
			WaitMS: float64(s.WaitDurationNs) / float64(time.Millisecond),
		})
	}
	return all
}
