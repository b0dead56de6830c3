package sim

import (
	"context"
	"errors"
	"time"
)

// Adaptive throttling: who refuses what the backend can't do?
//
// Model: applications make requests; each client counts, over a sliding window, its application's requests and those
// that the backend accepted. When there are more than K times as many, it refuses some of its own accord, with
// probability (requests − K·accepts) / (requests + 1). The backend works off so many requests a second, has room for a
// few, and refuses the rest; an answer takes no time. Under overload the backend then gets about K requests for each
// that it accepts, however many there are. The model counts no cost of refusing: that is what the throttle is for.
// Source: Site Reliability Engineering (Google, 2016), chapter 21, "Client-Side Throttling", equation 21-1.

// ThrottleParams are the parameters of [Throttle]; [PublishedThrottle] has the book's K and window.
type ThrottleParams struct {
	Clients  int
	Capacity float64       // requests a second that the backend works off
	Room     float64       // requests that it has room for, the one in work included
	Overload float64       // requests a second of all applications together, Poisson, while there are too many
	Calm     float64       // the same afterwards
	K        float64       // requests for each accepted one from which on a client refuses
	Window   time.Duration // that a client remembers
	For      time.Duration // how long the overload is counted, after a first Window
	After    time.Duration // how long the calm is watched
	Trials   int
	Seed     uint64
}

// ThrottleResult is both sides of the throttle.
type ThrottleResult struct {
	Sent     Summary // requests a second that reach the backend under overload
	Accepted Summary // the same that it accepts
	Ratio    Summary // of the two
	Refused  Summary // share of the applications' requests that their own clients refuse under overload
	Recovery Summary // seconds of calm until clients refuse less than a tenth for good
	Trials   int
}

// Check names a parameter that is out of its range.
func (p ThrottleParams) Check() error {
	return errors.Join(
		between("clients", p.Clients, 1, 1000),
		between("capacity", p.Capacity, 0.1, 10_000),
		between("room", p.Room, 1, 10_000),
		between("overload", p.Overload, 0.1, 10_000),
		between("calm", p.Calm, 0.1, 10_000),
		between("K", p.K, 1, 100),
		between("window", p.Window, time.Second, longest),
		between("duration", p.For, time.Second, longest),
		between("time watched afterwards", p.After, 0, longest),
		between("requests", p.Overload*(p.Window+p.For).Seconds()+p.Calm*p.After.Seconds(), 0, mostCalls),
		between("trials", p.Trials, 1, 1000))
}

// Throttle runs the trials. It ends early only with ctx, and then with its error. Whatever K is, a seed gives the same
// arrivals.
func Throttle(ctx context.Context, p ThrottleParams) (ThrottleResult, error) {
	if err := p.Check(); err != nil {
		return ThrottleResult{}, err
	}
	var sent, accepted, ratio, refused, recovery []float64
	for trial := range p.Trials {
		if err := ctx.Err(); err != nil {
			return ThrottleResult{}, err
		}
		t := p.throttle(trial)
		s := p.For.Seconds()
		sent, accepted = append(sent, float64(t.sent)/s), append(accepted, float64(t.accepted)/s)
		ratio = append(ratio, float64(t.sent)/float64(max(t.accepted, 1)))
		refused = append(refused, 1-float64(t.sent)/float64(max(t.made, 1)))
		recovery = append(recovery, t.recovery)
	}
	return ThrottleResult{
		Sent: summarise(sent), Accepted: summarise(accepted), Ratio: summarise(ratio), Refused: summarise(refused),
		Recovery: summarise(recovery), Trials: p.Trials,
	}, nil
}

// glance is how many seconds of calm are judged together: few requests are a matter of luck.
const glance = 10.0

// throttled is one trial: what was counted under overload, and when a tenth was refused for the last time.
type throttled struct {
	made, sent, accepted int
	recovery             float64
}

func (p ThrottleParams) throttle(trial int) (t throttled) {
	arrivals, rest := newRand(p.Seed, trial, 0), newRand(p.Seed, trial, 1)
	clients := make([]history, p.Clients)
	backlog, last := 0.0, 0.0
	look, made, refused := 0, 0, 0 // of the calm
	counted, calm := p.Window.Seconds(), (p.Window + p.For).Seconds()
	end := calm + p.After.Seconds()
	for at := 0.0; ; {
		rate := p.Overload
		if at >= calm {
			rate = p.Calm
		}
		if at += arrivals.ExpFloat64() / rate; at >= end {
			return t
		}
		if now := int((at - calm) / glance); at >= calm && now > look {
			if refused*10 >= made && refused > 0 {
				t.recovery = float64(look+1) * glance
			}
			look, made, refused = now, 0, 0
		}
		c := &clients[arrivals.IntN(p.Clients)]
		requests, accepts := c.count(at, p.Window.Seconds())
		c.add(1, 0)
		send := rest.Float64() >= (float64(requests)-p.K*float64(accepts))/float64(requests+1)
		backlog = max(0, backlog-(at-last)*p.Capacity)
		last = at
		accept := send && backlog+1 <= p.Room
		if accept {
			backlog++
			c.add(0, 1)
		}
		switch {
		case at >= calm:
			made++
			if !send {
				refused++
			}
		case at >= counted:
			t.made++
			if send {
				t.sent++
			}
			if accept {
				t.accepted++
			}
		}
	}
}

// historySlots is how finely a client's window slides.
const historySlots = 120

// A history is what one client remembers, in slots of equal length.
type history struct {
	slots             [historySlots]struct{ requests, accepts int }
	requests, accepts int // of all slots
	now               int // the present slot's number, from the start
}

// count forgets what has left the window, and is the rest.
func (h *history) count(at, window float64) (requests, accepts int) {
	for now := int(at / window * historySlots); h.now < now; {
		h.now++
		old := &h.slots[h.now%historySlots]
		h.requests, h.accepts = h.requests-old.requests, h.accepts-old.accepts
		old.requests, old.accepts = 0, 0
	}
	return h.requests, h.accepts
}

// add counts for the present slot.
func (h *history) add(requests, accepts int) {
	slot := &h.slots[h.now%historySlots]
	slot.requests, slot.accepts = slot.requests+requests, slot.accepts+accepts
	h.requests, h.accepts = h.requests+requests, h.accepts+accepts
}
