package store

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/policy"
	"afloat/internal/testenv"
)

// TestWhoFollowsIsNotAsked: what servers say to readers saves connections to the leader, and finds the next one. What is
// believed ends, so a server that says nothing more is asked again.
func TestWhoFollowsIsNotAsked(t *testing.T) {
	t.Parallel()
	cluster, b, _ := replicated(t, func(s *setup) {
		s.table = func(t *policy.Table) { slowMachine(t); t.Postgres.Replicas.Believe = time.Hour }
	})
	db, leader, one, two := b.db, cluster.Leader.Addr, cluster.Replicas[0].Addr, cluster.Replicas[1].Addr
	hosts := func(order func(*pgx.ConnConfig)) (addrs []string) {
		c := db.listen.Copy()
		order(c)
		for _, h := range hostsOf(&c.Config) {
			addrs = append(addrs, h.addr())
		}
		return addrs
	}
	wants := func(about string, toLeader, toReplica []string) {
		t.Helper()
		if got := hosts(db.together.lead.toLeader); !slices.Equal(got, toLeader) {
			t.Errorf("%s: for the leader %v are asked, want %v", about, got, toLeader)
		}
		if got := hosts(db.together.lead.toReplica); !slices.Equal(got, toReplica) {
			t.Errorf("%s: for a replica %v are asked, want %v", about, got, toReplica)
		}
	}
	asked(t, db, 2)
	wants("two follow", []string{leader}, []string{one, two, leader})
	cluster.Leader.Kill()
	wants("nobody leads", []string{leader}, []string{one, two, leader})
	cluster.Promote(cluster.Replicas[1])
	asked(t, db, 2)
	wants("one of them leads", []string{two, leader}, []string{leader, one, two})
	db.Reset()
	exec(t, db, `select 1`)
	for i, addr := range []string{one, two, leader} {
		db.together.lead.follows[addr] = time.Now().Add(time.Duration(i-3) * time.Second)
	}
	wants("all follow", []string{one}, []string{leader, one, two})
	db.together.lead.believed = 0
	wants("nothing is believed any more", []string{two, leader, one}, []string{leader, one, two})
}

// A connection to the leader costs one, wherever it stands in the URL, once it is known; and whoever follows it is found.
func TestTheLastLeaderIsAskedFirst(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t, 2)
	leader, one, two := cluster.Leader.Addr, cluster.Replicas[0].Addr, cluster.Replicas[1].Addr
	var mu sync.Mutex
	var dialled []string
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		dialled = append(dialled, addr)
		mu.Unlock()
		return dialer(ctx, network, addr)
	}
	url := strings.Replace(cluster.URL, leader+","+one+","+two, one+","+two+","+leader, 1)
	db := openDB(t, url, dial, policy.Postgres{ConnectTimeout: time.Minute, ConnectPatience: time.Minute, Connects: 2, Replicas: policy.Replicas{Connects: 1}})
	connects := func(about string, want ...string) {
		t.Helper()
		db.Reset()
		mu.Lock()
		dialled = nil
		mu.Unlock()
		exec(t, db, `select 1`)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(dialled, want) {
			t.Errorf("%s: asked %v, want %v", about, dialled, want)
		}
	}
	connects("nobody is known", one, two, leader)
	connects("it is known", leader)
	cluster.Leader.Kill()
	cluster.Promote(cluster.Replicas[1])
	connects("it is gone", leader, one, two)
	connects("another one is known", two)
}

