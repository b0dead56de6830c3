package experiments

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"afloat/internal/resilience"
)

// A helping is a dependency that has a number of places and a queue before them. It doesn't notice that a caller has
// left: it works for that one, too, unless the caller said how long it would wait.
type helping struct {
	places chan struct{}
	inWork *gauge
	vain   *gauge // those of them for whom nobody waits any more

	mu    sync.Mutex
	calls []struct{ working, left bool } // by number
}

func newHelping(places, calls int, from, to time.Time) *helping {
	return &helping{
		places: make(chan struct{}, places), inWork: newGauge(from, to), vain: newGauge(from, to),
		calls: make([]struct{ working, left bool }, calls),
	}
}

// handler serves calls that say their number, how long they take, and perhaps the caller's budget.
func (h *helping) handler(over <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		number, err := strconv.Atoi(q.Get("call"))
		takes, bad := time.ParseDuration(q.Get("takes"))
		if err != nil || bad != nil || number < 0 || number >= len(h.calls) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		waiting, cancel := withBudget(r)
		defer cancel()
		select {
		case h.places <- struct{}{}:
		case <-waiting.Done():
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		case <-over:
			return
		}
		defer func() { <-h.places }()
		h.begin(number)
		defer h.end(number)
		work := time.NewTimer(takes)
		defer work.Stop()
		select {
		case <-work.C:
		case <-waiting.Done():
			w.WriteHeader(http.StatusGatewayTimeout)
		case <-over:
		}
	})
}

// withBudget is a context that ends when the budget that came along is spent, and else never: not even when the caller
// leaves, which few servers look out for while they work.
func withBudget(r *http.Request) (context.Context, context.CancelFunc) {
	ctx := context.WithoutCancel(r.Context())
	if budget, err := time.ParseDuration(r.URL.Query().Get("budget")); err == nil {
		return context.WithTimeout(ctx, budget)
	}
	return ctx, func() {}
}

func (h *helping) begin(number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.calls[number]
	c.working = true
	h.inWork.add(1)
	if c.left {
		h.vain.add(1)
	}
}

func (h *helping) end(number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.calls[number]
	c.working = false
	h.inWork.add(-1)
	if c.left {
		h.vain.add(-1)
	}
}

// leave says that nobody waits for this call any more.
func (h *helping) leave(number int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &h.calls[number]
	if !c.left && c.working {
		h.vain.add(1)
	}
	c.left = true
}

// ask makes one call, and says how much time is left for it where that is to travel.
func (h *helping) ask(ctx context.Context, client *http.Client, base string, number int, takes time.Duration, travels bool) error {
	q := url.Values{"call": {strconv.Itoa(number)}, "takes": {takes.String()}}
	if until, ok := ctx.Deadline(); ok && travels {
		q.Set("budget", time.Until(until).String())
	}
	_, err := get(ctx, client, base+"?"+q.Encode())
	if err != nil {
		h.leave(number)
	}
	return err
}

// drawn is how long a healthy call takes: exponential, so that a share of e^(-x) takes more than x times the mean.
func drawn(random *rand.Rand, mean time.Duration) time.Duration {
	return seconds(random.ExpFloat64() * mean.Seconds())
}

// A waiter is a server with a few workers, each of whom asks the dependency for the reader in front of it.
type waiter struct {
	workers chan struct{}
	timeout time.Duration // of a call; 0 is none
	travels bool          // the reader's budget is heeded, and what is left of it is sent on
	inside  *gauge        // readers in the queue or with a worker
	busy    *gauge        // workers

	part    *helping
	partURL string
	client  *http.Client
	takes   []time.Duration // the calls, by reader
}

func (s *waiter) handler(over <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Query().Get("reader"))
		if err != nil || number < 0 || number >= len(s.takes) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.inside.add(1)
		defer s.inside.add(-1)
		ctx, cancel := withBudget(r)
		defer cancel()
		select {
		case s.workers <- struct{}{}:
		case <-ctx.Done():
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		case <-over:
			return
		}
		defer func() { <-s.workers }()
		s.busy.add(1)
		defer s.busy.add(-1)
		_, err = resilience.Deadline(ctx, s.timeout, func(ctx context.Context) (struct{}, error) {
			return struct{}{}, s.part.ask(ctx, s.client, s.partURL, number, s.takes[number], s.travels)
		})
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
}

// address is where a reader asks.
func (s *waiter) address(base string, reader int, patience time.Duration) string {
	if s.travels {
		return fmt.Sprintf("%s?reader=%d&budget=%v", base, reader, patience)
	}
	return fmt.Sprintf("%s?reader=%d", base, reader)
}
