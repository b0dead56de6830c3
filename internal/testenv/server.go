package testenv

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// Server is a server of one test's own, to be broken. Its URL stays the same whatever happens to it. The methods end the
// test when they fail, so they belong on the test's own goroutine.
type Server struct {
	URL string

	t   testing.TB
	srv server
}

// NewPostgres starts a PostgreSQL with an empty database, stopped when the test ends.
func NewPostgres(t testing.TB) *Server { t.Helper(); return newServer(t, postgresKind) }

// NewRedis starts an empty Redis, stopped when the test ends.
func NewRedis(t testing.TB) *Server { t.Helper(); return newServer(t, redisKind) }

// Pause stops every process of the server where it is (SIGSTOP): connections stay open and silent, new ones are accepted
// by the kernel and then silent.
func (s *Server) Pause() { s.t.Helper(); s.must("pause", s.srv.pause) }

// Resume lets a paused server go on.
func (s *Server) Resume() { s.t.Helper(); s.must("resume", s.srv.resume) }

// Kill ends every process of the server (SIGKILL), paused or not, and keeps it down until Restart.
func (s *Server) Kill() { s.t.Helper(); s.must("kill", s.srv.kill) }

// Restart starts a killed server again on its data and its port, and waits until it serves.
func (s *Server) Restart() { s.t.Helper(); s.must("restart", s.srv.restart) }

func (s *Server) must(what string, do func(context.Context) error) {
	s.t.Helper()
	if err := do(s.t.Context()); err != nil {
		s.t.Fatalf("%s the server: %v", what, err)
	}
}

func newServer(t testing.TB, k kind) *Server {
	t.Helper()
	srv, err := start(t.Context(), k, t.Logf)
	if err != nil {
		t.Fatalf("no %s to test with: %v (`make test` installs what is missing)", k.name, err)
	}
	t.Cleanup(srv.close)
	u := srv.url()
	return &Server{URL: u.String(), t: t, srv: srv}
}

// server is how one is run: in a container, or as a child process.
type server interface {
	url() url.URL
	pause(context.Context) error
	resume(context.Context) error
	kill(context.Context) error
	restart(context.Context) error
	close()
}

// start decides how: what is insisted on, or a container where an engine answers and has or gets the image, or a child.
func start(ctx context.Context, k kind, logf func(string, ...any)) (server, error) {
	insisted := os.Getenv("AFLOAT_TEST_SERVERS")
	switch insisted {
	case "", "docker", "private":
	default:
		return nil, fmt.Errorf("AFLOAT_TEST_SERVERS is %q: want docker, private, or nothing", insisted)
	}
	if insisted == "private" {
		return startPrivate(ctx, k)
	}
	engine, err := dockerEngine(ctx)
	if err == nil {
		var srv server
		if srv, err = startContainer(ctx, engine, k); err == nil {
			return srv, nil
		}
		if insisted == "" {
			logf("a Docker engine answers, but %s does not start there, so a private child is used: %v", k.image, err)
		}
	}
	if insisted == "docker" {
		return nil, fmt.Errorf("AFLOAT_TEST_SERVERS=docker: %w", err)
	}
	return startPrivate(ctx, k)
}

// kind is what differs between the two servers.
type kind struct {
	name  string // as package local calls it
	image string
	port  string
	env   map[string]string
	cmd   []string // nil: the image's own
	url   url.URL  // its host is to be filled in
	ping  func(ctx context.Context, location string) error
}

const (
	containerUser     = "afloat"
	containerPassword = "afloat" // reached over the loopback, for the time of a test
)

var postgresKind = kind{
	name: "postgres", image: "postgres:17-trixie", port: "5432/tcp",
	env: map[string]string{"POSTGRES_USER": containerUser, "POSTGRES_PASSWORD": containerPassword, "POSTGRES_DB": "afloat"},
	url: url.URL{
		Scheme: "postgres", User: url.UserPassword(containerUser, containerPassword),
		Path: "afloat", RawQuery: "sslmode=disable",
	},
	ping: func(ctx context.Context, location string) error {
		conn, err := pgx.Connect(ctx, location)
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	},
}

var redisKind = kind{
	name: "redis", image: "redis:8-trixie", port: "6379/tcp", url: url.URL{Scheme: "redis"},
	cmd: []string{"redis-server",
		"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction", // as package local has it
		"--protected-mode", "no"}, // it has no password, and what comes through a published port doesn't come from its own loopback
	ping: func(ctx context.Context, location string) error {
		options, err := redis.ParseURL(location)
		if err != nil {
			return err
		}
		// Refused by the network first, since go-redis logs what it can't dial.
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", options.Addr)
		if err != nil {
			return err
		}
		_ = conn.Close()
		client := redis.NewClient(options)
		defer client.Close()
		return client.Ping(ctx).Err()
	},
}

// ready waits until the server serves. The limits only end a hopeless wait.
func (k kind) ready(ctx context.Context, location string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		err := k.ping(try, location)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", k.name, err)
		case <-time.After(readyEvery):
		}
	}
}

// A slow machine's limits; a test that passes never meets them.
const (
	startTimeout = 2 * time.Minute
	imageTimeout = 3 * time.Minute // a registry out of reach is tried again and again for longer than that
	stopTimeout  = 20 * time.Second
	tryTimeout   = 2 * time.Second
	readyEvery   = 10 * time.Millisecond
)
