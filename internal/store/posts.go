package store

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// Posts reads articles and lists of articles. It has an answer for everything
// that was ever published, whatever is down.
type Posts struct {
	db       *DB
	bulkDB   *DB
	table    policy.Table
	server   policy.Server
	guard    *resilience.Guard
	search   *resilience.Guard
	bulk     *resilience.Guard
	site     *site
	snapshot *snapshotHolder
	log      *slog.Logger

	commented func(slug string)

	posts     *ladder[Post]
	lists     *ladder[Listing]
	contents  *ladder[Contents]
	addresses *ladder[[]Address]

	writes   sync.WaitGroup // copies on their way to Redis
	pipeline *pipeline      // nil: each command goes by itself
}

// PostsOptions is what NewPosts needs.
type PostsOptions struct {
	DB      *DB           // nil: no database is configured at all, the snapshot is the blog
	Bulk    *DB           // for long reads in the background; nil with DB
	Redis   *redis.Client // nil: no Redis is configured
	Table   policy.Table
	Server  policy.Server
	Shipped func() (*Snapshot, error) // of the articles in the binary; called where no saved one can be used; nil: none
	DataDir string                    // where the snapshot is kept; "" keeps none
	Observe func(resilience.Event)
	Log     *slog.Logger

	// Commented is told, while Watch runs, of each article whose comments have
	// changed. It must not wait: notifications queue up behind it. nil: nobody is.
	Commented func(slug string)
}

// NewPosts builds the ladders. It contacts nothing.
func NewPosts(o PostsOptions) (*Posts, error) {
	t := o.Table
	if !o.DB.Replicated() {
		t.PostReads.Hedge = resilience.HedgePolicy{} // a second question to the only server meets the same cause
	}
	guards := make([]*resilience.Guard, 4)
	for i, row := range []policy.Row{t.PostReads, t.Search, t.Bulk, t.Redis} {
		g, err := resilience.NewGuard(row.Policy, Classify, o.Observe)
		if err != nil {
			return nil, err
		}
		guards[i] = g
	}
	p := &Posts{db: o.DB, bulkDB: o.Bulk, table: t, server: o.Server, guard: guards[0], search: guards[1], bulk: guards[2], log: o.Log,
		site: &site{vouch: o.Server.Vouch}, commented: o.Commented,
	}
	if p.commented == nil {
		p.commented = func(string) {}
	}
	redisGuard := guards[3]
	if o.Redis != nil && t.Copies.Queue > 0 && t.Redis.AttemptDeadline > 0 { // without a deadline, one batch that hangs would hold all behind it
		p.pipeline = &pipeline{db: o.Redis, deadline: t.Redis.AttemptDeadline, queue: t.Copies.Queue}
	}

	var err error
	if p.snapshot, err = newSnapshotHolder(o.DataDir, o.Shipped, t.Search.Bulkhead, o.Log); err != nil {
		return nil, err
	}
	if p.posts, err = newLadder(p, "post", o, redisGuard, p.queryPost, p.snapshot.post); err != nil {
		return nil, err
	}
	if p.lists, err = newLadder(p, "list", o, redisGuard, p.queryList, p.snapshot.list); err != nil {
		return nil, err
	}
	if p.contents, err = newLadder(p, "contents", o, redisGuard, p.queryContents, p.snapshot.contents); err != nil {
		return nil, err
	}
	if p.addresses, err = newLadder(p, "addresses", o, redisGuard, p.queryAddresses, p.snapshot.addresses); err != nil {
		return nil, err
	}
	return p, nil
}

func newLadder[T any](p *Posts, kind string, o PostsOptions, redisGuard *resilience.Guard,
	origin func(context.Context, string) (Versioned[T], error), snapshot func(string, int64) (Versioned[T], time.Time, error),
) (*ladder[T], error) {
	keep, err := NewKeeper[Versioned[T]](o.Server.MemoryEntries)
	if err != nil {
		return nil, err
	}
	l := &ladder[T]{guard: p.guard, site: p.site, origin: origin, writes: &p.writes}
	if o.Redis != nil && o.Table.Copies.Fresh > 0 {
		l.copies = &copies[T]{kind: kind, db: o.Redis, guard: redisGuard, life: o.Table.Copies}
		if p.pipeline != nil {
			l.copies.db = p.pipeline
		}
	}
	if o.Table.Fallback {
		l.snapshot = snapshot
	}
	l.memory, err = resilience.NewCache(resilience.CacheOptions[Versioned[T]]{
		Policy:   o.Table.PostReads.Stale,
		Keeper:   keep,
		Closed:   p.guard.Closed,
		Current:  func(v Versioned[T], _ resilience.Provenance) bool { return p.site.current(v.AsOf) },
		Newer:    Versioned[T].replaces,
		NotFound: isAnswer,
	})
	return l, err
}

// Post returns an article. Its error is ErrNotFound, ErrWithdrawn, or wraps
// ErrUnavailable; the provenance is set in every case.
func (p *Posts) Post(ctx context.Context, slug string) (Post, resilience.Provenance, error) {
	if !storable(slug) {
		return Post{}, resilience.Provenance{State: resilience.Missing}, ErrNotFound
	}
	post, prov, err := p.posts.get(ctx, slug)
	if err == nil && post.Withdrawn {
		err = ErrWithdrawn
	}
	return post, prov, err
}

// PeekPost is Post where that needs no waiting; it isn't ok otherwise.
func (p *Posts) PeekPost(ctx context.Context, slug string) (Post, resilience.Provenance, bool) {
	if !storable(slug) {
		return Post{}, resilience.Provenance{}, false
	}
	post, prov, ok := p.posts.peek(ctx, slug)
	return post, prov, ok && !post.Withdrawn
}

// List returns a page (from 1) of the articles with a tag ("" for all), newest
// first. A tag or page without articles is ErrNotFound.
func (p *Posts) List(ctx context.Context, tag string, page, size int) (Listing, resilience.Provenance, error) {
	if page < 1 || size < 1 || strings.ContainsRune(tag, '|') || !storable(tag) {
		return Listing{}, resilience.Provenance{State: resilience.Missing}, ErrNotFound
	}
	return p.lists.get(ctx, listKey{tag: tag, page: page, size: size}.String())
}

// Year is List for the articles of a year, in UTC, whatever their tags.
func (p *Posts) Year(ctx context.Context, year, page, size int) (Listing, resilience.Provenance, error) {
	if year < 1 || year > maxYear || page < 1 || size < 1 {
		return Listing{}, resilience.Provenance{State: resilience.Missing}, ErrNotFound
	}
	return p.lists.get(ctx, listKey{year: year, page: page, size: size}.String())
}

// storable reports whether text can be in the database at all. Asking for what
// can't be is an error there, which must not look like one of the database's.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

// Guard is the guard of post reads, for display.
func (p *Posts) Guard() *resilience.Guard { return p.guard }

// Version is the newest version of the site this server knows of, and whether
// that was checked recently.
func (p *Posts) Version() (version int64, vouched bool) {
	v := p.site.version.Load()
	return v, p.site.current(v)
}

// Servable reports whether any rung can serve articles, and which.
func (p *Posts) Servable() (source resilience.Source, ok bool) {
	if _, vouched := p.Version(); vouched {
		return resilience.FromPostgres, true
	}
	return resilience.FromSnapshot, p.snapshot.load() != nil
}

// Close waits until background work has ended. Readers must be gone.
func (p *Posts) Close() {
	p.posts.memory.Wait()
	p.lists.memory.Wait()
	p.contents.memory.Wait()
	p.addresses.memory.Wait()
	p.writes.Wait()
	p.pipeline.wait()
}
