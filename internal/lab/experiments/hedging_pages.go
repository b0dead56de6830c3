package experiments

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"afloat/internal/fault"
	"afloat/internal/resilience"
)

// A replica is one of two servers that give the same answers. Two links lead to it: one as it is, and one that is slow.
// Which of them an answer comes over is drawn, for the seed's sake: a link has no fault of its own for a share of them.
type replica struct {
	server  *loopback
	links   [2]*fault.Link
	clients [2]*http.Client
	late    atomic.Int64 // nanoseconds that the server itself takes, for callers who have left, too
	asked   atomic.Int64
}

// newReplica starts the server, and opens so many connections over each link, so that calls needn't: a slow link is slow
// to open them, too. Close it.
func newReplica(ctx context.Context, slow time.Duration, connections int) (*replica, error) {
	r := &replica{}
	server, err := listen(func(<-chan struct{}) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			r.asked.Add(1)
			time.Sleep(time.Duration(r.late.Load()))
		})
	})
	if err != nil {
		return nil, err
	}
	r.server = server
	for i, name := range []string{"quick", "slow"} {
		r.links[i] = fault.NewLink(name)
		r.clients[i] = newLoopbackClient(r.links[i].Dialer((&net.Dialer{}).DialContext))
	}
	r.warm(ctx, connections)
	r.links[1].Set(fault.Fault{Kind: fault.Slow, Latency: slow})
	r.asked.Store(0)
	return r, nil
}

// warm makes so many calls at once over each link; what they come to is the next calls' matter.
func (r *replica) warm(ctx context.Context, calls int) {
	var all sync.WaitGroup
	for range calls {
		for _, slow := range []bool{false, true} {
			all.Go(func() { _ = r.ask(ctx, slow) })
		}
	}
	all.Wait()
}

func (r *replica) close() {
	for i, link := range r.links {
		link.Close() // what waits on it goes on
		r.clients[i].CloseIdleConnections()
	}
	r.server.close()
}

// ask gets one answer, over the slow link or the other.
func (r *replica) ask(ctx context.Context, slow bool) error {
	way := 0
	if slow {
		way = 1
	}
	_, err := get(ctx, r.clients[way], r.server.url)
	return err
}

// A tailPlan is the pages to make, and how slow their leaves are.
type tailPlan struct {
	at     []time.Duration
	seed   uint64
	fanOut int
	slow   float64 // share of the answers that come over the slow link
	shared bool    // both copies of a leaf are slow together
	late   bool    // the servers themselves are as slow, to all
	hedge  resilience.HedgePolicy
	budget *resilience.Budget // for second copies; nil pays for all
}

// A tail is what the pages of one run took, and what the replicas had to bear for them.
type tail struct {
	pages    []time.Duration
	leaves   []time.Duration
	copies   int // sent
	requests int // that reached the replicas: a copy may be cancelled on its way
	failed   int // leaves without an answer
	doomed   int // pages with a leaf of which no copy is quick
}

// fetch makes the pages on two new replicas.
func (p tailPlan) fetch(ctx context.Context, slow time.Duration) (t tail, err error) {
	var replicas [2]*replica
	for i := range replicas {
		if replicas[i], err = newReplica(ctx, slow, p.fanOut); err != nil {
			return t, err
		}
		defer replicas[i].close()
		if p.late {
			replicas[i].late.Store(int64(slow))
		}
	}
	var mu sync.Mutex
	_, _, err = openLoop(ctx, p.at, func(ctx context.Context, page int) {
		fates := p.draw(page)
		began := time.Now()
		took := make([]time.Duration, p.fanOut)
		var failed, copies atomic.Int64
		var all sync.WaitGroup
		for leaf := range p.fanOut {
			all.Go(func() {
				_, err := resilience.Hedge(ctx, p.hedge, p.budget, resilience.DefaultClassifier, func(ctx context.Context, second bool) (struct{}, error) {
					copies.Add(1)
					at, copied := leaf%2, 0
					if second {
						at, copied = 1-at, 1
					}
					return struct{}{}, replicas[at].ask(ctx, fates[leaf][copied])
				})
				took[leaf] = time.Since(began)
				if err != nil {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		t.pages, t.leaves, t.failed = append(t.pages, slices.Max(took)), append(t.leaves, took...), t.failed+int(failed.Load())
		t.copies += int(copies.Load())
		if slices.ContainsFunc(fates, func(f [2]bool) bool { return p.late || f[0] && (f[1] || p.hedge.After == 0) }) {
			t.doomed++
		}
	})
	t.requests = int(replicas[0].asked.Load() + replicas[1].asked.Load())
	return t, err
}

// draw says of each leaf's two copies whether they are slow. The first copies' fates are the same in every run.
func (p tailPlan) draw(page int) [][2]bool {
	random := rand.New(rand.NewPCG(p.seed, uint64(page)))
	fates := make([][2]bool, p.fanOut)
	for i := range fates {
		first, second := random.Float64() < p.slow, random.Float64() < p.slow
		fates[i] = [2]bool{first, second && !p.shared || first && p.shared}
	}
	return fates
}

// slower is how many pages took at least so long.
func (t *tail) slower(than time.Duration) (n int) {
	for _, took := range t.pages {
		if took >= than {
			n++
		}
	}
	return n
}

// load is the copies sent for each leaf.
func (t *tail) load() float64 { return share(t.copies, len(t.leaves)) }

// quantile of times that were taken; 0 of none.
func quantile(took []time.Duration, percent int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(took))
	return sorted[max(1, (len(sorted)*percent+99)/100)-1]
}
