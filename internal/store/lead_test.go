package store

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/policy"
	"afloat/internal/testenv"
)

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
