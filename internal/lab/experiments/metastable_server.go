package experiments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// A slowServer is the recommendations service's stand-in for a server that takes longer the more it has in flight,
// called over the service's link.
type slowServer struct {
	rig         *lab.Rig
	base, slope time.Duration
	delay       time.Duration // mean of one way through the network
}

// errFull is the server's refusal when it has as many requests as it takes.
var errFull = errors.New("the server has no room for another request")

// ask is one attempt.
func (s *slowServer) ask(ctx context.Context) error {
	ways := rand.ExpFloat64() + rand.ExpFloat64() // there and back
	if err := sleep(ctx, seconds(ways*s.delay.Seconds())); err != nil {
		return err
	}
	return s.get(ctx, "?"+url.Values{"base": {s.base.String()}, "slope": {s.slope.String()}}.Encode(), &struct{}{})
}

// count is how many requests the server has, and how many it had in all.
func (s *slowServer) count(ctx context.Context) (inFlight, begun int, err error) {
	var c struct {
		InFlight int `json:"in_flight"`
		Begun    int `json:"begun"`
	}
	err = s.get(ctx, "/count", &c)
	return c.InFlight, c.Begun, err
}

// empty waits until the server has nothing in flight: a trial must not inherit the last one's load.
func (s *slowServer) empty(ctx context.Context) (begun int, err error) {
	for {
		inFlight, begun, err := s.count(ctx)
		if err != nil || inFlight == 0 {
			return begun, err
		}
		if err := sleep(ctx, policy.LabRig().Ask); err != nil {
			return 0, err
		}
	}
}

func (s *slowServer) get(ctx context.Context, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.rig.Services+"/lab/work"+path, nil)
	if err != nil {
		return err
	}
	res, err := s.rig.Service.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(io.LimitReader(res.Body, 1<<10)).Decode(answer)
	case http.StatusServiceUnavailable:
		return errFull
	case http.StatusNotFound:
		return errors.New("the recommendations service has no work for the lab: start it with LAB=on")
	default:
		return fmt.Errorf("the recommendations service answered %s", res.Status)
	}
}

// slotsASecond is how finely a trial is counted.
const slotsASecond = 10

// A course is what happened in one trial, slot by slot.
type course struct {
	mu    sync.Mutex
	began time.Time
	slots []slot

	missed int           // callers who could not be sent
	late   time.Duration // by which the latest was sent too late
	bore   int           // requests that reached the server
}

type slot struct {
	offered  int // calls begun
	attempts int // sent
	answered int // calls answered in time
	ended    int // calls ended, answered or not
	tries    int // attempts that those had made
}

// note adds to the present slot; what comes after the last one is not counted.
func (c *course) note(add func(*slot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := int(time.Since(c.began).Seconds() * slotsASecond); i < len(c.slots) {
		add(&c.slots[i])
	}
}

// sum is what happened between two moments.
func (c *course) sum(from, to time.Duration) (sum slot) {
	place := func(at time.Duration) int {
		return min(max(int(at.Seconds()*slotsASecond+0.5), 0), len(c.slots))
	}
	for _, s := range c.slots[place(from):place(to)] {
		sum.offered, sum.attempts, sum.answered = sum.offered+s.offered, sum.attempts+s.attempts, sum.answered+s.answered
		sum.ended, sum.tries = sum.ended+s.ended, sum.tries+s.tries
	}
	return sum
}

// try lets callers come at these times, each with this policy, and counts for so long what becomes of them. Who still
// waits then leaves, and it returns when the server has nothing left in flight.
func (s *slowServer) try(ctx context.Context, p resilience.Policy, at []time.Duration, length time.Duration) (*course, error) {
	guard, err := resilience.NewGuard(p, func(err error) resilience.Class {
		if errors.Is(err, errFull) {
			return resilience.Transient
		}
		return resilience.DefaultClassifier(err)
	}, nil)
	if err != nil {
		return nil, err
	}
	before, err := s.empty(ctx)
	if err != nil {
		return nil, err
	}
	counted, leave := context.WithTimeout(ctx, length)
	defer leave()
	c := &course{began: time.Now(), slots: make([]slot, int(length.Seconds()*slotsASecond+0.5))}
	sent, late, err := openLoop(ctx, at, func(context.Context, int) {
		c.note(func(s *slot) { s.offered++ })
		_, report, err := resilience.Call(counted, guard, func(ctx context.Context) (struct{}, error) {
			c.note(func(s *slot) { s.attempts++ })
			return struct{}{}, s.ask(ctx)
		})
		c.note(func(s *slot) {
			s.ended, s.tries = s.ended+1, s.tries+report.Attempts
			if err == nil {
				s.answered++
			}
		})
	})
	if err != nil {
		return nil, err
	}
	after, err := s.empty(ctx)
	c.missed, c.late, c.bore = len(at)-sent, late, after-before
	return c, err
}
