package store

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/resilience"
)

// querier is whatever runs a query: a pool, or one connection of it.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// A reader is a pool of connections to a replica, or to the leader where no
// replica answers.
type reader struct {
	*pgxpool.Pool
	restUntil atomic.Int64 // unix nanoseconds: until then the other one is asked first
}

func (r *reader) rests() bool { return time.Now().UnixNano() < r.restUntil.Load() }

// read makes one attempt of a read. With several servers it asks a replica, and
// each attempt of a call another one than the attempt before: what a retry or a
// hedge is to get around may be this very replica.
//
// A pool that failed, or whose replica is far behind, is the second choice for a
// moment. Without that, half of all reads would begin with the one that is down,
// and no budget pays for so many second attempts.
func read[T any](ctx context.Context, db *DB, use func(context.Context, querier) (T, error)) (v T, err error) {
	if db == nil {
		return v, errNoDatabase
	}
	return readWithin(ctx, db, db.grace, use)
}

// readWithin is read with a grace of its own (linger.go).
func readWithin[T any](ctx context.Context, db *DB, grace time.Duration, use func(context.Context, querier) (T, error)) (v T, err error) {
	from := readingOf(ctx)
	if !db.Replicated() || from.leader {
		return linger(ctx, db.Pool, grace, func(ctx context.Context, conn *pgxpool.Conn) (T, error) { return use(ctx, conn) })
	}
	r, attempt := from.take(db)
	got, err := linger(ctx, r.Pool, grace, func(ctx context.Context, conn *pgxpool.Conn) (told[T], error) {
		return askReplica(ctx, conn, db.together.lead, use)
	})
	behind := db.behind > 0 && got.lag > db.behind
	failed := err != nil && Classify(err) != resilience.Neutral
	if behind || failed && !errors.Is(ctx.Err(), context.Canceled) { // of a hedge's copies the slower one is cancelled, and may be well
		r.restUntil.Store(time.Now().Add(db.rest).UnixNano())
	}
	if !failed {
		from.answer(attempt, got.name, got.lag, behind)
	}
	return got.v, err
}

// told is what a replica answered, and how far behind it was.
type told[T any] struct {
	v    T
	name string
	lag  time.Duration
}

// askReplica runs use on one connection, after asking there how far behind the server
// is: what use reads is at least as new as that.
func askReplica[T any](ctx context.Context, conn *pgxpool.Conn, l *lead, use func(context.Context, querier) (T, error)) (got told[T], err error) {
	var seconds float64
	err = conn.QueryRow(ctx, `select extract(epoch from clock_timestamp() - at)::float8 from heartbeat where pg_is_in_recovery()`).Scan(&seconds)
	switch {
	case err == nil:
		got.name, got.lag = nameOf(conn.Conn().PgConn()), max(0, time.Duration(seconds*float64(time.Second)))
	case !errors.Is(err, pgx.ErrNoRows): // no row: it is the leader
		return got, err
	}
	l.says(conn.Conn().PgConn(), err != nil)
	got.v, err = use(ctx, conn)
	return got, err
}

func nameOf(conn *pgconn.PgConn) string {
	addr := conn.Conn().RemoteAddr().String()
	if host, port, err := net.SplitHostPort(addr); err == nil && port == "5432" {
		return host
	}
	return addr
}

// A Reading is one guarded read: the turns that its attempts take, and what is
// known of the server that answered. Its methods are safe for concurrent use.
type Reading struct {
	leader bool

	mu       sync.Mutex
	first    uint32
	attempts uint32
	answers  []servedBy
}

type servedBy struct {
	attempt uint32
	replica string
	lag     time.Duration
	behind  bool
}

type (
	readingKey struct{}
	leaderKey  struct{}
)

// BeginReading returns a context for one guarded read of the database, and what
// will be known of it.
func BeginReading(ctx context.Context) (context.Context, *Reading) {
	r := &Reading{leader: ctx.Value(leaderKey{}) != nil}
	return context.WithValue(ctx, readingKey{}, r), r
}

// FromLeader returns a context whose reads ask the leader, for a reader who must
// see what they have just written.
func FromLeader(ctx context.Context) context.Context {
	return context.WithValue(ctx, leaderKey{}, true)
}

func readingOf(ctx context.Context) *Reading {
	if r, ok := ctx.Value(readingKey{}).(*Reading); ok {
		return r
	}
	_, r := BeginReading(ctx)
	return r
}

// take is the next attempt's turn.
func (r *Reading) take(db *DB) (*reader, uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := uint32(len(db.readers))
	if r.attempts == 0 {
		r.first = db.turn.Add(1)
		if db.readers[r.first%n].rests() && !db.readers[(r.first+1)%n].rests() {
			r.first++
		}
	}
	attempt := r.attempts
	r.attempts++
	return db.readers[(r.first+attempt)%n], attempt
}

func (r *Reading) answer(attempt uint32, replica string, lag time.Duration, behind bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers = append(r.answers, servedBy{attempt, replica, lag, behind})
}

// answered is what is known of the answer. If both copies of a hedge came back
// with one, the first copy's counts, as in resilience.Hedge.
func (r *Reading) answered() servedBy {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.answers) == 0 {
		return servedBy{}
	}
	return slices.MinFunc(r.answers, func(a, b servedBy) int { return int(a.attempt) - int(b.attempt) })
}

// Tell adds to the provenance of a value read from a replica which one it was.
// Such a value is as old as the replica was behind; too far behind, it is Stale.
func (r *Reading) Tell(p *resilience.Provenance) { r.answered().tell(p) }

func (a servedBy) tell(p *resilience.Provenance) {
	if a.replica == "" {
		return
	}
	p.Replica, p.Lag, p.At = a.replica, a.lag, p.At.Add(-a.lag)
	if a.behind {
		p.State, p.Err = resilience.Stale, resilience.ErrBehind
	}
}
