package experiments

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// The two ways to meet an outage.
var outageRuns = []string{"no breaker", "breaker"}

// A farSide is a dependency that answers at once, behind a link that can be broken.
type farSide struct {
	server *loopback
	link   *fault.Link
	client *http.Client
}

// newFarSide starts it. Close it.
func newFarSide() (*farSide, error) {
	server, err := listen(func(<-chan struct{}) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	if err != nil {
		return nil, err
	}
	link := fault.NewLink("dependency")
	return &farSide{server, link, newLoopbackClient(link.Dialer((&net.Dialer{}).DialContext))}, nil
}

func (f *farSide) close() {
	f.link.Close() // what waits on it goes on
	f.client.CloseIdleConnections()
	f.server.close()
}

func (f *farSide) ask(ctx context.Context) error {
	_, err := get(ctx, f.client, f.server.url)
	return err
}

// An outagePlan is calls of a dependency that is well, hangs, and is well again.
type outagePlan struct {
	seed                uint64
	rate                float64
	calm, outage, after time.Duration
	policy              resilience.Policy
}

func (p outagePlan) length() time.Duration { return p.calm + p.outage + p.after }

// outagePlanOf leaves time enough after the fault for the breaker to close.
func outagePlanOf(seed uint64, guarded bool, v lab.Values) outagePlan {
	p := outagePlan{
		seed: seed, rate: v.Float("rate"), calm: v.Duration("calm"), outage: v.Duration("outage"), after: 2*v.Duration("open") + 2*v.Duration("timeout"),
		policy: resilience.Policy{Name: "outage", Idempotent: true, AttemptDeadline: v.Duration("timeout")},
	}
	if guarded {
		p.policy.Breaker = breakerOf(v)
	}
	return p
}

// An outage is what became of the calls, over all trials; each slice has an entry for each.
type outage struct {
	calls, succeeded, failed, refused int
	doomed                            []float64 // calls that reached the dependency and failed
	wasted                            []float64 // seconds that their callers waited in vain
	late                              []float64 // calls refused after the fault had ended
	recovery                          []time.Duration
}

// run makes the calls of one trial.
func (o *outage) run(ctx context.Context, p outagePlan) error {
	at, err := arrivals(p.seed, span{p.rate, p.length()})
	if err != nil {
		return err
	}
	far, err := newFarSide()
	if err != nil {
		return err
	}
	defer far.close()
	guard, err := resilience.NewGuard(p.policy, nil, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	ended := began.Add(p.calm + p.outage)
	breaks := time.AfterFunc(p.calm, func() { far.link.Set(fault.Fault{Kind: fault.Hang}) })
	heals := time.AfterFunc(p.calm+p.outage, far.link.Clear)
	defer breaks.Stop()
	defer heals.Stop()
	var mu sync.Mutex
	var doomed, late int
	var wasted time.Duration
	var first time.Time // of the successes after the fault's end
	_, _, err = openLoop(ctx, at, func(ctx context.Context, _ int) {
		asked := time.Now()
		_, report, err := resilience.Call(ctx, guard, func(ctx context.Context) (struct{}, error) { return struct{}{}, far.ask(ctx) })
		now := time.Now()
		mu.Lock()
		defer mu.Unlock()
		o.calls++
		switch {
		case err == nil:
			o.succeeded++
			if now.After(ended) && (first.IsZero() || now.Before(first)) {
				first = now
			}
		case report.Attempts == 0:
			o.refused++
			if asked.After(ended) {
				late++
			}
		default:
			o.failed++
			doomed++
			wasted += now.Sub(asked)
		}
	})
	if err != nil {
		return err
	}
	if first.IsZero() {
		return errors.New("no call succeeded after the fault: raise the rate")
	}
	o.doomed, o.wasted, o.late = append(o.doomed, float64(doomed)), append(o.wasted, wasted.Seconds()), append(o.late, float64(late))
	o.recovery = append(o.recovery, first.Sub(ended))
	return nil
}

// doomedCalls is how many calls reach a dependency that hangs, by formula. A breaker opens when failures, which are known
// a timeout after the first was sent, outweigh the successes that its window still holds: those of the calm, or those of
// what the window has left, whichever is less. After that each time open ends with a probe, which takes its timeout.
func (p outagePlan) doomedCalls() float64 {
	b, timeout := p.policy.Breaker, p.policy.AttemptDeadline
	if b == (resilience.BreakerPolicy{}) {
		return p.rate * (p.outage - timeout).Seconds()
	}
	outweigh := min(p.calm.Seconds()*b.FailureRatio/(1-b.FailureRatio), b.FailureRatio*(b.Window-timeout).Seconds())
	if b.FailureRatio == 1 {
		outweigh = (b.Window - timeout).Seconds()
	}
	opens := timeout.Seconds() + max(outweigh, float64(b.MinCalls)/p.rate)
	left := p.outage.Seconds() - opens
	if left <= 0 {
		return p.rate * (p.outage - timeout).Seconds()
	}
	return p.rate*opens + float64(int(left/((b.OpenFor+timeout).Seconds()+1/p.rate)))
}
