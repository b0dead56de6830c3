package experiments

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/resilience"
)

// An expiry is one trial: a copy that is fresh as callers begin to come, and expires while they do.
type expiry struct {
	policy resilience.StalePolicy
	fill   time.Duration // that the query takes
	fails  bool          // the first query does, after that time
	at     []time.Duration
}

// A herd is what expiries of one cache brought about: the queries, and those who came between the expiry and the end
// of the first query.
type herd struct {
	queries []float64 // of each expiry
	first   []float64 // seconds that the first query took
	waits   []time.Duration
	failed  int // of those who came meanwhile
	most    int // queries at the same moment
	taken   int // connections that the pool gave out, which counts the queries a second time
	queued  int // queries that had to wait for a connection
}

// query takes as long as it is told to, at Postgres, and fails then if its second argument is 1: it divides by what is
// left of its one row.
const query = `SELECT 1 / (count(*) - $2::bigint) FROM pg_sleep($1)`

// expire carries out one trial.
func (h *herd) expire(ctx context.Context, pool *pgxpool.Pool, e expiry) error {
	cache, err := resilience.NewCache(resilience.CacheOptions[int64]{Policy: e.policy, Keeper: &oneOf[int64]{}})
	if err != nil {
		return err
	}
	if err := warm(ctx, pool, query, 0.0, 0); err != nil {
		return err
	}
	before := pool.Stat()
	var made, running atomic.Int64
	var mu sync.Mutex
	var firstTook time.Duration
	var firstEnd time.Time
	fetch := func(context.Context) (v int64, p resilience.Provenance, err error) { // the experiment's own ctx ends it
		began, number := time.Now(), made.Add(1)
		now := running.Add(1)
		defer running.Add(-1)
		fail := 0
		if e.fails && number == 1 {
			fail = 1
		}
		err = pool.QueryRow(ctx, query, e.fill.Seconds(), fail).Scan(&v)
		mu.Lock()
		defer mu.Unlock()
		h.most = max(h.most, int(now))
		if number == 1 {
			firstEnd, firstTook = time.Now(), time.Since(began)
		}
		return v, resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now()}, err
	}
	type caller struct {
		came time.Time
		took time.Duration
		err  error
	}
	callers := make([]caller, len(e.at))
	cache.Put("key", 1, resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now()})
	expired := time.Now().Add(e.policy.Fresh)
	sent, _, err := openLoop(ctx, e.at, func(ctx context.Context, i int) {
		came := time.Now()
		_, _, err := cache.Get(ctx, "key", fetch)
		callers[i] = caller{came, time.Since(came), err}
	})
	cache.Wait()
	if err != nil {
		return err
	}
	for _, c := range callers[:sent] {
		if c.came.Add(c.took).Before(expired) || !c.came.Before(firstEnd) {
			continue
		}
		h.waits = append(h.waits, c.took)
		if c.err != nil {
			h.failed++
		}
	}
	after := pool.Stat()
	h.queries, h.first = append(h.queries, float64(made.Load())), append(h.first, firstTook.Seconds())
	h.taken += int(after.AcquireCount() - before.AcquireCount())
	h.queued += int(after.EmptyAcquireCount() - before.EmptyAcquireCount())
	return nil
}

// quantile is the wait that so many percent of those who came meanwhile didn't exceed.
func (h *herd) quantile(percent int) time.Duration {
	if len(h.waits) == 0 {
		return 0
	}
	slices.Sort(h.waits)
	return h.waits[max(1, (len(h.waits)*percent+99)/100)-1]
}

// warm opens all of the pool's connections and has them know the query, so that no trial waits for that.
func warm(ctx context.Context, pool *pgxpool.Pool, sql string, args ...any) error {
	for range pool.Config().MaxConns {
		conn, err := pool.Acquire(ctx)
		if err != nil {
			return err
		}
		defer conn.Release() // when all are open, or one would serve for all
		if _, err := conn.Exec(ctx, sql, args...); err != nil {
			return err
		}
	}
	return nil
}
