package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"afloat"
	"afloat/internal/config"
	"afloat/internal/content"
	"afloat/internal/edge"
	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/telemetry"
	"afloat/internal/web"
	"afloat/internal/widgets"

	"github.com/redis/go-redis/v9"
)

// app is the blog with everything wired.
type app struct {
	cfg    config.Config
	table  policy.Table
	server policy.Server
	log    *slog.Logger

	articles []content.File
	links    []*fault.Link // postgres, redis, recommendations, and recommendations-2 where there are two servers
	dials    [3]func(ctx context.Context, network, addr string) (net.Conn, error)
	copyDial fault.DialFunc // to the second recommendations server alone
	db, bulk *store.DB
	redis    *redis.Client
	client   *http.Client
	services []string     // base URLs of the recommendations service
	purger   *edge.Purger // nil: there are no edges
	heard    chan string  // slugs of articles whose comments have changed

	posts  *store.Posts
	outbox *store.Outbox // nil: comments that Postgres doesn't take are refused
	web    web.Options

	background sync.WaitGroup
	clients    []func() // close the lab's own clients
}

// wire joins the parts. It contacts nothing, so whatever is down is no error.
func wire(cfg config.Config, table policy.Table, d *dependencies, log *slog.Logger) (*app, error) {
	a := &app{cfg: cfg, table: table, server: policy.Serve(), log: log, services: d.services(), heard: make(chan string, 256)}
	if err := table.Validate(); err != nil {
		return nil, err
	}
	a.server = a.server.WithComments(cfg.CommentsPerMinute)
	var err error
	tree := source.New(afloat.Source())
	if a.articles, err = content.List(afloat.Content(), web.CheckEmbed(tree)); err != nil {
		return nil, err
	}
	// Faults are put here, below every client: what the clients meet are
	// genuine network errors, and no other code knows of them.
	dial := (&net.Dialer{}).DialContext
	for i, name := range []string{"postgres", "redis", "recommendations"} {
		a.links = append(a.links, fault.NewLink(name))
		a.dials[i] = a.links[i].Dialer(dial)
	}
	if err := a.splitCopies(dial); err != nil {
		return nil, err
	}
	if err := a.openClients(d); err != nil {
		return nil, err
	}

	recorder, watched := telemetry.NewRecorder(), policy.LabLimits()
	timeline := telemetry.NewTimeline(watched.Timeline, watched.Marks, table.Links())
	observe := func(e resilience.Event) {
		recorder.Observe(e)
		timeline.Observe(e)
	}
	a.posts, err = store.NewPosts(store.PostsOptions{
		DB: a.db, Bulk: a.bulk, Redis: a.redis, Table: table, Server: a.server, Shipped: store.Shipped(a.articles), DataDir: d.dir,
		Observe: observe, Log: log, Commented: a.commented,
	})
	if err != nil {
		return nil, err
	}
	writes, err := resilience.NewGuard(table.CommentWrites.Policy, store.Classify, observe)
	if err != nil {
		return nil, err
	}
	if err := a.openOutbox(d, observe); err != nil {
		return nil, err
	}
	comments := store.NewComments(a.db, writes).WithOutbox(a.outbox)
	deps := widgets.Deps{Observe: observe, Entries: a.server.MemoryEntries, Log: log}
	o := web.Options{
		Posts: a.posts, Comments: comments, Table: table, Server: a.server,
		Warnings: telemetry.NewWarnings(log, a.server.Warn, table.Links()), Recorder: recorder, Timeline: timeline, LabLimits: watched, Log: log,
		Templates: afloat.Templates(), Static: afloat.Static(), Source: tree,
		Links: a.links, LabHosts: cfg.LabHosts, Node: cfg.Node, TrustedProxies: cfg.TrustedProxies,
	}
	var errs [5]error
	o.CommentsWidget, errs[0] = widgets.NewComments(comments, table, deps)
	o.Counts, errs[1] = widgets.NewCounts(comments, table, deps)
	o.Recommendations, errs[2] = widgets.NewRecommendations(a.client, a.services, a.posts.Gone, table, deps)
	o.Popular, errs[3] = widgets.NewPopular(a.redis, a.posts.Gone, table, deps)
	o.Views, errs[4] = widgets.NewViews(a.redis, table, a.server, deps)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	a.web = o
	a.tellEdges(d.edges)
	return a, a.measure(recorder)
}

func (a *app) openClients(d *dependencies) (err error) {
	if d.postgres != "" {
		if a.db, err = store.OpenPostgres(d.postgres, a.dials[0], a.table.Postgres); err != nil {
			return err
		}
		// Background work may wait long for one answer, so its reads have no cap.
		background := a.table.Postgres
		background.ReadCap, background.Grace, background.MaxConns, background.MinIdleConns = 0, 0, 4, 0
		background.Replicas.WriteConns, background.Replicas.ReadConns = 4, 2
		if a.bulk, err = a.db.Beside(d.postgres, a.dials[0], background); err != nil {
			return err
		}
	}
	if d.redis != "" {
		if a.redis, err = store.OpenRedis(d.redis, a.dials[1], a.table.RedisLib); err != nil {
			return err
		}
	}
	a.client = widgets.NewHTTPClient(a.dials[2], a.table.HTTP)
	return nil
}

// openOutbox gives comments a second home, where there are two.
func (a *app) openOutbox(d *dependencies, observe func(resilience.Event)) (err error) {
	if a.db == nil || a.redis == nil || !a.table.Fallback {
		return nil
	}
	a.outbox, err = store.NewOutbox(store.OutboxOptions{
		Redis: a.redis, DB: a.bulk, Replicated: store.RedisReplicated(d.redis), Table: a.table, Server: a.server, Observe: observe, Log: a.log,
	})
	return err
}

// close ends what wire began, once readers and background work are gone.
func (a *app) close() {
	a.posts.Close()
	a.web.CommentsWidget.Close()
	a.web.Counts.Close()
	a.web.Recommendations.Close()
	a.web.Popular.Close()
	for _, l := range a.links {
		l.Close() // a link that hangs would keep its client from closing
	}
	for _, c := range a.clients {
		c()
	}
	for _, db := range []*store.DB{a.db, a.bulk} {
		if db != nil {
			db.Close()
		}
	}
	if a.redis != nil {
		_ = a.redis.Close() // the process ends: a connection that can't say goodbye is no loss
	}
	a.client.CloseIdleConnections()
}
