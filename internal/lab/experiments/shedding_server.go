package experiments

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// A busyServer has a few workers and a queue before them, in order of arrival. It doesn't notice that a caller has left:
// it works for that one, too. With a shedder it refuses at once what is over its limit.
type busyServer struct {
	work    time.Duration
	workers chan struct{}
	shedder *resilience.Shedder // nil: the queue has no bound

	waiting, most atomic.Int64 // requests taken and not answered: now, and at the most
	done, spent   atomic.Int64 // requests worked off, and the nanoseconds that it took
}

// handler has the work, by priority, and a health check that asks for nothing but an answer.
func (s *busyServer) handler(over <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	for _, p := range priorities {
		mux.HandleFunc("GET /work/"+p.String(), func(w http.ResponseWriter, _ *http.Request) {
			release, err := s.shedder.Acquire(p)
			if err != nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			defer release()
			now := s.waiting.Add(1)
			defer s.waiting.Add(-1)
			for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
			}
			select {
			case s.workers <- struct{}{}:
			case <-over:
				return
			}
			defer func() { <-s.workers }()
			began := time.Now()
			time.Sleep(s.work)
			s.done.Add(1)
			s.spent.Add(int64(time.Since(began)))
		})
	}
	return mux
}

// priorities are from the one that is shed first to the one that is shed last.
var priorities = []resilience.Priority{resilience.Low, resilience.Normal, resilience.High}

// mix draws a priority for each caller: three of ten are high, four normal, three low.
func mix(seed uint64, callers int) []resilience.Priority {
	random := rand.New(rand.NewPCG(seed, 1))
	all := make([]resilience.Priority, callers)
	for i := range all {
		switch u := random.Float64(); {
		case u < 0.3:
			all[i] = resilience.Low
		case u < 0.7:
			all[i] = resilience.Normal
		default:
			all[i] = resilience.High
		}
	}
	return all
}

// A fate is what became of callers who came when the queue had had time to grow.
type fate struct {
	came, served, refused, left int             // left: their patience was over
	waits                       []time.Duration // of those who were served
	byPriority                  [3]struct{ came, served, refused int }
}

// add counts other trials' callers, too.
func (f *fate) add(o fate) {
	f.came, f.served, f.refused, f.left = f.came+o.came, f.served+o.served, f.refused+o.refused, f.left+o.left
	f.waits = append(f.waits, o.waits...)
	for i, p := range o.byPriority {
		mine := &f.byPriority[i]
		mine.came, mine.served, mine.refused = mine.came+p.came, mine.served+p.served, mine.refused+p.refused
	}
}

// p99 is the wait that 99 % of those who were served didn't exceed.
func (f *fate) p99() string {
	if len(f.waits) == 0 {
		return "nobody was"
	}
	slices.Sort(f.waits)
	return millis(f.waits[(len(f.waits)*99+99)/100-1])
}

// A rush is one run at one load.
type rush struct {
	fate
	goodput  []float64 // served a second, of each trial
	capacity []float64 // requests that its workers could do in a second, of each trial: they take a little longer than told
	most     int       // requests in the server
	asked    int       // health checks
	healthy  int       // of them answered 200
	missed   int       // callers who could not be sent
	late     time.Duration
}

// A rushPlan is who comes, and how long they have patience. It counts those who come from the middle on.
type rushPlan struct {
	at       []time.Duration
	seed     uint64
	length   time.Duration
	patience time.Duration
	check    time.Duration // between two health checks
}

// bear lets the callers come to a server that is idle and new.
func (r *rush) bear(ctx context.Context, s *busyServer, p rushPlan) error {
	server, err := listen(s.handler)
	if err != nil {
		return err
	}
	client := newLoopbackClient(nil)
	defer client.CloseIdleConnections()
	defer server.close()
	kinds := mix(p.seed, len(p.at))
	var mu sync.Mutex
	var f fate
	checking, enough := context.WithCancel(ctx)
	var checks sync.WaitGroup
	checks.Go(func() {
		for sleep(checking, p.check) == nil {
			asking, cancel := context.WithTimeout(ctx, policy.LabRig().Patience) // whoever checks health has more of it than readers
			_, err := get(asking, client, server.url+"/livez")
			cancel()
			if ctx.Err() != nil {
				return
			}
			r.asked++
			if err == nil {
				r.healthy++
			}
		}
	})
	sent, late, err := openLoop(ctx, p.at, func(ctx context.Context, i int) {
		began := time.Now()
		waiting, cancel := context.WithTimeout(ctx, p.patience)
		defer cancel()
		status, _ := get(waiting, client, server.url+"/work/"+kinds[i].String()) // 0 is nothing in time, whatever the error
		if p.at[i] < p.length/2 {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		mine := &f.byPriority[kinds[i]]
		f.came, mine.came = f.came+1, mine.came+1
		switch status {
		case http.StatusOK:
			f.served, mine.served = f.served+1, mine.served+1
			f.waits = append(f.waits, time.Since(began))
		case http.StatusServiceUnavailable:
			f.refused, mine.refused = f.refused+1, mine.refused+1
		default:
			f.left++
		}
	})
	enough()
	checks.Wait()
	if err != nil {
		return err
	}
	r.add(f)
	r.goodput = append(r.goodput, float64(f.served)/(p.length/2).Seconds())
	r.capacity = append(r.capacity, float64(cap(s.workers))*float64(s.done.Load())/time.Duration(max(s.spent.Load(), 1)).Seconds())
	r.most, r.missed, r.late = max(r.most, int(s.most.Load())), r.missed+len(p.at)-sent, max(r.late, late)
	return nil
}
