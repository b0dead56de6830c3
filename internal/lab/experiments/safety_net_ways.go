package experiments

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// A narrowDB is Postgres with few workers and a queue before them, in order of arrival. Who has asked is worked for, even
// if they have left: a database doesn't notice that.
type narrowDB struct {
	pool    *pgxpool.Pool
	work    time.Duration
	workers chan struct{}
	began   time.Time
	base    context.Context // the trial's: ends all work
	running sync.WaitGroup

	waiting, most, done, spent, wasted atomic.Int64

	mu    sync.Mutex
	asked []time.Duration
}

const napping = `SELECT 1 FROM pg_sleep($1)`

// ask queues a query, and waits for its answer for as long as ctx. Release is called when the query has ended.
func (d *narrowDB) ask(ctx context.Context, release func()) error {
	d.mu.Lock()
	d.asked = append(d.asked, time.Since(d.began))
	d.mu.Unlock()
	now := d.waiting.Add(1)
	for most := d.most.Load(); now > most && !d.most.CompareAndSwap(most, now); most = d.most.Load() {
	}
	answer := make(chan error, 1)
	d.running.Go(func() {
		defer release()
		defer d.waiting.Add(-1)
		err := d.query()
		if err == nil && ctx.Err() != nil {
			d.wasted.Add(1)
		}
		answer <- err
	})
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *narrowDB) query() error {
	select {
	case d.workers <- struct{}{}:
	case <-d.base.Done():
		return d.base.Err()
	}
	defer func() { <-d.workers }()
	began := time.Now()
	if _, err := d.pool.Exec(d.base, napping, d.work.Seconds()); err != nil {
		return err
	}
	d.done.Add(1)
	d.spent.Add(int64(time.Since(began)))
	return nil
}

// capacity is how many queries a second its workers could do: they take a little longer than told.
func (d *narrowDB) capacity() float64 {
	return float64(cap(d.workers)) * float64(d.done.Load()) / time.Duration(max(d.spent.Load(), 1)).Seconds()
}

// A lifeline is one way to read: the cache, and what is done without its answer.
type lifeline struct {
	cache   *redis.Client
	db      *narrowDB
	limit   *resilience.Bulkhead // nil: none
	flights *resilience.Coalescer[bool]
	memory  *resilience.Cache[bool] // nil: none

	hits, misses atomic.Int64 // answers of the cache
}

// read gets a key's value for a reader; old says that it is one.
func (n *lifeline) read(ctx context.Context, key string) (old bool, err error) {
	if n.memory == nil {
		err := n.fetch(ctx, key)
		return false, err
	}
	_, from, err := n.memory.Get(ctx, key, func(ctx context.Context) (bool, resilience.Provenance, error) {
		ctx, cancel := context.WithTimeout(ctx, netKeep) // a flight has no end of its own; the trial's ends it
		defer cancel()
		err := n.fetch(ctx, key)
		return true, resilience.Provenance{Source: resilience.FromRedis, State: resilience.Fresh, At: time.Now()}, err
	})
	return err == nil && time.Since(from.At) > netFresh, err
}

// fetch asks the cache, and the database where that has no answer.
func (n *lifeline) fetch(ctx context.Context, key string) error {
	asking, cancel := context.WithTimeout(ctx, netAsk)
	err := n.cache.Get(asking, key).Err()
	cancel()
	switch {
	case err == nil:
		n.hits.Add(1)
		return nil
	case errors.Is(err, redis.Nil):
		n.misses.Add(1)
	}
	if n.flights == nil {
		return n.query(ctx)
	}
	_, _, err = n.flights.Do(ctx, key, func(ctx context.Context) (bool, error) { return true, n.query(ctx) })
	return err
}

func (n *lifeline) query(ctx context.Context) error {
	release, err := n.limit.TryAcquire()
	if err != nil {
		return err
	}
	return n.db.ask(ctx, release)
}

// newNet sets up one of the ways.
func (p netPlan) newNet(base context.Context, rig *lab.Rig, way int) (*lifeline, error) {
	n := &lifeline{cache: rig.Redis, db: &narrowDB{pool: rig.Postgres, work: p.work, workers: make(chan struct{}, p.workers), began: time.Now(), base: base}}
	var limited, kept error
	if nets[way].limit {
		n.limit, limited = resilience.NewBulkhead(resilience.BulkheadPolicy{Limit: netPlaces * p.workers})
	}
	if nets[way].coalesce {
		n.flights = &resilience.Coalescer[bool]{}
	}
	if nets[way].memory {
		n.memory, kept = resilience.NewCache(resilience.CacheOptions[bool]{
			Policy: resilience.StalePolicy{Fresh: netFresh, Behind: netKeep, Keep: netKeep, Pause: netPause, Jitter: 0.1, Coalesce: true},
			Keeper: &allOf[bool]{},
		})
	}
	return n, errors.Join(limited, kept)
}

// wait returns when nothing of it runs any more; its base has ended.
func (n *lifeline) wait() {
	if n.memory != nil {
		n.memory.Wait()
	}
	if n.flights != nil {
		n.flights.Wait()
	}
	n.db.running.Wait()
}

// allOf keeps every copy there is.
type allOf[T any] struct{ kept sync.Map }

func (a *allOf[T]) Get(key string) (*resilience.Kept[T], bool) {
	k, ok := a.kept.Load(key)
	if !ok {
		return nil, false
	}
	return k.(*resilience.Kept[T]), true
}
func (a *allOf[T]) Set(key string, k *resilience.Kept[T]) { a.kept.Store(key, k) }
func (a *allOf[T]) Delete(key string)                     { a.kept.Delete(key) }