// TestTheLeaderIsAskedForNowAndThen: once somebody has asked in vain, all of a process wait for a while, and fail at once;
// the news that another leads ends that.
func TestTheLeaderIsAskedForNowAndThen(t *testing.T) {
	t.Parallel()
	cluster, b, _ := replicated(t, func(s *setup) {
		s.table = func(t *policy.Table) { slowMachine(t); t.Postgres.Replicas.Pause = time.Hour }
	})
	asked(t, b.db, 2)
	cluster.Leader.Kill()
	b.db.Reset()
	write := func() error {
		_, err := b.db.Exec(t.Context(), `select 1`)
		return err
	}
	if err := write(); err == nil || errors.Is(err, errNoLeader) {
		t.Fatalf("the first to ask got %v", err)
	}
	beside, err := b.db.Beside(cluster.URL, dialer, policy.Postgres{ConnectTimeout: time.Minute, ConnectPatience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(beside.Close)
	for about, db := range map[string]*DB{"the pool": b.db, "another pool": beside} {
		if _, err := db.Exec(t.Context(), `select 1`); !errors.Is(err, errNoLeader) {
			t.Errorf("%s asked again: %v", about, err)
		}
	}
	cluster.Promote(cluster.Replicas[1])
	asked(t, b.db, 2)
	if err := write(); err != nil {
		t.Errorf("another one leads: %v", err)
	}
}

// TestAnotherLeaderEndsTheWait: whoever waits for an answer of a leader that has gone silent has a connection to the next
// one as soon as that is heard of, whatever the limits, and no pause is made for having asked in vain.
func TestAnotherLeaderEndsTheWait(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t, 2)
	next := cluster.Replicas[1]
	var silent atomic.Bool
	asked := make(chan struct{}, 1)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr != cluster.Leader.Addr || !silent.Load() {
			return dialer(ctx, network, addr)
		}
		asked <- struct{}{}
		return new(silentServer).dial(ctx, network, addr)
	}
	p := policy.Postgres{ConnectTimeout: time.Hour, ConnectPatience: time.Hour, Connects: 4, Replicas: policy.Replicas{Connects: 2, Pause: time.Hour}}
	db := openDB(t, cluster.URL, dial, p)
	beside, err := db.Beside(cluster.URL, dialer, p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(beside.Close)
	exec(t, db, `select 1`)
	silent.Store(true)
	db.Reset()
	type outcome struct {
		addr string
		err  error
	}
	waiting := make(chan outcome, 1)
	go func() {
		conn, err := acquire(t.Context(), db.Pool)
		if err != nil {
			waiting <- outcome{err: err}
			return
		}
		defer conn.Release()
		waiting <- outcome{addr: conn.Conn().PgConn().Conn().RemoteAddr().String()}
	}()
	<-asked
	cluster.Leader.Kill()
	cluster.Promote(next)
	select {
	case got := <-waiting:
		t.Fatalf("before another leader is known, who waits got %v", got)
	default:
	}
	exec(t, beside, `select 1`)
	if got := <-waiting; got.err != nil || got.addr != next.Addr {
		t.Errorf("who waits got %v, want a connection to %s", got, next.Addr)
	}
}

// TestAServerThatNobodyReadsFromIsHeardOf: whoever is promoted is known to lead though no pool is connected to it, also after
// it was away; one connection each is enough to know it, and it ends with the watch.
func TestAServerThatNobodyReadsFromIsHeardOf(t *testing.T) {
	t.Parallel()
	cluster := testenv.NewPostgresCluster(t, 2)
	next := cluster.Replicas[1]
	p := policy.Postgres{ConnectPatience: time.Minute, Connects: 2, Replicas: policy.Replicas{Connects: 1, Ask: 10 * time.Millisecond, Pause: time.Hour}}
	db := openDB(t, cluster.URL, dialer, p)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		db.WatchLead(ctx)
	}()
	knows := func(what, addr string) {
		t.Helper()
		eventually(t, what, func() bool { return db.together.lead.led(addr) })
	}
	follows := func(addr string) bool {
		db.together.lead.mu.Lock()
		defer db.together.lead.mu.Unlock()
		return time.Since(db.together.lead.follows[addr]) < time.Second
	}
	knows("who leads is known", cluster.Leader.Addr)
	eventually(t, "who follows is known", func() bool { return follows(next.Addr) })
	next.Kill()
	eventually(t, "it says nothing any more", func() bool { return !follows(next.Addr) })
	next.Start()
	eventually(t, "it is asked again", func() bool { return follows(next.Addr) })
	cluster.Leader.Kill()
	cluster.Promote(next)
	knows("who leads now is known", next.Addr)

	watchers := func() (n int) {
		return query[int](t, db, `select count(*) from pg_stat_activity where application_name = 'afloat' and pid <> pg_backend_pid()`)
	}
	if n := watchers(); n != 1 {
		t.Errorf("the watch has %d connections to the leader, want 1", n)
	}
	stop()
	<-ended
	eventually(t, "the watch's connection is closed", func() bool { return watchers() == 0 })
}
