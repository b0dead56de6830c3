package main

import (
	"context"
	"net"
	"net/url"
	"sync"

	"afloat/internal/config"
	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
	"afloat/internal/store"
	"afloat/internal/telemetry"
	"afloat/internal/widgets"
)

// bench is the lab's own: the rig of its experiments, and what works on it.
type bench struct {
	rig     *lab.Rig
	runner  *lab.Runner
	readers *lab.Readers
	closing sync.Once
}

// openBench lays out what the lab's experiments use, on the links that the
// blog's own clients use too. It contacts nothing; the app's close closes it. What the blog does not have,
// the rig has not either. The switchboard is there already.
func (a *app) openBench(d *dependencies, cfg config.Config, blogAddr net.Addr, naive string) (*bench, error) {
	_, port, err := net.SplitHostPort(blogAddr.String())
	if err != nil {
		return nil, err
	}
	p, blog := policy.LabRig(), "http://"+net.JoinHostPort("127.0.0.1", port)
	send := sender{articles: blog, grace: p.Grace}
	if at, err := url.Parse(naive); err == nil && at.Host != "" {
		send.own = []string{at.Hostname()}
	}
	b := &bench{rig: &lab.Rig{Links: a.web.Lab, Blog: blog, Naive: naive, Readers: send.collect, Services: first(d.services()), Ask: p.Ask, Log: a.log}}
	if len(cfg.Fleet.Nodes) > 0 {
		b.rig.Fleet = "/lab/fleet"
	}
	b.rig.Service = widgets.NewHTTPClient(a.dials[2], p.HTTP)
	b.rig.Service.Timeout = p.Patience
	a.clients = append(a.clients, b.rig.Service.CloseIdleConnections)
	if d.postgres != "" {
		db, err := store.OpenPostgres(d.postgres, a.dials[0], p.Postgres)
		if err != nil {
			return nil, err
		}
		b.rig.Postgres = db.Pool
		a.clients = append(a.clients, db.Close)
	}
	if d.redis != "" {
		if b.rig.Redis, err = store.OpenRedis(d.redis, a.dials[1], p.Redis); err != nil {
			return nil, err
		}
		a.clients = append(a.clients, func() { _ = b.rig.Redis.Close() }) // a connection that can't say goodbye is no loss
	}
	if d.home != nil {
		if b.rig.Custom, err = newCustom(d, cfg, blogAddr, a.web.FollowKey, a.web.Lab); err != nil {
			return nil, err
		}
	}
	b.runner = lab.NewRunner(b.rig, func(words string) { a.web.Timeline.Mark(telemetry.RunMark, "lab", words) }, a.log)
	plan := load.Plan{Target: blog, Rate: p.Readers, Duration: p.ReadersFor, Timeout: p.ReadersWait}
	b.readers = lab.NewReaders(b.runner, plan, send.send, a.log)
	a.web.Runner, a.web.Readers, a.web.Custom, a.web.Progress = b.runner, b.readers, b.rig.Custom, b.runner.News
	return b, nil
}

// stopWith ends what works on the bench as soon as ctx ends, while the server
// still answers the requests that are open.
func (b *bench) stopWith(ctx context.Context) { context.AfterFunc(ctx, b.stop) }

// stop ends the experiment first: its readers must not be counted against a
// server that stops.
func (b *bench) stop() {
	b.closing.Do(func() {
		b.runner.Close()
		b.readers.Stop()
		if b.rig.Custom != nil {
			b.rig.Custom.Stop()
		}
	})
}

// first is the first of some URLs, "" of none: an experiment has to know which
// server its figures are of.
func first(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	return urls[0]
}
