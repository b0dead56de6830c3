package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"afloat/internal/config"
	"afloat/internal/lab"
)

// serveTwin runs a twin, the naive one or a custom one: the same wiring with
// another table, nothing private, and no lab but the faults of the blog that it
// follows. The upkeep of what both use is left to the blog.
func serveTwin(ctx context.Context, cfg config.Config, o serving, listener net.Listener, log *slog.Logger) error {
	dir, remove, err := snapshotDir(o.table)
	if err != nil {
		log.Warn("the shipped articles are this twin's snapshot: it has no place for one of its own", "err", err)
	}
	defer remove()
	d := &dependencies{dir: dir, postgres: cfg.DatabaseURL.Reveal(), redis: cfg.RedisURL.Reveal(), recommendations: reveal(cfg.RecommendationsURL)}
	a, err := wire(cfg, o.table, d, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.close()
	a.web.Critical = o.critical
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	if a.web.Other, err = followed(o.follow); err != nil {
		return errors.Join(err, listener.Close())
	}
	if o.follow != "" {
		client := &http.Client{Timeout: 2 * a.server.LongPoll}
		a.background.Go(func() { lab.Follow(working, client, split(o.follow), a.links, a.server.Reconnect, log) })
	}
	a.tend(working)
	return a.serve(ctx, listener, stopWorking)
}
