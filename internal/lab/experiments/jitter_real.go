package experiments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/lab"
	"afloat/internal/resilience"
	"afloat/internal/sim"
)

// Clients of a real Postgres change one row by optimistic concurrency: read its version, then write where the version
// is still the same. A write that comes too late changes nothing, and its client waits and begins again.

// A contest has a connection for each client, and the row.
type contest struct {
	pool    *pgxpool.Pool
	clients []*pgxpool.Conn
}

// newContest makes the row in a table of its own. Close it.
func newContest(ctx context.Context, rig *lab.Rig, clients int) (c *contest, err error) {
	if rig.Postgres == nil {
		return nil, errNoPostgres
	}
	if most := int(rig.Postgres.Config().MaxConns); clients > most {
		return nil, fmt.Errorf("%d clients need as many connections, and the lab's pool has %d: ask for fewer clients", clients, most)
	}
	c = &contest{pool: rig.Postgres}
	defer func(made *contest) { // c is nil by then
		if err != nil {
			made.close()
		}
	}(c)
	for range clients {
		conn, err := rig.Postgres.Acquire(ctx)
		if err != nil {
			return nil, fmt.Errorf("connecting client %d of %d: %w", len(c.clients)+1, clients, err)
		}
		c.clients = append(c.clients, conn)
	}
	for _, sql := range []string{
		`drop table if exists lab_counter`, // of a run that was killed
		`create unlogged table lab_counter (version bigint not null)`,
		`insert into lab_counter values (0)`,
	} {
		if _, err := c.clients[0].Exec(ctx, sql); err != nil {
			return nil, fmt.Errorf("making the contended row: %w", err)
		}
	}
	for i := range c.clients { // each prepares its statements now: in the contest that would be a further exchange
		if _, _, err := (&contest{clients: c.clients[i : i+1]}).run(ctx, resilience.Backoff{}, 0); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// close gives the connections back and drops the table, after a run that was cancelled, too: its connections are gone.
func (c *contest) close() {
	for _, conn := range c.clients {
		conn.Release()
	}
	_, _ = c.pool.Exec(context.Background(), `drop table if exists lab_counter`) // else the next run drops it
}

// run lets every client change the row once, all at the same moment: how many writes that took, and how long.
func (c *contest) run(ctx context.Context, backoff resilience.Backoff, seed uint64) (writes int, took time.Duration, err error) {
	var tries atomic.Int64
	start := make(chan struct{})
	failed := make([]error, len(c.clients))
	var all sync.WaitGroup
	for i, conn := range c.clients {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			<-start
			failed[i] = change(ctx, conn, backoff, random, &tries)
		})
	}
	began := time.Now()
	close(start)
	all.Wait()
	took = time.Since(began)
	for _, err := range failed {
		if err != nil {
			return 0, 0, err // the others' say the same
		}
	}
	return int(tries.Load()), took, nil
}

// change reads and writes until a write succeeds.
func change(ctx context.Context, conn *pgxpool.Conn, backoff resilience.Backoff, random *rand.Rand, writes *atomic.Int64) error {
	wait := backoff.Base
	for failures := 1; ; failures++ {
		var version int64
		if err := conn.QueryRow(ctx, `select version from lab_counter`).Scan(&version); err != nil {
			return fmt.Errorf("reading the contended row: %w", err)
		}
		writes.Add(1)
		done, err := conn.Exec(ctx, `update lab_counter set version = version + 1 where version = $1`, version)
		if err != nil {
			return fmt.Errorf("writing the contended row: %w", err)
		}
		if done.RowsAffected() == 1 {
			return nil
		}
		wait = backoff.Delay(failures, wait, random.Float64())
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// contended are the figures of one algorithm on the real row, one of each trial.
type contended struct{ writes, seconds []float64 }

// compare lets the clients contend with each algorithm in turn, so that what disturbs the machine disturbs them all. It
// takes the last three quarters of the run's progress.
func (c *contest) compare(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) ([]contended, error) {
	exchange := v.Duration("exchange")
	slow := lab.Order{Link: "postgres", Kind: "slow", Latency: exchange, Jitter: exchange / 5}
	all := make([]contended, len(sim.Algorithms))
	trials := v.Int("repeats")
	for trial := range trials {
		for i, a := range sim.Algorithms {
			step := stageOf(trial*len(all)+i, trials*len(all), 0, fmt.Sprintf("%d clients of Postgres, %s, trial %d of %d", len(c.clients), a, trial+1, trials))
			step.from = 0.25 + 0.75*step.from
			err := under(rig, slow, func() error {
				return during(tell, step, func() error {
					writes, took, err := c.run(ctx, backoffs(v)[a], v.Seed()+uint64(trial))
					all[i].writes, all[i].seconds = append(all[i].writes, float64(writes)), append(all[i].seconds, took.Seconds())
					return err
				})
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// backoffs are the blog's own, by the name that the published simulator has for them.
func backoffs(v lab.Values) map[sim.Algorithm]resilience.Backoff {
	b := resilience.Backoff{Base: v.Duration("base"), Cap: v.Duration("cap")}
	with := func(j resilience.Jitter) resilience.Backoff { b.Jitter = j; return b }
	return map[sim.Algorithm]resilience.Backoff{
		sim.None: {}, sim.Expo: with(resilience.NoJitter), sim.Equal: with(resilience.EqualJitter),
		sim.Full: with(resilience.FullJitter), sim.Decorrelated: with(resilience.DecorrelatedJitter),
	}
}
