package resilience

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
)

// Load shedding: what if there is too much traffic?
//
// Problem: past its capacity a server is slower for everybody, until all it does
// is work for readers who have left: the more is offered, the less is done.
// Mechanism: a limit to the requests in flight; one that is over it is refused at
// once, which costs next to nothing, so those admitted are answered in time. The
// least important are refused first: each priority may fill a share of the
// limit, and the rest is kept for what matters more. It hurts where the refused
// try again at once (tell them when to), and where cheap health checks pass
// while readers are shed, so that nobody adds a server. Lesson 12 shows it, after
// the SRE book, chapter 21.

// ErrShed says that the server has too much to do, and did nothing for this request.
var ErrShed = errors.New("shed: too many requests in flight")

// Priority is how much a request matters; the zero value matters least.
type Priority int

const (
	Low    Priority = iota // shed first: what is dear to make and can wait
	Normal                 // shed next
	High                   // shed last: what the server is for
	priorities
)

func (p Priority) String() string { return [...]string{"low", "normal", "high"}[p] }

// ShedPolicy bounds the requests in flight. The zero value is no bound.
type ShedPolicy struct {
	Limit  int     // requests in flight, of all priorities together
	Normal float64 // share of Limit up to which Normal requests are admitted; the rest is kept for High
	Low    float64 // the same for Low; the rest is kept for Normal and High
}

// A Shedder admits requests or refuses them at once; nobody queues. It is safe
// for concurrent use. A nil *Shedder admits everybody.
type Shedder struct {
	limits   [priorities]int64
	inFlight atomic.Int64
	release  func()
}

// NewShedder makes a shedder with nothing in flight, and a nil one of the zero
// policy.
func NewShedder(p ShedPolicy) (*Shedder, error) {
	if p == (ShedPolicy{}) {
		return nil, nil
	}
	var bad problems
	bad.when(p.Limit < 1, "Shed: Limit %d must be at least 1, or every request is refused; remove the shares as well for no shedding", p.Limit)
	bad.when(!(0 < p.Low && p.Low <= p.Normal && p.Normal <= 1), "Shed: the shares Low %v and Normal %v must be above 0, in this order, and at most 1; usual values are 0.5 and 0.8", p.Low, p.Normal)
	if err := bad.err(); err != nil {
		return nil, err
	}
	share := func(of float64) int64 { return int64(math.Ceil(of * float64(p.Limit))) } // at least one request of each priority
	s := &Shedder{limits: [priorities]int64{Low: share(p.Low), Normal: share(p.Normal), High: int64(p.Limit)}}
	s.release = func() { s.inFlight.Add(-1) }
	return s, nil
}

// Acquire admits a request, or returns ErrShed; it never waits. The caller calls
// release exactly once when the request has ended, best in a defer.
func (s *Shedder) Acquire(p Priority) (release func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	for {
		n := s.inFlight.Load()
		if n >= s.limits[p] {
			return nil, fmt.Errorf("%w: %d, and %s priority is admitted below %d", ErrShed, n, p, s.limits[p])
		}
		if s.inFlight.CompareAndSwap(n, n+1) {
			return s.release, nil
		}
	}
}

// InFlight is the number of requests admitted and not ended; 0 for a nil Shedder.
func (s *Shedder) InFlight() int {
	if s == nil {
		return 0
	}
	return int(s.inFlight.Load())
}
