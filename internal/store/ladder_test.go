package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// distrust makes copies stale soon after somebody looked at the database.
func distrust(s *policy.Server) { s.Vouch = 20 * ms }

const distrusted = 25 * ms

func down(links ...*fault.Link) {
	for _, l := range links {
		l.Set(fault.Fault{Kind: fault.Refuse})
	}
}

func TestEveryRungOfTheLadder(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	s := setup{postgres: url, redis: testenv.Redis(t), dir: t.TempDir(), server: distrust, shipped: one(t)}

	b := newBlog(t, s)
	b.expect(t, "one", "First.", resilience.FromPostgres, resilience.Fresh)
	b.expect(t, "one", "First.", resilience.FromMemory, resilience.Fresh)
	if err := b.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.settled()

	// Another server trusts Redis once it knows the site's version itself.
	other := newBlog(t, setup{postgres: url, redis: s.redis})
	if _, _, err := other.List(t.Context(), "", 1, 10); err != nil {
		t.Fatal(err)
	}
	other.expect(t, "one", "First.", resilience.FromRedis, resilience.Cached)
	other.expect(t, "one", "First.", resilience.FromMemory, resilience.Fresh)

	down(b.toDB, b.toRedis)
	time.Sleep(distrusted)
	b.expect(t, "one", "First.", resilience.FromMemory, resilience.Stale)

	noDB := newBlog(t, s)
	down(noDB.toDB)
	noDB.expect(t, "one", "First.", resilience.FromRedis, resilience.Stale)

	noneUp := newBlog(t, s)
	down(noneUp.toDB, noneUp.toRedis)
	noneUp.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
	if _, p, err := noneUp.List(t.Context(), "all", 1, 10); err != nil || p.State != resilience.Fallback {
		t.Errorf("a list of the snapshot: %+v, %v", p, err)
	}

	s.dir = t.TempDir()
	firstStart := newBlog(t, s)
	down(firstStart.toDB, firstStart.toRedis)
	firstStart.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)

	s.shipped = nil
	bare := newBlog(t, s)
	down(bare.toDB, bare.toRedis)
	_, p, err := bare.Post(t.Context(), "one")
	wantErr(t, err, ErrUnavailable)
	if p.State != resilience.Missing {
		t.Errorf("%+v, want a missing part", p)
	}
	if source, ok := bare.Servable(); ok {
		t.Errorf("servable from %s", source)
	}
}

func TestOnlyWhoKnowsSaysNotFound(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	up := newBlog(t, setup{postgres: url, redis: testenv.Redis(t)})
	_, p, err := up.Post(t.Context(), "unheard-of")
	wantErr(t, err, ErrNotFound)
	if p.State != resilience.Missing {
		t.Errorf("%+v, want a missing part", p)
	}
	_, _, err = up.List(t.Context(), "unheard-of", 1, 10)
	wantErr(t, err, ErrNotFound)
	_, _, err = up.List(t.Context(), "", 2, 10)
	wantErr(t, err, ErrNotFound)

	// A snapshot may be older than the article asked for.
	away := newBlog(t, setup{postgres: url, shipped: one(t)})
	down(away.toDB)
	_, _, err = away.Post(t.Context(), "unheard-of")
	wantErr(t, err, ErrUnavailable)

	// Without a database the snapshot is the whole blog.
	alone := newBlog(t, setup{shipped: one(t)})
	alone.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
	_, _, err = alone.Post(t.Context(), "unheard-of")
	wantErr(t, err, ErrNotFound)

	// An empty database is a new one, not a blog without articles.
	empty, _ := newDatabase(t)
	fresh := newBlog(t, setup{postgres: empty, shipped: one(t)})
	fresh.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
	_, _, err = fresh.Post(t.Context(), "unheard-of")
	wantErr(t, err, ErrUnavailable)
}

// A reader can ask for anything, and must not make a healthy database look ill by it.
func TestSenselessQuestionsOpenNoBreaker(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	b := newBlog(t, setup{postgres: url, shipped: one(t)})
	for i := range 20 {
		for _, slug := range []string{"\xff", "a\x00b", fmt.Sprintf("\xfe%d", i)} {
			_, _, err := b.Post(t.Context(), slug)
			wantErr(t, err, ErrNotFound)
			_, _, err = b.List(t.Context(), slug, 1, 10)
			wantErr(t, err, ErrNotFound)
			_, _, _ = b.Search(t.Context(), slug, 1, 10)
		}
	}
	if b.guard.State() != resilience.Closed || b.search.State() != resilience.Closed {
		t.Errorf("breakers are %s and %s", b.guard.State(), b.search.State())
	}
}

