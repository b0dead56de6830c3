package experiments

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// A waitPlan is one run of the chain of reader, server and dependency. Its second half counts.
type waitPlan struct {
	at       []time.Duration
	seed     uint64
	length   time.Duration
	patience time.Duration // of a reader
	mean     time.Duration // of a healthy answer
	slow     time.Duration // a slow one
	share    float64       // of slow ones

	workers, places int
	timeout         time.Duration
	travels         bool
}

// draw says how long each reader's call takes, and whether it is one of the slow. They are the same in every run.
func (p waitPlan) draw() (takes []time.Duration, slow []bool) {
	random := rand.New(rand.NewPCG(p.seed, 2))
	takes, slow = make([]time.Duration, len(p.at)), make([]bool, len(p.at))
	for i := range takes {
		slow[i] = random.Float64() < p.share
		takes[i] = drawn(random, p.mean)
		if slow[i] {
			takes[i] = p.slow
		}
	}
	return takes, slow
}

// A waited is what became of the readers of several runs of one kind; each slice has an entry for each run.
type waited struct {
	came, served int
	wronged      int             // whose call was not one of the slow ones, and who got nothing
	healthy      int             // of those who came
	waits        []time.Duration // of all readers
	success      []float64
	little       []float64 // readers a second × their mean time
	inside       []float64 // readers in the server, on average
	busy         []float64 // its workers
	inWork       []float64 // calls in work at the dependency
	vain         []float64 // of them for nobody
	mostInside   int
	mostInWork   int
	missed       int
	late         time.Duration
}

// run lets the readers come to a new server with a new dependency.
func (w *waited) run(ctx context.Context, p waitPlan) error {
	began := time.Now()
	from, to := began.Add(p.length/2), began.Add(p.length)
	part := newHelping(p.places, len(p.at), from, to)
	helper, err := listen(part.handler)
	if err != nil {
		return err
	}
	client := newLoopbackClient(nil)
	defer client.CloseIdleConnections()
	takes, slow := p.draw()
	s := &waiter{
		workers: make(chan struct{}, p.workers), timeout: p.timeout, travels: p.travels,
		inside: newGauge(from, to), busy: newGauge(from, to), part: part, partURL: helper.url, client: client, takes: takes,
	}
	server, err := listen(s.handler)
	if err != nil {
		helper.close()
		return err
	}
	defer server.close()
	defer helper.close() // first: the server's workers wait for it
	var mu sync.Mutex
	var came, served int
	var spent time.Duration
	sent, late, err := openLoop(ctx, p.at, func(ctx context.Context, i int) {
		asked := time.Now()
		waiting, cancel := context.WithTimeout(ctx, p.patience)
		defer cancel()
		_, err := get(waiting, client, s.address(server.url, i, p.patience))
		if err != nil {
			part.leave(i)
		}
		if p.at[i] < p.length/2 {
			return
		}
		took := time.Since(asked)
		mu.Lock()
		defer mu.Unlock()
		came, spent, w.waits = came+1, spent+took, append(w.waits, took)
		if err == nil {
			served++
		}
		if !slow[i] {
			w.healthy++
			if err != nil {
				w.wronged++
			}
		}
	})
	if err != nil {
		return err
	}
	if came == 0 {
		return errors.New("no reader came in the second half of a run: raise the rate or the time")
	}
	w.came, w.served = w.came+came, w.served+served
	w.success = append(w.success, share(served, came))
	w.little = append(w.little, spent.Seconds()/(p.length/2).Seconds()) // rate × mean time: n/T × sum/n
	w.inside, w.busy = append(w.inside, s.inside.mean()), append(w.busy, s.busy.mean())
	w.inWork, w.vain = append(w.inWork, part.inWork.mean()), append(w.vain, part.vain.mean())
	w.mostInside, w.mostInWork = max(w.mostInside, s.inside.peak()), max(w.mostInWork, part.inWork.peak())
	w.missed, w.late = w.missed+len(p.at)-sent, max(w.late, late)
	return nil
}
