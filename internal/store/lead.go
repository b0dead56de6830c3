package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A lead is what a process knows of which of several servers leads, so that its pools connect to the right one.
//
// Problem: pgx learns who leads by connecting to each host in turn, and a connection is a process at that server, also
// where it only says that it follows. Without a leader, all pools of all servers ask all standbys, over and over: on a
// machine that makes 24 connections a second these alone kept it busy, and when a standby had been promoted it got to
// serve nobody. Mechanism: reads ask anyway whether the server follows, on connections that survive its promotion, so
// they tell for nothing; so does a server that was asked in vain, and each is asked by itself now and then
// (lead_watch.go). A pool of connections to the leader leaves out who has just said that it follows, and asks first who
// led last; a pool for reading asks the leader last. And whoever has asked in vain, for all pools, has them wait for a
// moment before one asks again, unless another leader is heard of: a leader that was shutting down was asked 24 times a
// second, which kept it from shutting down, and the next one from being elected. Whoever still waits for an answer of
// the one that led is told of the next, and asks that instead.
//
// What a server said of itself is believed for a short time. Hosts that are names aren't found, and are asked in the
// URL's order. A lead is safe for concurrent use, and a nil one knows nothing.
type lead struct {
	believed time.Duration // for how long, of who follows
	pause    time.Duration // after asking in vain, at most

	mu      sync.Mutex
	next    time.Time            // nobody is asked before
	addr    string               // who led last, as far as is known; else ""
	follows map[string]time.Time // when somebody said so
	other   chan struct{}        // closed when another one is known to lead
}

func newLead(believed, pause time.Duration) *lead {
	return &lead{believed: believed, pause: pause, follows: map[string]time.Time{}, other: make(chan struct{})}
}

// errNoLeader is safe to retry: nobody was asked.
var errNoLeader = errors.New("whoever led doesn't answer, and it is too early to ask who leads")

// early is nil, or says that the leader is not to be asked for yet.
func (l *lead) early() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Before(l.next) {
		return errNoLeader
	}
	return nil
}

// another is closed as soon as one is known to lead that isn't known now.
func (l *lead) another() <-chan struct{} {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.other
}

// led reports whether addr is who led last, as far as is known.
func (l *lead) led(addr string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addr == addr
}

// inVain notes that nobody who was asked leads, unless another one has been heard of since. The pause is random, as
// several processes are at it.
func (l *lead) inVain(another <-chan struct{}) {
	if l == nil || l.pause <= 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if another != l.other {
		return
	}
	l.next = time.Now().Add(l.pause/2 + rand.N(l.pause/2+1))
}

// toLeader has c ask who led last before others, and nobody who follows.
func (l *lead) toLeader(c *pgx.ConnConfig) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	led, others := l.split(l.mayLead(hostsOf(&c.Config)))
	setHosts(&c.Config, slices.Concat(led, others))
}

// toReplica has c ask who led last after the others, which keep their order.
func (l *lead) toReplica(c *pgx.ConnConfig) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	led, others := l.split(hostsOf(&c.Config))
	setHosts(&c.Config, slices.Concat(others, led))
}

// mayLead leaves out who has just said that it follows; if all did, the one
// that said so longest ago remains, for one of them is the next leader. l.mu is
// held, as in split.
func (l *lead) mayLead(hosts []host) []host {
	said := func(h host) time.Time { return l.follows[h.addr()] }
	may := slices.DeleteFunc(slices.Clone(hosts), func(h host) bool {
		return time.Since(said(h)) < l.believed
	})
	if len(may) > 0 {
		return may
	}
	return []host{slices.MinFunc(hosts, func(a, b host) int {
		return said(a).Compare(said(b))
	})}
}

// split tells who led last, if it is one of them, from the others.
func (l *lead) split(hosts []host) (led, others []host) {
	for _, h := range hosts {
		if h.addr() == l.addr {
			led = append(led, h)
		} else {
			others = append(others, h)
		}
	}
	return led, others
}

// says notes what a server says of itself.
func (l *lead) says(conn *pgconn.PgConn, leads bool) {
	if l == nil {
		return
	}
	addr := conn.Conn().RemoteAddr().String()
	l.mu.Lock()
	defer l.mu.Unlock()
	if leads {
		if l.addr != addr {
			l.addr, l.next = addr, time.Time{}
			close(l.other)
			l.other = make(chan struct{})
		}
		delete(l.follows, addr)
	} else {
		l.follows[addr] = time.Now()
	}
}

// writable is a validation for pgx: it takes no connection to a server that
// follows, and notes that it does.
func (l *lead) writable(ctx context.Context, conn *pgconn.PgConn) error {
	err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn)
	if refused := (*pgconn.PgError)(nil); err != nil && !conn.IsClosed() && !errors.As(err, &refused) {
		l.says(conn, false)
	}
	return err
}