func TestWithdrawnStaysWithdrawn(t *testing.T) {
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	s := setup{postgres: url, redis: testenv.Redis(t), dir: t.TempDir(), server: distrust}
	b := newBlog(t, s)
	publishAll(t, db, one(t)...)
	withdrawn := func(b *blog, where string, source resilience.Source) {
		t.Helper()
		_, p, err := b.Post(t.Context(), "two")
		wantErr(t, err, ErrWithdrawn)
		if p.Source != source {
			t.Errorf("%s: known from %s, want %s", where, p.Source, source)
		}
		if _, _, ok := b.PeekPost(t.Context(), "two"); ok {
			t.Errorf("%s: a peek shows it", where)
		}
	}
	withdrawn(b, "the database", resilience.FromPostgres)
	if err := b.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.settled()
	down(b.toDB, b.toRedis)
	time.Sleep(distrusted)
	withdrawn(b, "memory", resilience.FromMemory)
	redis := newBlog(t, setup{postgres: url, redis: s.redis})
	down(redis.toDB)
	withdrawn(redis, "Redis", resilience.FromRedis)
	snapshot := newBlog(t, s)
	down(snapshot.toDB, snapshot.toRedis)
	withdrawn(snapshot, "the snapshot", resilience.FromSnapshot)
	if !snapshot.Gone("two") || snapshot.Gone("one") || snapshot.Gone("unheard-of") {
		t.Error("Gone doesn't tell what is gone")
	}
}

// The last to be read before the withdrawal, the first after the outage began: copies in memory and Redis show the
// article, and only the snapshot has heard.
func TestNewerSnapshotCorrectsOlderCopies(t *testing.T) {
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	s := setup{postgres: url, redis: testenv.Redis(t), dir: t.TempDir(), server: distrust}
	b := newBlog(t, s)
	b.expect(t, "one", "First.", resilience.FromPostgres, resilience.Fresh)
	b.expect(t, "two", "Second.", resilience.FromPostgres, resilience.Fresh)
	if _, _, err := b.List(t.Context(), "two", 1, 10); err != nil {
		t.Fatal(err)
	}
	b.settled()
	publishAll(t, db, article(t, "one", 1, "Corrected."))
	if err := b.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}

	check := func(b *blog, where string) {
		t.Helper()
		b.expect(t, "one", "Corrected.", resilience.FromSnapshot, resilience.Fallback)
		_, _, err := b.Post(t.Context(), "two")
		wantErr(t, err, ErrWithdrawn)
		if post, _, ok := b.PeekPost(t.Context(), "two"); ok {
			t.Errorf("%s: a peek shows %+v", where, post)
		}
		_, _, err = b.List(t.Context(), "two", 1, 10)
		wantErr(t, err, ErrNotFound)
	}
	down(b.toDB, b.toRedis)
	time.Sleep(distrusted)
	// With the breaker open a copy in memory is served without asking anybody first.
	for range 5 {
		_, _, _ = resilience.Call(t.Context(), b.guard, func(context.Context) (int, error) { return 0, errors.New("down") })
	}
	if b.guard.Closed() {
		t.Fatal("the breaker should be open by now")
	}
	check(b, "memory")
	restarted := newBlog(t, s)
	down(restarted.toDB)
	check(restarted, "Redis")
}

