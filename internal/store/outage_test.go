package store

import (
	"fmt"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// The bounds that the blog promises. A test's machine may be busy with other tests, which the slack is for.
const (
	answer   = 300 * ms
	recovery = 2 * time.Second
	slack    = 100 * ms
)

// afloat reads warm articles, and each time one that no cache holds, until the time is up.
func (b *blog) afloat(t *testing.T, what string, d time.Duration, cold func(i int) string) {
	t.Helper()
	var longest time.Duration
	n := 0
	for start := time.Now(); time.Since(start) < d; n++ {
		for _, slug := range []string{"warm", cold(n)} {
			began := time.Now()
			html, p := b.read(t, slug)
			took := time.Since(began)
			longest = max(longest, took)
			if html == "" || took > answer+slack {
				t.Errorf("%s: %s answered %q after %v, %+v", what, slug, html, took, p)
			}
		}
		time.Sleep(20 * ms)
	}
	t.Logf("%s: %d reads of each, the longest took %v", what, n, longest.Round(ms))
}

func TestReadingSurvivesEveryOutage(t *testing.T) {
	const outage = 1200 * ms // long enough for copies to become stale
	postgres, redis := testenv.NewPostgres(t), testenv.NewRedis(t)
	admin := openDB(t, postgres.URL, dialer, policy.Afloat().Postgres)
	migrate(t, admin)
	articles := append(one(t), article(t, "warm", 2, "Warm."))
	const colds = 40
	for i := range colds {
		articles = append(articles, article(t, fmt.Sprintf("cold-%d", i), 3, "Cold."))
	}
	publishAll(t, admin, articles...)
	b := newBlog(t, setup{postgres: postgres.URL, redis: redis.URL, dir: t.TempDir(), strict: true, server: func(s *policy.Server) { s.Vouch, s.MemoryEntries = outage-s.Poll/4, 8 }})
	known := make(chan int64, 10)
	b.watch(t, func(v int64) { known <- v })
	<-known
	if err := b.SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.read(t, "warm")

	next := 0
	cold := func(int) string { next++; return fmt.Sprintf("cold-%d", next%colds) }
	fresh := func() bool { _, p := b.read(t, "warm"); return !p.State.Degraded() }
	pause := func(what string, servers ...*testenv.Server) {
		for _, s := range servers {
			s.Pause()
		}
		b.afloat(t, what, outage, cold)
		for _, s := range servers {
			s.Resume()
		}
		within(t, recovery, "fresh after: "+what, fresh)
	}
	pause("Postgres stopped", postgres)
	pause("both stopped", postgres, redis)
	kill := func(what string, s *testenv.Server) {
		s.Kill()
		b.afloat(t, what, outage, cold)
		s.Restart()
		within(t, recovery, "fresh after: "+what, fresh)
	}
	kill("Redis killed", redis)
	kill("Postgres killed", postgres)

	for _, kind := range fault.Kinds {
		f := fault.Fault{Kind: kind, Latency: 2 * time.Second, Rate: 0.3}
		b.toRedis.Set(f)
		b.afloat(t, "Redis "+string(kind), outage/5, cold)
		b.toRedis.Clear()
		b.toDB.Set(f)
		b.afloat(t, "Postgres "+string(kind), outage, cold)
		b.toDB.Clear()
		within(t, recovery, "fresh after: Postgres "+string(kind), fresh)
	}
}

// A blog that starts while nothing answers serves every article from its own disk, and heals by itself.
func TestStartWithEverythingHung(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	s := setup{postgres: url, redis: testenv.Redis(t), dir: t.TempDir(), strict: true}
	if err := newBlog(t, s).SaveSnapshot(t.Context()); err != nil {
		t.Fatal(err)
	}
	b := newBlog(t, s)
	for _, l := range []*fault.Link{b.toDB, b.toRedis} {
		l.Set(fault.Fault{Kind: fault.Hang})
	}
	b.watch(t, func(int64) {})
	b.expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
	if source, ok := b.Servable(); !ok || source != resilience.FromSnapshot {
		t.Errorf("servable %v from %s", ok, source)
	}
	for _, l := range []*fault.Link{b.toDB, b.toRedis} {
		l.Clear()
	}
	within(t, recovery, "fresh", func() bool { _, p := b.read(t, "one"); return !p.State.Degraded() })
	if source, ok := b.Servable(); !ok || source != resilience.FromPostgres {
		t.Errorf("servable %v from %s", ok, source)
	}
}
