package store

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/policy"
)

func capOf(d time.Duration) *atomic.Int64 {
	limit := new(atomic.Int64)
	limit.Store(int64(d))
	return limit
}

func cappedPipe(t *testing.T, limit time.Duration) (c net.Conn, peer net.Conn) {
	inner, peer := net.Pipe()
	c, err := capReads(func(context.Context, string, string) (net.Conn, error) { return inner, nil }, capOf(limit))(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), peer.Close() })
	return c, peer
}

func TestReadCap(t *testing.T) {
	read := func(c net.Conn) (time.Duration, error) {
		start := time.Now()
		_, err := c.Read(make([]byte, 1))
		return time.Since(start), err
	}
	cases := map[string]struct {
		client func(c net.Conn) // what the client sets, before reading
		during func(c net.Conn) // what it sets 0.2 s into the read
		want   time.Duration
	}{
		"none":              {want: time.Second},
		"earlier":           {client: func(c net.Conn) { _ = c.SetReadDeadline(time.Now().Add(300 * ms)) }, want: 300 * ms},
		"earlier, both":     {client: func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(300 * ms)) }, want: 300 * ms},
		"later":             {client: func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(time.Hour)) }, want: time.Second},
		"set while reading": {during: func(c net.Conn) { _ = c.SetDeadline(time.Now()) }, want: 200 * ms},
		"lifted while reading": {
			client: func(c net.Conn) { _ = c.SetDeadline(time.Now().Add(300 * ms)) },
			during: func(c net.Conn) { _ = c.SetDeadline(time.Time{}) }, want: 1200 * ms,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, _ := cappedPipe(t, time.Second)
				if c.client != nil {
					c.client(conn)
				}
				if c.during != nil {
					time.AfterFunc(200*ms, func() { c.during(conn) })
				}
				if took, err := read(conn); took != c.want || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the read ended after %v with %v, want a timeout after %v", took, err, c.want)
				}
			})
		})
	}
}

func TestReadCapCountsEachReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := cappedPipe(t, time.Second)
		go func() {
			for range 5 {
				time.Sleep(900 * ms)
				_, _ = peer.Write([]byte{1})
			}
		}()
		if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
			t.Errorf("a steady reply was cut off: %v", err)
		}
	})
}

func TestReadCapPassesOnWhatDialingMet(t *testing.T) {
	refused := errors.New("refused")
	_, err := capReads(func(context.Context, string, string) (net.Conn, error) { return nil, refused }, capOf(time.Second))(t.Context(), "", "")
	wantErr(t, err, refused)
}

// swallower is a link that loses what it is given, for good: a connection that was used while it swallowed stays
// silent, as when a middlebox has forgotten it.
type swallower struct {
	on    atomic.Bool
	abyss net.Listener // accepts, and says nothing

	mu   sync.Mutex
	lost []net.Conn
}

func newSwallower(t *testing.T) *swallower {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &swallower{abyss: l}
}

// close ends the wait of whoever still waits for what was lost.
func (s *swallower) close() {
	_ = s.abyss.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.lost {
		_ = c.Close()
	}
}

func (s *swallower) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if s.on.Load() {
		addr = s.abyss.Addr().String()
	}
	c, err := dialer(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &swallowed{Conn: c, link: s, now: c}, nil
}

type swallowed struct {
	net.Conn // as it was dialed
	link     *swallower

	mu  sync.Mutex
	now net.Conn // the same, or what has no other end
}

func (c *swallowed) current() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *swallowed) Read(p []byte) (int, error) { return c.current().Read(p) }
func (c *swallowed) Close() error               { return c.current().Close() }

// A deadline holds for both: a read may have begun before the link swallowed the connection.
func (c *swallowed) SetDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetDeadline(t), c.current().SetDeadline(t))
}
func (c *swallowed) SetReadDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetReadDeadline(t), c.current().SetReadDeadline(t))
}
func (c *swallowed) SetWriteDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetWriteDeadline(t), c.current().SetWriteDeadline(t))
}

func (c *swallowed) Write(p []byte) (int, error) {
	if c.link.on.Load() {
		lost, err := dialer(context.Background(), "tcp", c.link.abyss.Addr().String())
		if err != nil {
			return 0, err
		}
		c.link.mu.Lock()
		c.link.lost = append(c.link.lost, c.Conn, lost)
		c.link.mu.Unlock()
		c.mu.Lock()
		c.now = lost
		c.mu.Unlock()
	}
	return c.current().Write(p)
}

// After the link is back the pool must not go on waiting for the connections that the link has lost.
func TestReadCapFreesAPoolThatWasSwallowed(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	recover := func(t *testing.T, limit, patience time.Duration) (time.Duration, bool) {
		link := newSwallower(t)
		p := policy.Afloat().Postgres
		p.MaxConns, p.MinIdleConns, p.ReadCap = 4, 0, limit
		db := openDB(t, url, link.dial, p)
		t.Cleanup(link.close)
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), policy.Afloat().PostReads.AttemptDeadline)
			defer cancel()
			var one int
			return db.QueryRow(ctx, `select 1`).Scan(&one)
		}
		var all sync.WaitGroup
		for range p.MaxConns {
			all.Go(func() {
				conn, err := db.Acquire(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(50 * ms) // until each has one
				conn.Release()
			})
		}
		all.Wait()
		link.on.Store(true)
		for range 2 * p.MaxConns {
			all.Go(func() {
				if ask() == nil {
					t.Error("an answer through a link that swallows")
				}
			})
		}
		all.Wait()
		link.on.Store(false)
		start := time.Now()
		for time.Since(start) < patience {
			if ask() == nil {
				return time.Since(start), true
			}
			time.Sleep(5 * ms)
		}
		return time.Since(start), false
	}
	t.Run("with", func(t *testing.T) {
		t.Parallel()
		took, ok := recover(t, policy.Afloat().Postgres.ReadCap, 20*time.Second)
		t.Logf("with the cap: %v", took.Round(ms))
		if !ok || took > 2*time.Second {
			t.Errorf("recovered after %v, want at most 2s", took)
		}
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		if took, ok := recover(t, 0, 3*time.Second); ok {
			t.Errorf("recovered after %v without the cap: then what is it for?", took)
		}
	})
}
