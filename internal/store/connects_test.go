package store

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/policy"
	"afloat/internal/testenv"
)

// A silentServer takes connections and never says anything.
type silentServer struct {
	mu           sync.Mutex
	atOnce, most int
	took         []time.Duration // until the client gave up, of each connection
}

func (s *silentServer) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atOnce++
	s.most = max(s.most, s.atOnce)
	began := time.Now()
	go func() { _, _ = io.Copy(io.Discard, server) }()
	return &closing{Conn: client, closed: sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.atOnce--
		s.took = append(s.took, time.Since(began))
	})}, nil
}

// closing is a connection that tells when its client gives it up.
type closing struct {
	net.Conn
	closed func()
}

func (c *closing) Close() error {
	c.closed()
	return c.Conn.Close()
}

// TestConnectsWaitAtTheClient: however many want a connection of a server that is late, it is asked for few at a time,
// and less and less often.
func TestConnectsWaitAtTheClient(t *testing.T) {
	for places, want := range map[int]struct{ most, dials int }{
		1: {most: 1, dials: 10}, // 400 + 800 + 9 × 1000 ms, and the last is still under way
		2: {most: 2, dials: 20},
		0: {most: 32, dials: 32 * 10_000 / 400}, // without the bulkhead
	} {
		synctest.Test(t, func(t *testing.T) {
			var s silentServer
			p := policy.Afloat().Postgres
			p.Connects, p.MinIdleConns = places, 0
			if places == 0 {
				p.ConnectPatience = 0
			}
			db, err := OpenPostgres("postgres://blog:secret@127.0.0.1/blog?sslmode=disable", s.dial, p)
			if err != nil {
				t.Fatal(err)
			}
			end := time.Now().Add(10*time.Second + 200*ms)
			var readers sync.WaitGroup
			for range 40 {
				readers.Go(func() {
					for time.Now().Before(end) {
						ctx, cancel := context.WithTimeout(t.Context(), 70*ms)
						if _, err := db.Exec(ctx, "select 1"); err == nil {
							t.Error("a silent server answered")
						}
						cancel()
					}
				})
			}
			readers.Wait()
			s.mu.Lock()
			got := len(s.took)
			s.mu.Unlock()
			db.Close()
			if s.most != want.most || got < want.dials || got > want.dials+want.dials/5+want.most {
				t.Errorf("%d places: %d connections, at most %d at once; want about %d and %d", places, got, s.most, want.dials, want.most)
			}
			if places == 1 {
				if got := s.took[:4]; !slices.Equal(got, []time.Duration{400 * ms, 800 * ms, time.Second, time.Second}) {
					t.Errorf("they were waited for %v", got)
				}
			}
		})
	}
}

// TestConnectPatienceEnds: it goes by how long the last connection took that came about, and a refusal says nothing about time.
func TestConnectPatienceEnds(t *testing.T) {
	s := &connects{own: placesFor(1), all: placesFor(1), limit: 400 * ms, longest: time.Second}
	end := func(err error, took time.Duration) time.Duration {
		if err := errors.Join(s.own.take(t.Context()), s.all.take(t.Context())); err != nil {
			t.Fatal(err)
		}
		one := &setUp{of: s}
		one.TraceConnectStart(t.Context(), pgx.TraceConnectStartData{})
		one.began.Store(time.Now().Add(-took).UnixNano())
		one.TraceConnectEnd(t.Context(), pgx.TraceConnectEndData{Err: err})
		return s.patience()
	}
	late := lateError(t)
	for i, step := range []struct {
		err        error
		took, want time.Duration
	}{
		{late, 400 * ms, 800 * ms}, {net.ErrClosed, 0, 800 * ms}, {late, 800 * ms, time.Second}, {late, time.Second, time.Second},
		{nil, 700 * ms, time.Second}, {nil, 300 * ms, 800 * ms}, {net.ErrClosed, 0, 800 * ms}, {nil, 20 * ms, 400 * ms}, {net.ErrClosed, 0, 400 * ms},
	} {
		if got := end(step.err, step.took); got != step.want {
			t.Errorf("step %d, after %v: %v, want %v", i, step.err, got, step.want)
		}
	}
}

// TestNoConnectionIsMadeInVain: of those who wanted one, whoever waited until connections had become idle takes one of those.
func TestNoConnectionIsMadeInVain(t *testing.T) {
	p := policy.Afloat().Postgres
	p.Connects, p.MinIdleConns, p.ConnectTimeout, p.ConnectPatience = 1, 0, time.Minute, time.Minute
	var dials atomic.Int32
	slow := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		time.Sleep(50 * ms)
		return dialer(ctx, network, addr)
	}
	db := openDB(t, testenv.Postgres(t), slow, p)
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			conn, err := acquire(t.Context(), db.Pool)
			if err != nil {
				t.Error(err)
				return
			}
			conn.Release()
		})
	}
	readers.Wait()
	if n := dials.Load(); n > 5 {
		t.Errorf("20 readers who each need a connection for a moment had %d made", n)
	}
}

// lateError is what pgx says of a set-up that reached its limit.
func lateError(t *testing.T) (err error) {
	t.Helper()
	c, err := pgx.ParseConfig("postgres://blog:secret@127.0.0.1/blog?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	c.ConnectTimeout, c.DialFunc = time.Millisecond, new(silentServer).dial
	if _, err = pgx.ConnectConfig(t.Context(), c); err == nil {
		t.Fatal("a silent server let somebody in")
	}
	return err
}
