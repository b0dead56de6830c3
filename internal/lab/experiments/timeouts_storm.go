package experiments

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"afloat/internal/resilience"
)

// A stormPlan is callers of a healthy dependency, without a server between. Its second half counts.
type stormPlan struct {
	at     []time.Duration
	seed   uint64
	length time.Duration
	mean   time.Duration // of an answer
	places int
	policy resilience.Policy
}

// A stormed is what became of the calls of several runs of one kind.
type stormed struct {
	calls, succeeded int
	tries, squares   int // squares: of each call's tries, added up
	timedOut         int // tries
	allCalls         int // those of the first half, too
	allTries         int
	waits            []time.Duration
	success          []float64
	perCall          []float64
	inWork, vain     []float64
}

// run lets the callers come to a new dependency.
func (s *stormed) run(ctx context.Context, p stormPlan) error {
	began := time.Now()
	attempts := max(p.policy.Retry.Attempts, 1)
	part := newHelping(p.places, len(p.at)*attempts, began.Add(p.length/2), began.Add(p.length))
	helper, err := listen(part.handler)
	if err != nil {
		return err
	}
	client := newLoopbackClient(nil)
	defer client.CloseIdleConnections()
	defer helper.close()
	guard, err := resilience.NewGuard(p.policy, nil, nil)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var calls, succeeded, tries int
	_, _, err = openLoop(ctx, p.at, func(ctx context.Context, i int) {
		random := rand.New(rand.NewPCG(p.seed, 3+uint64(i)))
		asked, made, late := time.Now(), 0, 0
		_, _, err := resilience.Call(ctx, guard, func(ctx context.Context) (struct{}, error) {
			number := i*attempts + made
			made++
			err := part.ask(ctx, client, helper.url, number, drawn(random, p.mean), false)
			if err != nil && ctx.Err() != nil {
				late++
			}
			return struct{}{}, err
		})
		mu.Lock()
		defer mu.Unlock()
		s.allCalls, s.allTries = s.allCalls+1, s.allTries+made
		if p.at[i] < p.length/2 {
			return
		}
		s.waits = append(s.waits, time.Since(asked))
		calls, tries, s.squares, s.timedOut = calls+1, tries+made, s.squares+made*made, s.timedOut+late
		if err == nil {
			succeeded++
		}
	})
	if err != nil {
		return err
	}
	if calls == 0 {
		return errors.New("no caller came in the second half of a run: raise the rate or the time")
	}
	s.calls, s.succeeded, s.tries = s.calls+calls, s.succeeded+succeeded, s.tries+tries
	s.success, s.perCall = append(s.success, share(succeeded, calls)), append(s.perCall, share(tries, calls))
	s.inWork, s.vain = append(s.inWork, part.inWork.mean()), append(s.vain, part.vain.mean())
	return nil
}
