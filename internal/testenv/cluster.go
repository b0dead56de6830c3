package testenv

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"afloat/internal/local"
)

// PostgresCluster is one of a test's own: a leader, and replicas that follow it
// by streaming. Nobody promotes one but the test.
type PostgresCluster struct {
	URL      string // of all, the leader first
	Leader   *Process
	Replicas []*Process

	t testing.TB
}

// NewPostgresCluster starts one with an empty database, stopped when the test ends.
func NewPostgresCluster(t testing.TB, replicas int) *PostgresCluster {
	t.Helper()
	tools, _ := local.Find()
	if tools.PGBin == "" {
		t.Fatal("no PostgreSQL to test with (`make test` installs it)")
	}
	c := newCluster(t)
	server, err := filepath.EvalSymlinks(filepath.Join(tools.PGBin, "postgres")) // pg_basebackup lies beside the program itself
	if err != nil {
		t.Fatal(err)
	}
	bin := func(name string) string { return filepath.Join(filepath.Dir(server), name) }
	run := func(data string, port int) *Process {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		ready := func(ctx context.Context) error { return postgresKind.ping(ctx, postgresAt(addr, "postgres")) }
		return c.process(addr, ready, bin("postgres"), "-D", data, "-c", "port="+strconv.Itoa(port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=100", "-c", "log_min_messages=panic")
	}

	data := filepath.Join(c.dir, "leader")
	c.must(bin("initdb"), "-D", data, "--no-sync", "--username", containerUser, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
	port := freePort(t)
	p := &PostgresCluster{Leader: run(data, port), t: t}
	p.exec(p.Leader, "CREATE DATABASE afloat")
	addrs := []string{p.Leader.Addr}
	for i := range replicas {
		data := filepath.Join(c.dir, fmt.Sprintf("replica-%d", i))
		c.must(bin("pg_basebackup"), "-D", data, "-d", postgresAt(p.Leader.Addr, ""), "-R", "-X", "stream", "-c", "fast", "--no-sync")
		p.Replicas = append(p.Replicas, run(data, freePort(t)))
		addrs = append(addrs, p.Replicas[i].Addr)
	}
	p.URL = postgresAt(strings.Join(addrs, ","), "afloat")
	return p
}

// Promote makes a replica the leader, and waits until it is.
func (p *PostgresCluster) Promote(replica *Process) {
	p.t.Helper()
	p.exec(replica, "SELECT pg_promote(wait => true)")
}

// PauseReplay has a replica go on answering, and follow no more.
func (p *PostgresCluster) PauseReplay(replica *Process) {
	p.t.Helper()
	p.exec(replica, "SELECT pg_wal_replay_pause()")
}

func (p *PostgresCluster) exec(on *Process, sql string) {
	p.t.Helper()
	conn, err := pgx.Connect(p.t.Context(), postgresAt(on.Addr, "postgres"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close(p.t.Context())
	if _, err := conn.Exec(p.t.Context(), sql); err != nil {
		p.t.Fatal(err)
	}
}

func postgresAt(addrs, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(containerUser), Host: addrs, Path: database, RawQuery: "sslmode=disable"}
	return u.String()
}

// RedisCluster is one of a test's own: a primary with two replicas, and three
// sentinels who replace it when it is silent for half a second.
type RedisCluster struct {
	URL       string // of the sentinels
	Servers   []*Process
	Sentinels []*Process
}

const sentinelPassword = "sentinel" // another than Redis': it must not be sent there

const sentinelConfig = `bind 127.0.0.1
port %d
dir %q
requirepass %s
sentinel monitor afloat 127.0.0.1 %s 2
sentinel auth-pass afloat %s
sentinel sentinel-pass %s
sentinel down-after-milliseconds afloat 500
sentinel failover-timeout afloat 1500
sentinel parallel-syncs afloat 2
`

// NewRedisCluster starts one, stopped when the test ends. The first of its
// servers is the primary.
func NewRedisCluster(t testing.TB) *RedisCluster {
	t.Helper()
	tools, _ := local.Find()
	if tools.Redis == "" {
		t.Fatal("no Redis to test with (`make test` installs it)")
	}
	c := newCluster(t)
	r := &RedisCluster{}
	for i := range 3 {
		port, name := freePort(t), fmt.Sprintf("redis-%d", i)
		args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", c.dir, "--dbfilename", name, "--save", "",
			"--requirepass", containerPassword, "--masterauth", containerPassword, "--repl-diskless-sync-delay", "0"}
		if i > 0 {
			_, primary, _ := net.SplitHostPort(r.Servers[0].Addr)
			args = append(args, "--replicaof", "127.0.0.1", primary)
		}
		r.Servers = append(r.Servers, c.redis(port, tools.Redis, args...))
	}
	_, primary, _ := net.SplitHostPort(r.Servers[0].Addr)
	addrs := url.Values{"master_name": {"afloat"}, "password": {containerPassword}}
	for i := range 3 {
		port, file := freePort(t), filepath.Join(c.dir, fmt.Sprintf("sentinel-%d.conf", i))
		text := fmt.Sprintf(sentinelConfig, port, c.dir, sentinelPassword, primary, containerPassword, sentinelPassword)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c.own(file)
		r.Sentinels = append(r.Sentinels, c.redis(port, tools.Redis, file, "--sentinel"))
		addrs.Add("addr", r.Sentinels[i].Addr)
	}
	first := r.Sentinels[0].Addr
	addrs["addr"] = addrs["addr"][1:]
	u := url.URL{Scheme: "redis", User: url.UserPassword("", sentinelPassword), Host: first, Path: "0", RawQuery: addrs.Encode()}
	r.URL = u.String()
	return r
}

// redis starts a server or a sentinel, which is ready when it answers at all.
func (c *cluster) redis(port int, program string, args ...string) *Process {
	c.t.Helper()
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	ready := func(ctx context.Context) error {
		client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
		defer client.Close()
		if err := client.Ping(ctx).Err(); err != nil && !redis.HasErrorPrefix(err, "NOAUTH") {
			return err
		}
		return nil
	}
	return c.process(addr, ready, program, args...)
}
