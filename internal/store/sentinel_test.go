package store

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/fault"
	"afloat/internal/testenv"
)

// failover breaks the primary of a Redis with sentinels, and returns how long there were no writes: from the last before
// to the first of a server that goes on answering.
func failover(t *testing.T, breakIt func(r *testenv.RedisCluster, client *redis.Client)) time.Duration {
	t.Helper()
	cluster := testenv.NewRedisCluster(t)
	client, err := OpenRedis(cluster.URL, dialer, testenv.Table().RedisLib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	write := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 40*ms) // a row's deadline
		defer cancel()
		return client.Set(ctx, "key", "value", 0).Err()
	}
	eventually(t, "the sentinels know each other and the replicas", func() bool { return ready(t, cluster) })
	var held []*redis.Conn // idle connections, more than any probes would use up
	for range 30 {
		conn := client.Conn()
		if err := conn.Ping(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	for _, conn := range held {
		_ = conn.Close() // gives it back
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	breakIt(cluster, client)
	// Two calls a second are what an open breaker lets through.
	within(t, time.Minute, "writes again", func() bool { time.Sleep(250 * ms); return write() == nil })
	return time.Since(start)
}

// ready reports whether a failover would go well: each sentinel knows both others and both replicas.
func ready(t *testing.T, cluster *testenv.RedisCluster) bool {
	o, err := redis.ParseFailoverURL(cluster.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range cluster.Sentinels {
		c := redis.NewSentinelClient(&redis.Options{Addr: p.Addr, Password: o.SentinelPassword})
		about, err := c.Master(t.Context(), o.MasterName).Result()
		_ = c.Close()
		if err != nil || about["num-slaves"] != "2" || about["num-other-sentinels"] != "2" || about["flags"] != "master" {
			return false
		}
	}
	return true
}

// Whatever becomes of the primary, writes go on where the sentinels say, though connections to it are left in the pool.
func TestSentinelFailover(t *testing.T) {
	const bound = 8 * time.Second // of a busy machine; the sentinels themselves take about 2
	for name, breakIt := range map[string]func(*testenv.RedisCluster, *redis.Client){
		"killed": func(r *testenv.RedisCluster, _ *redis.Client) { r.Servers[0].Kill() },
		"silent": func(r *testenv.RedisCluster, _ *redis.Client) { r.Servers[0].Pause() },
		"silent, and a sentinel with it": func(r *testenv.RedisCluster, _ *redis.Client) {
			r.Servers[0].Pause()
			r.Sentinels[0].Pause()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if took := failover(t, breakIt); took > bound {
				t.Errorf("%v without writes", took)
			} else {
				t.Logf("%v without writes", took)
			}
		})
	}
}

// A primary that comes back as a replica, while connections to it are open, is left too.
func TestDemotedPrimaryIsLeft(t *testing.T) {
	t.Parallel()
	took := failover(t, func(r *testenv.RedisCluster, _ *redis.Client) {
		o, err := redis.ParseFailoverURL(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewSentinelClient(&redis.Options{Addr: r.Sentinels[1].Addr, Password: o.SentinelPassword})
		defer c.Close()
		if err := c.Failover(t.Context(), o.MasterName).Err(); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%v without writes", took)
}

// The sentinels are dialled as Redis is, so that the lab's faults reach them; and who can't ask them says so without a secret.
func TestSentinelsOutOfReach(t *testing.T) {
	link := fault.NewLink("redis")
	t.Cleanup(link.Close)
	down(link)
	client, err := OpenRedis("redis://:hush@127.0.0.1:1/0?addr=127.0.0.1:2&master_name=afloat&password=hush2", Dial(link.Dialer(dialer)), testenv.Table().RedisLib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	for range 40 { // more than go-redis would take before it refuses by itself
		err = client.Ping(t.Context()).Err()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "hush") {
		t.Errorf("sentinels out of reach: %q", err)
	}
	for _, url := range []string{"redis://:hush@127.0.0.1:1/0?master_name=afloat&nonsense=hush", "redis://:hush@127.0.0.1:1/hush?master_name=a"} {
		if _, err := OpenRedis(url, dialer, testenv.Table().RedisLib); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("a bad URL: %v", err)
		}
	}
}
