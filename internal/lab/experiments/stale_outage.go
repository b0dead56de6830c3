package experiments

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// A staleOutage is one trial: who comes, and when the source is gone. Times count from the first reader's clock.
type staleOutage struct {
	at           []time.Duration
	kind         string // of the fault
	begins, ends time.Duration
}

// A heard is what one reader was told, if anything.
type heard struct {
	came time.Duration
	age  time.Duration // of the answer, when it was given; 0 of none
	yes  bool          // that the permission holds
	ok   bool
	took time.Duration
}

// A witness is what one cache's readers saw in one outage, and what its source was asked.
type witness struct {
	readers      []heard
	from, to     time.Duration // when the source was gone
	revoked      time.Duration
	copyAge      time.Duration // of the copy when the source went; 0: there is none
	well, gone   int           // queries while the source was well before the outage, and tries during it
	beforeOutage int           // readers who came while the source was well before the outage
}

// holds asks Postgres whether the permission holds, by the server's clock.
const holds = `SELECT clock_timestamp() < $1::timestamptz`

// source asks for one cache, and counts.
type source struct {
	pool  *pgxpool.Pool
	until *atomic.Pointer[time.Time] // when the permission ends
	began time.Time

	mu    sync.Mutex
	asked []time.Duration // when
	last  time.Time       // when it last answered
}

func (s *source) fetch(ctx context.Context) (yes bool, p resilience.Provenance, err error) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Since(s.began))
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	now := time.Now()
	if err = s.pool.QueryRow(ctx, holds, *s.until.Load()).Scan(&yes); err != nil {
		return false, p, err
	}
	s.mu.Lock()
	s.last = now
	s.mu.Unlock()
	return yes, resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: now}, nil
}

// outageOf draws when the source goes: somewhere in the second life of a copy, so that copies of all ages are met.
func outageOf(seed uint64, trial int, fresh, outage time.Duration) (begins, ends time.Duration) {
	begins = fresh + time.Duration(rand.New(rand.NewPCG(seed, uint64(trial))).Float64()*float64(fresh))
	return begins, begins + outage
}

// carryOut has the same readers ask all the caches, while the source goes and comes back.
func (p staleOutage) carryOut(ctx context.Context, rig *lab.Rig, fresh, keep time.Duration) ([]witness, error) {
	if err := warm(ctx, rig.Postgres, holds, time.Now()); err != nil {
		return nil, err
	}
	var until atomic.Pointer[time.Time]
	began := time.Now()
	unlimited := began.Add(time.Hour) // it ends when the source has gone
	until.Store(&unlimited)
	caches, sources := make([]*resilience.Cache[bool], len(staleCaches)), make([]*source, len(staleCaches))
	for i, c := range staleCaches {
		var err error
		if caches[i], err = resilience.NewCache(resilience.CacheOptions[bool]{Policy: c.policy(fresh, keep), Keeper: &oneOf[bool]{}}); err != nil {
			return nil, err
		}
		defer caches[i].Wait()
		sources[i] = &source{pool: rig.Postgres, until: &until, began: began}
	}
	got := make([]witness, len(caches))
	for i := range got {
		got[i].readers = make([]heard, len(p.at))
	}
	gone := make(chan error, 1)
	breaking, enough := context.WithCancel(ctx)
	go func() { gone <- p.lose(breaking, rig, began, sources, got) }()
	sent, _, err := openLoop(ctx, p.at, func(ctx context.Context, i int) {
		var all sync.WaitGroup
		for c, cache := range caches {
			all.Go(func() { got[c].readers[i] = ask(ctx, cache, sources[c], began) })
		}
		all.Wait()
	})
	enough()
	err = errors.Join(err, <-gone)
	for i := range got {
		caches[i].Wait() // who was cancelled left a question in flight, which still notes itself
		got[i].readers = got[i].readers[:sent]
		got[i].count(sources[i].asked)
	}
	return got, err
}

// ask is one reader's question to one cache.
func ask(ctx context.Context, cache *resilience.Cache[bool], s *source, began time.Time) heard {
	came := time.Now()
	ctx, cancel := context.WithTimeout(ctx, 2*staleWait)
	defer cancel()
	yes, from, err := cache.Get(ctx, "permission", s.fetch)
	r := heard{came: came.Sub(began), took: time.Since(came), yes: yes, ok: err == nil}
	if r.ok {
		r.age = time.Since(from.At)
	}
	return r
}

// lose breaks the link for as long as the plan says, and notes when that was, and how old each copy was then. The
// permission ends a set time after it, however long it took to break the link.
func (p staleOutage) lose(ctx context.Context, rig *lab.Rig, began time.Time, sources []*source, got []witness) error {
	if sleep(ctx, time.Until(began.Add(p.begins))) != nil {
		return nil //nolint:nilerr // the run was cancelled, which the caller knows
	}
	return under(rig, lab.Order{Link: "postgres", Kind: p.kind}, func() error {
		from := time.Since(began)
		end := began.Add(from + staleRevoke)
		for i, s := range sources {
			s.until.Store(&end)
			got[i].from, got[i].revoked = from, from+staleRevoke
			s.mu.Lock()
			if !s.last.IsZero() && i > 0 { // the first keeps no copy
				got[i].copyAge = time.Since(s.last)
			}
			s.mu.Unlock()
		}
		_ = sleep(ctx, time.Until(began.Add(p.ends))) // its end is noted either way
		for i := range got {
			got[i].to = time.Since(began)
		}
		return nil
	})
}

// count sorts the queries into those before the outage and those during it.
func (w *witness) count(asked []time.Duration) {
	for _, at := range asked {
		switch {
		case at < w.from:
			w.well++
		case at < w.to:
			w.gone++
		}
	}
	for _, r := range w.readers {
		if r.came < w.from {
			w.beforeOutage++
		}
	}
}

// meanwhile are those who came while the source was gone. Who came in its last moments might have waited for its return.
func (w *witness) meanwhile() (all []heard) {
	for _, r := range w.readers {
		if r.came >= w.from && r.came < w.to-2*staleWait {
			all = append(all, r)
		}
	}
	return all
}

// oneOf keeps the copy of the one key there is.
type oneOf[T any] struct {
	kept atomic.Pointer[resilience.Kept[T]]
}

func (o *oneOf[T]) Get(string) (*resilience.Kept[T], bool) {
	k := o.kept.Load()
	return k, k != nil
}
func (o *oneOf[T]) Set(_ string, k *resilience.Kept[T]) { o.kept.Store(k) }
func (o *oneOf[T]) Delete(string)                       { o.kept.Store(nil) }