func TestLowerVersionsNeverReplaceHigherOnes(t *testing.T) {
	b := newBlog(t, setup{redis: testenv.Redis(t), table: patientRedis})
	const newest = 100
	versions := rand.Perm(newest)
	post := func(v int) Versioned[Post] {
		return Versioned[Post]{V: Post{Summary: Summary{Slug: "one"}, Version: int64(v + 1)}, AsOf: int64(v + 1)}
	}
	var all sync.WaitGroup
	for _, v := range versions {
		all.Go(func() {
			b.site.learn(int64(v + 1))
			now := time.Now()
			b.posts.memory.Put("one", post(v), resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: now})
			b.posts.copies.put(t.Context(), "one", post(v), now)
		})
	}
	all.Wait()
	if v, vouched := b.Version(); v != newest || !vouched {
		t.Errorf("the site's version is %d, want %d", v, newest)
	}
	if v, _, ok := b.PeekPost(t.Context(), "one"); !ok || v.Version != newest {
		t.Errorf("memory holds version %d, want %d", v.Version, newest)
	}
	if v, ok := b.posts.copies.get(t.Context(), "one"); !ok || v.AsOf != newest {
		t.Errorf("Redis holds version %d, want %d", v.AsOf, newest)
	}
}

// patientRedis takes any number of calls at once, and as long as they take.
func patientRedis(t *policy.Table) {
	t.Redis = policy.Row{Policy: resilience.Policy{Name: t.Redis.Name}}
	t.RedisLib = policy.RedisLib{}
}

func TestForeignBytesInRedisAreAMiss(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	s := setup{postgres: url, redis: testenv.Redis(t), shipped: one(t)}
	for _, raw := range []string{"", "garbage", "null", "[]", "{}", `{"v":{"html":"Forged."}}`, `{"v":{"html":"Cut of`, `{"v":7,"as_of":9}`, "\x00\xff"} {
		t.Run(raw, func(t *testing.T) {
			healthy, cut := newBlog(t, s), newBlog(t, s)
			key := healthy.posts.copies.key("one")
			if err := healthy.redis.HSet(t.Context(), key, "copy", raw, "as_of", raw).Err(); err != nil {
				t.Fatal(err)
			}
			down(cut.toDB)
			cut.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
			healthy.expect(t, "one", "First.", resilience.FromPostgres, resilience.Fresh)
			healthy.settled()
			if v, ok := healthy.posts.copies.get(t.Context(), "one"); !ok || v.V.HTML == "" {
				t.Error("a good copy didn't take its place")
			}
			if !cut.posts.copies.guard.Closed() {
				t.Error("the breaker of Redis opened")
			}
		})
	}
	t.Run("another type", func(t *testing.T) {
		b := newBlog(t, s)
		key := b.posts.copies.key("one")
		if err := errors.Join(b.redis.Del(t.Context(), key).Err(), b.redis.Set(t.Context(), key, "a string", 0).Err()); err != nil {
			t.Fatal(err)
		}
		b.expect(t, "one", "First.", resilience.FromPostgres, resilience.Fresh)
	})
}

// A database made anew starts a history of its own; nothing of the old one may be taken for it.
func TestDatabaseMadeAnew(t *testing.T) {
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	s := setup{postgres: url, redis: testenv.Redis(t), dir: t.TempDir(), server: func(s *policy.Server) {
		distrust(s)
		s.Poll = 10 * ms
	}}
	b := newBlog(t, s)
	changed := make(chan int64, 10)
	b.watch(t, func(v int64) { changed <- v })
	old := <-changed
	b.expect(t, "one", "First.", resilience.FromPostgres, resilience.Fresh)
	b.expect(t, "two", "Second.", resilience.FromPostgres, resilience.Fresh)
	if err := b.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}

	exec(t, db, `drop view contents`)
	exec(t, db, `drop table comments, posts, site, heartbeat, goose_db_version`)
	migrate(t, db)
	if v := query[int64](t, db, `select version from site`); v != 0 {
		t.Fatalf("a new database has version %d", v)
	}
	time.Sleep(distrusted)
	b.expect(t, "one", "First.", resilience.FromMemory, resilience.Stale)
	restarted := newBlog(t, s)
	restarted.expect(t, "two", "Second.", resilience.FromRedis, resilience.Stale)

	publishAll(t, db, article(t, "one", 1, "Anew."))
	if v := <-changed; v <= old {
		t.Errorf("the new database's version %d is not above the old one's %d", v, old)
	}
	for _, b := range []*blog{b, restarted} {
		eventually(t, "the new article is read", func() bool {
			html, p := b.read(t, "one")
			return html == "<p>Anew.</p>\n" && !p.State.Degraded()
		})
		eventually(t, "the old article is gone", func() bool {
			_, _, err := b.Post(t.Context(), "two")
			return errors.Is(err, ErrNotFound)
		})
	}
}
