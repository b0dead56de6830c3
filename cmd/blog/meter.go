package main

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/metrics"
	"afloat/internal/telemetry"
)

// measure gives the server its metrics. They read what the clients and guards
// know of themselves, so a scrape passes no link that the lab can break.
func (a *app) measure(recorder *telemetry.Recorder) error {
	o := &a.web
	s := metrics.Sources{
		Recorder: recorder, Links: a.links[:], Postgres: map[string]func() *pgxpool.Stat{},
		Version: a.posts.Version, Snapshot: a.posts.SnapshotVersion,
		Guards: append(a.posts.Guards(), o.Comments.Guard(), o.CommentsWidget.Guard(), o.Counts.Guard(),
			o.Recommendations.Guard(), o.Popular.Guard(), o.Views.Guard()),
	}
	if a.db != nil {
		s.Postgres["readers"], s.Postgres["background"] = a.db.Stat, a.bulk.Stat
	}
	if a.redis != nil {
		s.Redis = a.redis.PoolStats
	}
	m, err := metrics.New(s)
	if err != nil {
		return err
	}
	o.Meter, o.Metrics = m, m.Handler()
	return nil
}
