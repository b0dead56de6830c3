package store

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/policy"
)

// Dial opens a connection. cmd/blog passes one that the lab can break.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// DB is the pools of one database. The embedded one writes, and reads what must
// be the newest. Of a database with several servers it holds connections to the
// leader, and there are two more that read (replicas.go); with one server it is
// the only one.
type DB struct {
	*pgxpool.Pool
	listen *pgx.ConnConfig // for a connection beside the pool, for LISTEN

	leader  atomic.Pointer[pgxpool.Pool] // the embedded one, for connections that may be there before it is
	readers []*reader
	turn    atomic.Uint32 // reads begun
	rest    time.Duration
	behind  time.Duration
	grace   time.Duration

	ask, patience time.Duration // of WatchLead: how often, and how long for an answer

	together *together
}

// OpenPostgres makes the pools for a libpq URL. It connects to nothing yet, so a
// database that is down is no error.
//
// A URL with several hosts gets three pools, unless it has a
// target_session_attrs of its own, which says what the one pool is to be: one of
// connections to whichever server takes writes, and two for reading that prefer
// replicas. One of these two tries the hosts in order and the other in reverse,
// so that of a leader and two replicas they hold different ones.
func OpenPostgres(url string, dial Dial, p policy.Postgres) (*DB, error) {
	return openPostgres(url, dial, p, newTogether(p))
}

// Beside makes further pools, which take turns with db's when they connect, and
// learn with them who leads.
func (db *DB) Beside(url string, dial Dial, p policy.Postgres) (*DB, error) {
	return openPostgres(url, dial, p, db.together)
}

func openPostgres(url string, dial Dial, p policy.Postgres, with *together) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL isn't a libpq URL") // the parser's own error repeats the URL, password included
	}
	cfg.ConnConfig.DialFunc = pgconn.DialFunc(dial)
	cfg.ConnConfig.RuntimeParams["application_name"] = "afloat"
	hosts := hostsOf(&cfg.ConnConfig.Config)
	several := len(hosts) > 1 && cfg.ConnConfig.ValidateConnect == nil
	if several {
		cfg.ConnConfig.ValidateConnect = with.lead.writable
	}
	db := &DB{listen: cfg.ConnConfig.Copy(), rest: p.Replicas.Rest, behind: p.Replicas.Behind, grace: p.Grace, ask: p.Replicas.Ask, patience: p.ConnectPatience, together: with} // LISTEN waits for as long as it takes, so its reads have no cap
	configure(cfg, dial, p)
	if !several {
		db.Pool, err = newPool(&connects{all: with.all}, cfg, dial, p)
		return db, err
	}

	reading := cfg.Copy()
	reading.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPreferStandby
	if p.Replicas.ReadConns > 0 {
		reading.MaxConns = p.Replicas.ReadConns
	}
	if p.Replicas.Lifetime > 0 {
		// Half as much again at random, or all would be made anew at once.
		reading.MaxConnLifetime, reading.MaxConnLifetimeJitter = p.Replicas.Lifetime, p.Replicas.Lifetime/2
	}
	backwards := reading.Copy()
	slices.Reverse(hosts)
	setHosts(&backwards.ConnConfig.Config, hosts)
	if p.Replicas.WriteConns > 0 {
		cfg.MaxConns = p.Replicas.WriteConns
	}
	db.leaveWhenMoved(cfg)
	pools := make([]*pgxpool.Pool, 3)
	for i, c := range []*pgxpool.Config{cfg, reading, backwards} {
		s := &connects{own: with.leader, all: with.all, lead: with.lead, leader: i == 0}
		if !s.leader {
			s.own = placesFor(p.Replicas.Connects)
		}
		if pools[i], err = newPool(s, c, dial, p); err != nil {
			return nil, err
		}
	}
	db.leader.Store(pools[0])
	db.Pool, db.readers = pools[0], []*reader{{Pool: pools[1]}, {Pool: pools[2]}}
	return db, nil
}

// newPool makes a pool whose connections s sets up, unless nothing bounds how many at a time.
func newPool(s *connects, cfg *pgxpool.Config, dial Dial, p policy.Postgres) (*pgxpool.Pool, error) {
	if s.all == nil {
		return pgxpool.NewWithConfig(context.Background(), cfg)
	}
	s.bound(cfg, dial, p)
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err == nil {
		s.pool.Store(pool)
	}
	return pool, err
}

// configure sets what all pools have in common.
func configure(cfg *pgxpool.Config, dial Dial, p policy.Postgres) {
	if p.ReadCap > 0 {
		limit := new(atomic.Int64)
		limit.Store(int64(p.ReadCap))
		cfg.ConnConfig.DialFunc = capReads(dial, limit)
	}
	if p.ConnectTimeout > 0 {
		cfg.ConnConfig.ConnectTimeout = p.ConnectTimeout
	}
	if p.PingTimeout > 0 {
		cfg.PingTimeout = p.PingTimeout
	}
	if p.PingIdle > 0 {
		cfg.ShouldPing = func(_ context.Context, s pgxpool.ShouldPingParams) bool { return s.IdleDuration > p.PingIdle }
	}
	if p.MaxConns > 0 {
		cfg.MaxConns = p.MaxConns
	}
	cfg.MinIdleConns = p.MinIdleConns
}

// leaveWhenMoved drops the pool's connections when a server says on one of them
// that it is read-only (25006) or ends the session (57P01): it is the leader no
// more, and a retry on the next idle connection would only hear it again.
func (db *DB) leaveWhenMoved(cfg *pgxpool.Config) {
	usual := cfg.ConnConfig.OnPgError
	cfg.ConnConfig.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		if err.Code != readOnly && err.Code != shuttingDown {
			return usual(conn, err)
		}
		if pool := db.leader.Load(); pool != nil {
			pool.Reset()
		}
		return false // this connection is not to be used again either
	}
}

// SQLSTATEs of a server that is the leader no more.
const (
	readOnly     = "25006"
	shuttingDown = "57P01"
)

// Replicated reports whether the database has several servers. A nil DB hasn't.
func (db *DB) Replicated() bool { return db != nil && len(db.readers) > 0 }

// Pools are the pools by what they are for: readers, which does everything with
// one server; with several, leader, readers 1 and readers 2.
func (db *DB) Pools() ([]string, []*pgxpool.Pool) {
	if !db.Replicated() {
		return []string{"readers"}, []*pgxpool.Pool{db.Pool}
	}
	return []string{"leader", "readers 1", "readers 2"}, []*pgxpool.Pool{db.Pool, db.readers[0].Pool, db.readers[1].Pool}
}

// Close closes all pools, once their connections have been given back.
func (db *DB) Close() {
	for _, r := range db.readers {
		r.Close()
	}
	db.Pool.Close()
}

// A host is what a URL says of one: with sslmode=prefer it comes twice, and the order of these two matters.
type host []*pgconn.FallbackConfig

func (h host) addr() string { return net.JoinHostPort(h[0].Host, strconv.Itoa(int(h[0].Port))) }

// hostsOf groups what a URL says of where to connect by host.
func hostsOf(c *pgconn.Config) (hosts []host) {
	for _, f := range append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}, c.Fallbacks...) {
		if n := len(hosts); n > 0 && hosts[n-1][0].Host == f.Host && hosts[n-1][0].Port == f.Port {
			hosts[n-1] = append(hosts[n-1], f)
			continue
		}
		hosts = append(hosts, host{f})
	}
	return hosts
}

func setHosts(c *pgconn.Config, hosts []host) {
	all := slices.Concat(hosts...)
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = all[0].Host, all[0].Port, all[0].TLSConfig, all[1:]
}
