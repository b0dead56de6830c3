package recommend

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// WorkLimits bounds what a request for work may ask for, and how many there may be.
type WorkLimits struct {
	InFlight int           // requests at once; more get a 503
	Base     time.Duration // longest that a request may ask to take by itself
	Slope    time.Duration // and longer for each request in flight
}

// Work serves the lab a stand-in for a server that slows down as it fills up, with a real one's connections, queue and
// goroutines:
//
//	GET /lab/work?base=100ms&slope=1ms  answers after base + slope × requests in flight, itself included
//	GET /lab/work/count                 answers at once: how many are in flight, and how many there were
//
// A request counts until its time is up, whether or not its sender still waits: servers seldom notice, and that is what
// keeps one down that clients give up on. A value that is missing or out of its range gets a 400 that says so.
func (s *Service) Work(limits WorkLimits) http.Handler {
	w := &work{Service: s, limits: limits}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /lab/work", w.take)
	mux.HandleFunc("GET /lab/work/count", w.count)
	return mux
}

type work struct {
	*Service
	limits          WorkLimits
	inFlight, begun atomic.Int64
}

func (w *work) take(rw http.ResponseWriter, r *http.Request) {
	base, err := within(r, "base", w.limits.Base)
	if err != nil {
		w.problem(rw, http.StatusBadRequest, err.Error())
		return
	}
	slope, err := within(r, "slope", w.limits.Slope)
	if err != nil {
		w.problem(rw, http.StatusBadRequest, err.Error())
		return
	}
	w.begun.Add(1)
	n := w.inFlight.Add(1)
	defer w.inFlight.Add(-1)
	if n > int64(w.limits.InFlight) {
		w.problem(rw, http.StatusServiceUnavailable, fmt.Sprintf("%d requests are in flight, and that is as many as there may be", w.limits.InFlight))
		return
	}
	time.Sleep(base + time.Duration(n)*slope) // and not a moment less when r.Context() ends
	w.reply(rw, http.StatusOK, "application/json", map[string]int64{"in_flight": n})
}

func (w *work) count(rw http.ResponseWriter, _ *http.Request) {
	w.reply(rw, http.StatusOK, "application/json", map[string]int64{"in_flight": w.inFlight.Load(), "begun": w.begun.Load()})
}

// within reads a duration from 0 to most out of the query.
func within(r *http.Request, name string, most time.Duration) (time.Duration, error) {
	got := r.URL.Query().Get(name)
	d, err := time.ParseDuration(got)
	if err != nil || d < 0 || d > most {
		return 0, fmt.Errorf("%s is %.40q: it must be a duration from 0s to %v", name, got, most)
	}
	return d, nil
}
