package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

const ms = time.Millisecond

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := goleak.Find(testenv.Leaks()...); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var dialer = (&net.Dialer{}).DialContext

// setup is what a test's server is made of; what is empty is absent.
type setup struct {
	postgres, redis string
	dir             string
	shipped         []content.Article
	table           func(*policy.Table)
	server          func(*policy.Server)
	strict          bool // keep the deadlines of the table, Redis' included
}

// blog is a server without its pages.
type blog struct {
	*Posts
	db            *DB
	redis         *redis.Client
	toDB, toRedis *fault.Link
	seen          *events
}

// newBlog starts a server that is stopped when the test ends.
func newBlog(t testing.TB, s setup) *blog {
	t.Helper()
	table, server := testenv.Table(), policy.Serve()
	if !s.strict {
		slowMachine(&table)
		table.Redis.AttemptDeadline, table.Redis.Deadline = time.Second, time.Second
	}
	if s.table != nil {
		s.table(&table)
	}
	if s.server != nil {
		s.server(&server)
	}
	b := &blog{toDB: fault.NewLink("postgres"), toRedis: fault.NewLink("redis"), seen: &events{}}
	o := PostsOptions{Table: table, Server: server, DataDir: s.dir, Observe: b.seen.observe, Log: slog.New(slog.DiscardHandler)}
	if s.postgres != "" {
		b.db = openDB(t, s.postgres, Dial(b.toDB.Dialer(dialer)), table.Postgres)
		o.DB, o.Bulk = b.db, b.db
	}
	if s.redis != "" {
		client, err := OpenRedis(s.redis, Dial(b.toRedis.Dialer(dialer)), table.RedisLib)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		b.redis, o.Redis = client, client
	}
	if s.shipped != nil {
		o.Shipped = Shipped(s.shipped)
	}
	var err error
	if b.Posts, err = NewPosts(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.toDB.Close()
		b.toRedis.Close()
		b.Close()
	})
	return b
}

// slowMachine is for tests of something else than deadlines: a machine under load must not look like an outage.
func slowMachine(t *policy.Table) {
	for _, row := range []*policy.Row{&t.PostReads, &t.Search} {
		row.AttemptDeadline, row.Deadline = time.Second, time.Minute
	}
}

func openDB(t testing.TB, url string, dial Dial, p policy.Postgres) *DB {
	t.Helper()
	db, err := OpenPostgres(url, dial, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// newDatabase is the URL of a database of the test's own with these articles, and a pool on it that no fault reaches.
func newDatabase(t testing.TB, articles ...content.Article) (string, *DB) {
	t.Helper()
	url := testenv.Postgres(t)
	db := openDB(t, url, dialer, policy.Postgres{})
	migrate(t, db)
	if len(articles) > 0 {
		publishAll(t, db, articles...)
	}
	return url, db
}

func migrate(t testing.TB, db *DB) {
	t.Helper()
	if _, err := Migrate(t.Context(), db, afloat.Migrations()); err != nil {
		t.Fatal(err)
	}
}

func publishAll(t testing.TB, db *DB, articles ...content.Article) Published {
	t.Helper()
	done, err := Publish(t.Context(), db, articles)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// article is one as content.Load would return it. Its title is its slug's; the day orders it.
func article(t testing.TB, slug string, day int, body string) content.Article {
	t.Helper()
	a, err := content.Parse(slug+".md", fmt.Appendf(nil, "---\ntitle: On %s\nsummary: About %s.\ntags: [%s, all]\npublished: 2026-01-%02d\n---\n\n%s\n", slug, slug, slug, day, body), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func exec(t testing.TB, db *DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func query[T any](t testing.TB, db *DB, sql string, args ...any) (v T) {
	t.Helper()
	if err := db.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// read is a read that must have an answer, whose page it returns.
func (b *blog) read(t testing.TB, slug string) (html string, p resilience.Provenance) {
	t.Helper()
	post, p, err := b.Post(t.Context(), slug)
	if err != nil {
		t.Fatalf("reading %s: %v (%+v)", slug, err, p)
	}
	return post.HTML, p
}

// expect checks where an article comes from, and in which state.
func (b *blog) expect(t testing.TB, slug, text string, source resilience.Source, state resilience.State) {
	t.Helper()
	html, p := b.read(t, slug)
	if !strings.Contains(html, text) || p.Source != source || p.State != state {
		t.Errorf("%s is %q, %s from %s (%v); want %q, %s from %s", slug, html, p.State, p.Source, p.Err, text, state, source)
	}
	if p.At.IsZero() {
		t.Errorf("%s doesn't say when it was read", slug)
	}
	if p.State.Degraded() && p.Err == nil {
		t.Errorf("%s is %s without a reason", slug, p.State)
	}
}

// watch runs Watch until the test ends or the returned function is called.
func (b *blog) watch(t testing.TB, onChange func(int64)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Watch(ctx, onChange) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// settled waits for what a read leaves to be done behind the reader.
func (b *blog) settled() { b.Close() }

// within polls until ok, and fails the test when that takes longer than the limit.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(2 * ms)
	}
	took := time.Since(start)
	t.Logf("%s: after %v", what, took.Round(ms))
	return took
}

// eventually is within a time that only a broken test exceeds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	within(t, time.Minute, what, ok)
}

// events keeps what guards tell.
type events struct {
	mu  sync.Mutex
	all []resilience.Event
}

func (e *events) observe(event resilience.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

func (e *events) count(policy string, kind resilience.EventKind) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.all {
		if event.Policy == policy && event.Kind == kind {
			n++
		}
	}
	return n
}

func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// one is a blog of one article.
func one(t testing.TB) []content.Article { return []content.Article{article(t, "one", 1, "First.")} }

// must takes a call's results apart: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
