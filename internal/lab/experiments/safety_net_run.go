package experiments

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/lab"
)

// A netPlan is one trial of one way: who wants what, and when the cache is gone.
type netPlan struct {
	at           []time.Duration
	wants        []string // keys
	kind         string   // of the fault
	begins, ends time.Duration
	keys         int // popular ones
	work         time.Duration
	workers      int
	patience     time.Duration
}

func popular(i int) string { return fmt.Sprintf("afloat:lab:safety-net:%d", i) }

// wanted draws the readers' keys: a share of them wants popular ones, each of the others one of its own.
func wanted(seed uint64, readers, keys int, hits float64) []string {
	random := rand.New(rand.NewPCG(seed, 2))
	all := make([]string, readers)
	for i := range all {
		if key := random.IntN(keys); random.Float64() < hits {
			all[i] = popular(key)
		} else {
			all[i] = fmt.Sprintf("afloat:lab:safety-net:rare:%d", i)
		}
	}
	return all
}

// A netReader is what became of one reader.
type netReader struct {
	came, took time.Duration
	ok, old    bool // answered in time; with an old copy
}

// A catch is what one way did in one trial.
type catch struct {
	readers      []netReader
	from, to     time.Duration // when the cache was gone
	asked        []time.Duration
	hits, misses int // answers of the cache
	most, wasted int // queries in the database at once, and those for readers who had left
	capacity     float64
}

// fall carries out one trial of one way.
func (p netPlan) fall(ctx context.Context, rig *lab.Rig, way int) (c catch, err error) {
	if err := warm(ctx, rig.Postgres, napping, 0.0); err != nil {
		return c, err
	}
	clean, err := p.fill(ctx, rig.Redis)
	defer clean()
	if err != nil {
		return c, err
	}
	base, over := context.WithCancel(ctx)
	n, err := p.newNet(base, rig, way)
	if err != nil {
		over()
		return c, err
	}
	defer n.wait()
	defer over()
	if n.memory != nil {
		p.remember(ctx, n)
	}
	n.db.began = time.Now()
	n.hits.Store(0)
	n.misses.Store(0)
	c.readers = make([]netReader, len(p.at))
	gone := make(chan error, 1)
	breaking, enough := context.WithCancel(ctx)
	go func() { gone <- p.lose(breaking, rig, &c, n) }()
	sent, _, err := openLoop(ctx, p.at, func(ctx context.Context, i int) {
		came := time.Now()
		ctx, cancel := context.WithTimeout(ctx, p.patience)
		defer cancel()
		old, err := n.read(ctx, p.wants[i])
		c.readers[i] = netReader{came: came.Sub(n.db.began), took: time.Since(came), ok: err == nil, old: old}
	})
	enough()
	err = errors.Join(err, <-gone)
	c.readers = c.readers[:sent]
	n.db.mu.Lock()
	defer n.db.mu.Unlock()
	c.asked, c.most, c.wasted, c.capacity = n.db.asked, int(n.db.most.Load()), int(n.db.wasted.Load()), n.db.capacity()
	return c, err
}

// fill puts the popular keys into the cache; clean removes them.
func (p netPlan) fill(ctx context.Context, cache *redis.Client) (clean func(), err error) {
	var keys []string
	for i := range p.keys {
		keys = append(keys, popular(i))
	}
	clean = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), netLife)
		defer cancel()
		_ = cache.Del(ctx, keys...).Err() // what stays ends by itself
	}
	_, err = cache.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, key := range keys {
			pipe.Set(ctx, key, 1, netLife)
		}
		return nil
	})
	return clean, err
}

// remember has the popular keys' copies in memory, as after any time in service.
func (p netPlan) remember(ctx context.Context, n *lifeline) {
	for i := range p.keys {
		_, _ = n.read(ctx, popular(i)) // an error is the first reader's matter
	}
}

// lose breaks the cache's link for as long as the plan says, and notes when that was.
func (p netPlan) lose(ctx context.Context, rig *lab.Rig, c *catch, n *lifeline) error {
	if sleep(ctx, time.Until(n.db.began.Add(p.begins))) != nil {
		return nil //nolint:nilerr // the run was cancelled, which the caller knows
	}
	return under(rig, lab.Order{Link: "redis", Kind: p.kind}, func() error {
		c.from, c.hits, c.misses = time.Since(n.db.began), int(n.hits.Load()), int(n.misses.Load())
		_ = sleep(ctx, time.Until(n.db.began.Add(p.ends))) // its end is noted either way
		c.to = time.Since(n.db.began)
		return nil
	})
}

// came are the readers of a part of the trial, those of them who were answered in time, and those with an old copy.
func (c *catch) came(from, to time.Duration) (readers, answered, old int, waits []time.Duration) {
	for _, r := range c.readers {
		if r.came < from || r.came >= to {
			continue
		}
		readers++
		waits = append(waits, r.took)
		if r.ok {
			answered++
		}
		if r.old {
			old++
		}
	}
	return readers, answered, old, waits
}

// questions are those to the database in a part of the trial.
func (c *catch) questions(from, to time.Duration) (n int) {
	for _, at := range c.asked {
		if at >= from && at < to {
			n++
		}
	}
	return n
}

// settled is the moment from which the outage's second half is counted.
func (c *catch) settled() time.Duration {
	return c.from + time.Duration(netSettled*float64(c.to-c.from))
}
