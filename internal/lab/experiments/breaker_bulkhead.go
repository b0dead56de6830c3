package experiments

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// well is how long a call takes on average at a dependency that isn't slow; the other one that shares the pool takes a
// fifth of it.
const well = 50 * time.Millisecond

// The runs of the pool. In the first two one dependency is slow, in the last two both are well. Each of a pair differs
// from the other in its bulkhead alone.
var poolRuns = []struct {
	name    string
	slow    bool
	average float64 // places of the bulkhead, in times of the average number in flight; 0 is as many as the reader says, or none
	bounded bool
}{
	{name: "one is slow, no bulkhead", slow: true},
	{name: "one is slow, bulkhead", slow: true, bounded: true},
	{name: "both are well, places for the average", average: 1, bounded: true},
	{name: "both are well, three times as many", average: 3, bounded: true},
}

// A poolPlan is calls of two dependencies that share a pool of places. Its second half counts.
type poolPlan struct {
	seed     uint64
	rate     float64 // of both together
	length   time.Duration
	pool     int
	limit    int // of the bulkhead; 0 is none
	takes    time.Duration
	patience time.Duration
}

// half is the calls a second of each dependency.
func (p poolPlan) half() float64 { return p.rate / 2 }

func poolPlanOf(seed uint64, i int, v lab.Values) poolPlan {
	run := poolRuns[i]
	p := poolPlan{seed: seed, rate: v.Float("callers"), length: v.Duration("for"), pool: v.Int("pool"), patience: v.Duration("patience"), takes: well}
	if run.slow {
		p.takes = v.Duration("latency")
	}
	switch {
	case run.average > 0:
		p.limit = max(1, int(run.average*p.half()*p.takes.Seconds()+0.5))
		p.pool = roomy // what the pool refuses is not to be told apart from the bulkhead's
	case run.bounded:
		p.limit = v.Int("limit")
	}
	return p
}

// A pooled is what became of the calls, over all trials.
type pooled struct {
	other, otherServed int // calls of the dependency that is well
	guarded            int // of the other, which has the bulkhead
	refused, left      int // of the guarded: by the bulkhead, and for want of a place in the pool
	most               int // of the guarded at once
	success, refusal   []float64
	placesTaken        []float64
}

// run makes the calls of one trial. Each takes a place of the pool, then one of the bulkhead if it is the guarded
// dependency's, and holds both for as long as the call takes.
func (o *pooled) run(ctx context.Context, p poolPlan) error {
	at, err := arrivals(p.seed, span{p.rate, p.length})
	if err != nil {
		return err
	}
	began := time.Now()
	from, to := began.Add(p.length/2), began.Add(p.length)
	part, taken := newHelping(maxRate, len(at), from, to), newGauge(from, to)
	helper, err := listen(part.handler)
	if err != nil {
		return err
	}
	client := newLoopbackClient(nil)
	defer client.CloseIdleConnections()
	defer helper.close()
	guard, err := resilience.NewGuard(resilience.Policy{Name: "pool", Idempotent: true, Bulkhead: resilience.BulkheadPolicy{Limit: p.limit}}, nil, nil)
	if err != nil {
		return err
	}
	places := make(chan struct{}, p.pool)
	random := rand.New(rand.NewPCG(p.seed, 5))
	mine, takes := make([]bool, len(at)), make([]time.Duration, len(at))
	for i := range at {
		mine[i], takes[i] = random.Float64() < 0.5, drawn(random, p.takes)
		if !mine[i] {
			takes[i] = well / 5
		}
	}
	var mu sync.Mutex
	var other, served, guarded, refused, most int
	var now atomic.Int64
	counted, leave := context.WithDeadline(ctx, to)
	defer leave()
	_, _, err = openLoop(ctx, at, func(_ context.Context, i int) {
		found := false
		call := func(ctx context.Context) error {
			waiting, cancel := context.WithTimeout(ctx, p.patience)
			defer cancel()
			select {
			case places <- struct{}{}:
			case <-waiting.Done():
				return waiting.Err()
			}
			found = true
			taken.add(1)
			defer func() { taken.add(-1); <-places }()
			ask := func(ctx context.Context) (struct{}, error) {
				if mine[i] {
					held := int(now.Add(1))
					defer now.Add(-1)
					mu.Lock()
					most = max(most, held)
					mu.Unlock()
				}
				return struct{}{}, part.ask(ctx, client, helper.url, i, takes[i], false)
			}
			if !mine[i] {
				_, err := ask(ctx)
				return err
			}
			_, _, err := resilience.Call(ctx, guard, ask)
			return err
		}
		err := call(counted)
		if at[i] < p.length/2 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch {
		case !mine[i]:
			other++
			if found {
				served++
			}
		case errors.Is(err, resilience.ErrFull):
			guarded, refused = guarded+1, refused+1
		default:
			guarded++
			if !found {
				o.left++
			}
		}
	})
	if err != nil {
		return err
	}
	if other == 0 || guarded == 0 {
		return errors.New("one of the two dependencies got no call in the second half of a run: raise the rate or the time")
	}
	o.other, o.otherServed, o.guarded, o.refused, o.most = o.other+other, o.otherServed+served, o.guarded+guarded, o.refused+refused, max(o.most, most)
	o.success, o.refusal = append(o.success, share(served, other)), append(o.refusal, share(refused, guarded))
	o.placesTaken = append(o.placesTaken, taken.mean())
	return nil
}

// found is the share of calls that find a place in the pool, by formula, where there are fewer places than are needed:
// whoever is let in, both dependencies' calls alike, fills them.
func (p poolPlan) found() float64 {
	needed := p.half() * (p.takes + well/5).Seconds()
	return min(1, float64(p.pool)/needed)
}

// erlangB is the share of calls that find all of so many places taken, where offered are in flight on average if none is
// refused: Erlang's loss formula (1917), by its recursion. Arrivals are Poisson; how the calls' times are spread is of
// no account.
func erlangB(places int, offered float64) float64 {
	refused := 1.0
	for n := 1; n <= places; n++ {
		refused = offered * refused / (float64(n) + offered*refused)
	}
	return refused
}
