package store

import (
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// promise is how soon a change is seen on every server, with Postgres up.
const promise = 2 * time.Second

// A change reaches every server in time, whatever is the matter with the quick ways.
func TestChangeIsSeenOnEveryServer(t *testing.T) {
	unchanged := func(*testing.T, *blog) {}
	noPoll := func(s *policy.Server) { s.Poll = 5 * promise }
	cases := []struct {
		name   string
		server func(*policy.Server)
		start  func(*testing.T, *blog) // before the server watches
		harm   func(*testing.T, *blog) // before the change
	}{
		{"all well", nil, unchanged, unchanged},
		{"LISTEN alone", noPoll, unchanged, unchanged},
		{"polling alone", nil, func(_ *testing.T, b *blog) { b.db.listen.Port = 1 }, unchanged},
		{"LISTEN lost its connection", nil, unchanged, func(t *testing.T, b *blog) {
			exec(t, b.db, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query = 'listen afloat'`)
		}},
		{"Redis hung", nil, unchanged, func(_ *testing.T, b *blog) { b.toRedis.Set(fault.Fault{Kind: fault.Hang}) }},
		{"Redis refused", nil, unchanged, func(_ *testing.T, b *blog) { down(b.toRedis) }},
		{"Redis has an old copy and calls it fresh", nil, unchanged, func(t *testing.T, b *blog) {
			old, ok := b.posts.copies.get(t.Context(), "one")
			if !ok {
				t.Fatal("no copy to make fresh")
			}
			forever := *b.posts.copies
			forever.life.Fresh = time.Hour
			forever.put(t.Context(), "one", old.Versioned, time.Now())
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			url, db := newDatabase(t, one(t)...)
			redis := testenv.Redis(t)
			var blogs [2]*blog
			for i := range blogs {
				b := newBlog(t, setup{postgres: url, redis: redis, server: c.server, strict: true, table: slowMachine})
				c.start(t, b)
				known := make(chan int64, 4)
				b.watch(t, func(v int64) { known <- v })
				<-known
				b.read(t, "one")
				b.settled()
				blogs[i] = b
			}
			eventually(t, "both servers listen, where they can", func() bool {
				n := query[int](t, db, `select count(*) from pg_stat_activity where datname = current_database() and query = 'listen afloat'`)
				return n == 2 || c.name == "polling alone"
			})
			for _, b := range blogs {
				c.harm(t, b)
			}
			publishAll(t, db, article(t, "one", 1, "Changed."))
			start := time.Now()
			for _, b := range blogs {
				within(t, promise-time.Since(start), "the change is read", func() bool {
					html, p := b.read(t, "one")
					return html == "<p>Changed.</p>\n" && p.State != resilience.Stale
				})
			}
		})
	}
}

// Readers learn of versions as well, and that must not keep the snapshot from being told.
func TestEveryChangeIsAnnounced(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	b := newBlog(t, setup{postgres: url, server: func(s *policy.Server) { s.Poll = 10 * ms }})
	announced := make(chan int64, 10)
	stop := b.watch(t, func(v int64) { announced <- v })
	first := <-announced
	second := publishAll(t, db, article(t, "one", 1, "Changed.")).Version
	b.site.learn(second)
	if v := <-announced; v != second || first >= second {
		t.Errorf("announced %d and %d, want %d last", first, v, second)
	}
	stop()
	publishAll(t, db, one(t)...)
	if len(announced) > 0 {
		t.Error("a change was announced after the watch had ended")
	}
}

func TestWatchWithoutDatabaseEnds(t *testing.T) {
	newBlog(t, setup{shipped: one(t)}).Watch(t.Context(), func(int64) { t.Error("nothing can have changed") })
}
