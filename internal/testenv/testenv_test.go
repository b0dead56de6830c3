package testenv

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

func connect(t *testing.T, location string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func redisClient(t *testing.T, location string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(location)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestPostgresDatabasesAreSeparateAndDropped(t *testing.T) {
	var first string
	t.Run("a test", func(t *testing.T) {
		first = Postgres(t)
		if _, err := connect(t, first).Exec(t.Context(), "CREATE TABLE mine (x int)"); err != nil {
			t.Fatal(err)
		}
		if _, err := connect(t, Postgres(t)).Exec(t.Context(), "CREATE TABLE mine (x int)"); err != nil {
			t.Errorf("a second database: %v", err)
		}
	})
	conn, err := pgx.Connect(t.Context(), first)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Error("the database outlives its test")
	}
}

func TestRedisDatabasesAreSeparateAndEmpty(t *testing.T) {
	for range 2 * cap(logicalDB) { // numbers are used again
		t.Run("a test", func(t *testing.T) {
			one, two := redisClient(t, Redis(t)), redisClient(t, Redis(t))
			for _, client := range []*redis.Client{one, two} {
				if n, err := client.DBSize(t.Context()).Result(); err != nil || n != 0 {
					t.Fatalf("%d keys, %v; want an empty database", n, err)
				}
				if err := client.Set(t.Context(), "mine", 1, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Each way to run a server that tests are given on this machine must break and heal alike.
func TestOutages(t *testing.T) {
	kinds := map[string]func(testing.TB) *Server{"postgres": NewPostgres, "redis": NewRedis}
	pings := map[string]kind{"postgres": postgresKind, "redis": redisKind}
	ways := []string{"private"}
	if given := os.Getenv("AFLOAT_TEST_SERVERS"); given != "private" {
		ways = append(ways, given)
	}
	for _, way := range ways {
		for name, start := range kinds {
			t.Run("servers="+way+"/"+name, func(t *testing.T) {
				t.Setenv("AFLOAT_TEST_SERVERS", way)
				s := start(t)
				serves := func() error { return pings[name].ping(t.Context(), s.URL) }
				if err := serves(); err != nil {
					t.Fatal(err)
				}
				open := dial(t, s)
				if err := ask(open, name, time.Time{}); err != nil { // PostgreSQL has a process for it now
					t.Fatal(err)
				}

				s.Pause()
				for _, conn := range []net.Conn{open, dial(t, s)} {
					if err := ask(conn, name, time.Now().Add(100*time.Millisecond)); !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("paused: %v; want silence", err)
					}
				}
				s.Resume()
				if err := serves(); err != nil {
					t.Errorf("resumed: %v", err)
				}

				s.Kill()
				if err := serves(); err == nil {
					t.Error("killed, and answers")
				}
				s.Restart()
				if err := serves(); err != nil {
					t.Errorf("restarted: %v", err)
				}

				s.Pause()
				s.Kill()
				s.Restart()
				if err := serves(); err != nil {
					t.Errorf("killed while paused, and restarted: %v", err)
				}
				s.Pause() // as a failing test may leave it
			})
		}
	}
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	u := s.srv.url()
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends what the server answers at once, whoever asks, and waits until the deadline for that.
func ask(conn net.Conn, name string, deadline time.Time) error {
	question := "PING\r\n"
	if name == "postgres" {
		question = "\x00\x00\x00\x08\x04\xd2\x16\x2f" // SSLRequest
	}
	if _, err := io.WriteString(conn, question); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1024))
	return err
}

func TestUnknownWayIsRefused(t *testing.T) {
	t.Setenv("AFLOAT_TEST_SERVERS", "podmen")
	if _, err := start(t.Context(), redisKind, t.Logf); err == nil || !strings.Contains(err.Error(), "podmen") {
		t.Errorf("error %v; want one naming the value", err)
	}
}
