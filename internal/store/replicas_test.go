package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// replicated is a blog on a leader and two replicas, with articles that both have.
func replicated(t *testing.T, change func(*setup)) (*testenv.PostgresCluster, *blog, *Comments) {
	t.Helper()
	cluster := testenv.NewPostgresCluster(t, 2)
	s := setup{postgres: cluster.URL, strict: true, table: slowMachine}
	if change != nil {
		change(&s)
	}
	b := newBlog(t, s)
	migrate(t, b.db)
	publishAll(t, b.db, append(one(t), article(t, "two", 2, "Second."))...)
	comments := NewComments(b.db, must(resilience.NewGuard(testenv.Table().CommentWrites.Policy, Classify, nil))(t))
	if err := comments.beat(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, r := range cluster.Replicas {
		eventually(t, "the replica has the articles", func() bool {
			db := openDB(t, strings.Replace(cluster.URL, cluster.Leader.Addr+","+cluster.Replicas[0].Addr+","+cluster.Replicas[1].Addr, r.Addr, 1), dialer, policy.Postgres{})
			defer db.Close()
			var n int
			return db.QueryRow(t.Context(), `select count(*) from posts`).Scan(&n) == nil && n == 2
		})
	}
	return cluster, b, comments
}

// asked are the servers that the attempts of one call ask.
func asked(t *testing.T, db *DB, attempts int) (names []string) {
	t.Helper()
	ctx, from := BeginReading(t.Context())
	for i := range attempts {
		if _, err := read(ctx, db, queryVersion); err != nil {
			t.Fatal(err)
		}
		names = append(names, from.answers[i].replica)
	}
	return names
}

// The attempts of a call take turns, and so do calls.
func TestReadsTakeReplicasInTurn(t *testing.T) {
	t.Parallel()
	cluster, b, _ := replicated(t, nil)
	first := asked(t, b.db, 3)
	if first[0] != first[2] || first[0] == first[1] {
		t.Errorf("three attempts asked %v", first)
	}
	for _, name := range first {
		if name != cluster.Replicas[0].Addr && name != cluster.Replicas[1].Addr {
			t.Errorf("a read asked %q, of the replicas %s and %s", name, cluster.Replicas[0].Addr, cluster.Replicas[1].Addr)
		}
	}
	if second := asked(t, b.db, 1); second[0] != first[1] {
		t.Errorf("calls asked %v and then %v first", first, second)
	}
	ctx, from := BeginReading(FromLeader(t.Context()))
	if _, err := read(ctx, b.db, queryVersion); err != nil || from.answered().replica != "" {
		t.Errorf("a read that must see what was just written asked %+v, %v", from.answered(), err)
	}
}

// A replica is shown with how far it is behind at the most; further than is vouched for, what it says is stale, and it
// vouches for nothing.
func TestReplicaLagIsShownAndBounded(t *testing.T) {
	t.Parallel()
	cluster, b, comments := replicated(t, func(s *setup) {
		s.table = func(t *policy.Table) { slowMachine(t); t.Postgres.Replicas.Behind = 400 * ms }
	})
	_, p := b.read(t, "one")
	if p.State != resilience.Fresh || p.Replica == "" || p.Lag <= 0 || p.Lag > 400*ms {
		t.Errorf("read right after a heartbeat: %+v", p)
	}
	if age := time.Since(p.At); age < p.Lag {
		t.Errorf("as of %v ago, from a replica %v behind", age, p.Lag)
	}

	for _, r := range cluster.Replicas {
		cluster.PauseReplay(r)
	}
	time.Sleep(500 * ms)
	if err := comments.beat(t.Context(), 0); err != nil { // which no replica sees
		t.Fatal(err)
	}
	checked := b.site.checked.Load()
	_, p = b.read(t, "two")
	if p.State != resilience.Stale || p.Source != resilience.FromPostgres || !errors.Is(p.Err, resilience.ErrBehind) || p.Lag < 400*ms || time.Since(p.At) < p.Lag {
		t.Errorf("read from a replica that follows no more: %+v", p)
	}
	if b.site.checked.Load() != checked {
		t.Error("a replica that is far behind vouched for copies")
	}
	if _, _, err := b.Post(t.Context(), "three"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("what a replica that is far behind lacks: %v; want that nobody knows", err)
	}
}

// What a replica lacks though it is known elsewhere is never shown as the newest, however short its lag.
func TestReplicaWithoutTheNewestVersionIsStale(t *testing.T) {
	t.Parallel()
	cluster, b, _ := replicated(t, nil)
	for _, r := range cluster.Replicas {
		cluster.PauseReplay(r)
	}
	known := make(chan int64, 4)
	b.watch(t, func(v int64) { known <- v })
	<-known
	eventually(t, "the leader is listened to", func() bool {
		return query[int](t, b.db, `select count(*) from pg_stat_activity where datname = current_database() and query like 'select version from site%' and application_name = 'afloat'`) > 0
	})
	version := publishAll(t, b.db, article(t, "one", 1, "Changed."), article(t, "two", 2, "Second.")).Version
	within(t, promise, "the leader told of the change", func() bool { v, _ := b.Version(); return v == version })
	html, p := b.read(t, "one")
	if p.State != resilience.Stale || !errors.Is(p.Err, resilience.ErrBehind) {
		t.Errorf("an article that changed is %q from a replica without the change: %+v", html, p)
	}
}

// With no leader reads go on from replicas, and comments find the one that is promoted.
func TestLeaderKilledAndReplaced(t *testing.T) {
	t.Parallel()
	cluster, b, comments := replicated(t, func(s *setup) { s.server = func(s *policy.Server) { s.MemoryEntries = 1 } })
	add := func(key string) error {
		_, _, err := comments.Add(t.Context(), NewComment{Slug: "one", Author: "A reader", Body: "Hello.", HTML: "<p>Hello.</p>", Key: key}, nil)
		return err
	}
	if err := add("before"); err != nil {
		t.Fatal(err)
	}
	fresh := func(when string) {
		for i := range 20 {
			html, p := b.read(t, []string{"one", "two"}[i%2])
			if html == "" || p.Source == resilience.FromPlaceholder || p.Err != nil && !errors.Is(p.Err, resilience.ErrBehind) {
				t.Errorf("%s: %q, %+v", when, html, p)
			}
			time.Sleep(10 * ms)
		}
	}
	fresh("healthy")
	cluster.Leader.Kill()
	fresh("no leader")
	if err := add("meanwhile"); err == nil {
		t.Error("a comment was written without a leader")
	}
	cluster.Promote(cluster.Replicas[0])
	eventually(t, "comments are written to the new leader", func() bool { return comments.beat(t.Context(), 0) == nil && add("after") == nil })
	fresh("another leader")
	if n := query[int](t, b.db, `select count(*) from comments`); n != 2 {
		t.Errorf("%d comments, want those written before and after", n)
	}
}

// A server that says it is read-only loses all connections of the pool that writes, so that the next try finds the leader.
func TestReadOnlyServerIsLeft(t *testing.T) {
	t.Parallel()
	_, b, _ := replicated(t, nil)
	for range 3 { // as many idle connections
		exec(t, b.db, `select 1`)
	}
	if _, err := b.db.Exec(t.Context(), `set default_transaction_read_only = on`); err != nil {
		t.Fatal(err)
	}
	before := b.db.Stat().NewConnsCount()
	_, err := b.db.Exec(t.Context(), `update site set shipped = shipped`)
	if err == nil || Classify(err) != resilience.Transient {
		t.Fatalf("a write on a read-only connection: %v", err)
	}
	exec(t, b.db, `update site set shipped = shipped`)
	if made := b.db.Stat().NewConnsCount() - before; made == 0 {
		t.Error("the write that followed was made on a connection from before")
	}
}

// Of two replicas the one that is silent costs its first readers one attempt, and is the second choice from then on.
func TestSilentReplicaIsSecondChoice(t *testing.T) {
	t.Parallel()
	cluster, b, _ := replicated(t, func(s *setup) {
		s.table = func(t *policy.Table) {
			slowMachine(t)
			t.PostReads.AttemptDeadline, t.PostReads.Budget = 200*ms, resilience.BudgetPolicy{} // which is empty at the start
			t.PostReads.Hedge, t.Postgres.Replicas.Rest = resilience.HedgePolicy{}, time.Minute
		}
	})
	asked(t, b.db, 2)
	cluster.Replicas[0].Pause()
	b.read(t, "one")
	b.read(t, "two") // one of these two began at the silent one
	if one, other := b.db.readers[0].rests(), b.db.readers[1].rests(); one == other {
		t.Fatalf("of the two pools rest: %v, %v; want the one of the silent replica", one, other)
	}
	for range 4 {
		_, from := BeginReading(t.Context())
		if first, _ := from.take(b.db); first.rests() {
			t.Error("a read begins at the silent replica")
		}
		if second, _ := from.take(b.db); !second.rests() {
			t.Error("a second attempt asks the first one's replica")
		}
	}
	cluster.Replicas[0].Resume()
}

// The URL's own word on what a server must be makes one pool, as ever.
func TestPoolsOfAURL(t *testing.T) {
	hosts := "10.0.0.1:5432,10.0.0.2:5433,10.0.0.3"
	for url, pools := range map[string]int{
		"postgres://u@" + hosts + "/blog?sslmode=prefer":                      3,
		"postgres://u@" + hosts + "/blog?target_session_attrs=read-write":     1,
		"postgres://u@10.0.0.1/blog?sslmode=prefer":                           1, // twice the same host: with TLS and without
		"host=10.0.0.1,10.0.0.2 user=u dbname=blog sslmode=disable port=5432": 3,
		"postgres://u@10.0.0.1:5432,10.0.0.1:5433/blog?sslmode=verify-full":   3,
	} {
		db := openDB(t, url, dialer, policy.Postgres{})
		if names, all := db.Pools(); len(names) != pools || len(all) != pools || db.Replicated() != (pools > 1) {
			t.Errorf("%s: pools %v", url, names)
		}
	}
	var dialled []string
	refuse := func(addr string) error { dialled = append(dialled, addr); return errors.New("refused") }
	db := openDB(t, "postgres://u@"+hosts+"/blog?sslmode=prefer", func(_ context.Context, _, addr string) (net.Conn, error) { return nil, refuse(addr) }, policy.Postgres{})
	for range 2 {
		_, _ = read(t.Context(), db, queryVersion)
	}
	if got := fmt.Sprint(dialled); !strings.Contains(got, "10.0.0.1:5432 10.0.0.1:5432 10.0.0.2:5433 10.0.0.2:5433 10.0.0.3:5432") ||
		!strings.Contains(got, "10.0.0.3:5432 10.0.0.3:5432 10.0.0.2:5433 10.0.0.2:5433 10.0.0.1:5432") {
		t.Errorf("the two pools that read dial %s", got)
	}
}
