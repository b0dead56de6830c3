// Package testenv gives tests a real PostgreSQL and a real Redis: in containers where a Docker engine answers, else as
// private child processes (package local). A package's tests share a server of each, started when the first test asks;
// tests that break a server get one of their own. Nothing is skipped: without servers a test fails and says what to do.
//
// AFLOAT_TEST_SERVERS=docker or =private insists on one of the two.
package testenv

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// shared is a server that the tests of a package have in common.
type shared struct {
	kind kind
	mu   sync.Mutex
	srv  server
}

var (
	sharedPostgres = shared{kind: postgresKind}
	sharedRedis    = shared{kind: redisKind}

	inMain    atomic.Bool
	databases atomic.Int64
	logicalDB = make(chan int, 16) // as many as Redis has; those that no test is using
)

// Main runs a package's tests and then stops what they shared: func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }.
func Main(m *testing.M) int {
	inMain.Store(true)
	for db := range cap(logicalDB) {
		logicalDB <- db
	}
	defer sharedPostgres.close()
	defer sharedRedis.close()
	return m.Run()
}

// Postgres returns the URL of an empty database of the test's own, which is dropped when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := sharedPostgres.url(t)
	name := fmt.Sprintf("test_%d", databases.Add(1))
	exec := func(ctx context.Context, sql string) error {
		conn, err := pgx.Connect(ctx, admin.String())
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, sql)
		return err
	}
	if err := exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	own := admin
	own.Path = name
	return own.String()
}

// Redis returns the URL of an empty logical database of the test's own. Publish and subscribe reach beyond it.
func Redis(t testing.TB) string {
	t.Helper()
	own := sharedRedis.url(t)
	db := <-logicalDB
	t.Cleanup(func() { logicalDB <- db })
	own.Path = fmt.Sprint(db)
	options, err := redis.ParseURL(own.String())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatalf("empty the test's Redis database: %v", err)
	}
	return own.String()
}

func (s *shared) url(t testing.TB) url.URL {
	t.Helper()
	if !inMain.Load() {
		t.Fatal("testenv: this package's TestMain must run testenv.Main")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv == nil {
		srv, err := start(context.Background(), s.kind, t.Logf)
		if err != nil {
			t.Fatalf("no %s to test with: %v (`make test` installs what is missing)", s.kind.name, err)
		}
		s.srv = srv
	}
	return s.srv.url()
}

func (s *shared) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv != nil {
		s.srv.close()
	}
}
