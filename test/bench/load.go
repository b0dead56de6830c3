package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// sample is what a closed loop got.
type sample struct {
	requests, failed, degraded int
	elapsed                    time.Duration
	busy                       time.Duration // processor time of the load itself
	latencies                  []time.Duration
}

// perSecond is the throughput.
func (s sample) perSecond() float64 { return float64(s.requests) / s.elapsed.Seconds() }

// closedLoop keeps conns connections busy, each sending its next request when
// the answer to the last is there, until next has no more. That measures how
// much a server can do; what its readers would wait for at that, openLoop says.
// With look, pages are checked for degraded parts once the time is stopped.
func closedLoop(ctx context.Context, addr string, conns int, look bool, next func() ([]byte, bool)) (sample, error) {
	parts := make([]sample, conns)
	pages := make([][]bytes.Buffer, conns)
	errs := make([]error, conns)
	var wg sync.WaitGroup
	began, used := time.Now(), processorTime(os.Getpid())
	for i := range conns {
		wg.Go(func() {
			c, err := dial(addr)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Close()
			for ctx.Err() == nil {
				request, ok := next()
				if !ok {
					return
				}
				var keep *bytes.Buffer
				if look {
					pages[i] = append(pages[i], bytes.Buffer{})
					keep = &pages[i][len(pages[i])-1]
				}
				sent := time.Now()
				_ = c.SetDeadline(sent.Add(patience)) // fails only on a closed connection, as get will
				answer, err := c.get(request, keep)
				if err != nil {
					errs[i] = err
					return
				}
				parts[i].latencies = append(parts[i].latencies, time.Since(sent))
				if answer.status != 200 {
					parts[i].failed++
				}
			}
		})
	}
	wg.Wait()
	all := sample{elapsed: time.Since(began), busy: processorTime(os.Getpid()) - used}
	for i, p := range parts {
		all.latencies = append(all.latencies, p.latencies...)
		all.failed += p.failed
		for j := range pages[i] {
			if degraded(pages[i][j].Bytes()) {
				all.degraded++
			}
		}
	}
	all.requests = len(all.latencies)
	return all, errors.Join(errors.Join(errs...), ctx.Err())
}

// forTime repeats one request until the time is over.
func forTime(d time.Duration, request []byte) func() ([]byte, bool) {
	end := time.Now().Add(d)
	return func() ([]byte, bool) { return request, time.Now().Before(end) }
}

// onceEach hands out each request once.
func onceEach(requests [][]byte) func() ([]byte, bool) {
	var n atomic.Int64
	return func() ([]byte, bool) {
		i := int(n.Add(1)) - 1
		if i >= len(requests) {
			return nil, false
		}
		return requests[i], true
	}
}

// shot is one reader of an open loop.
type shot struct {
	at       time.Duration // when the request was sent, from the start
	latency  time.Duration // until the last byte
	answered bool          // with 200
}

// openLoop sends rate requests a second, whatever becomes of them: each takes a
// connection that is idle, or opens one. At most most are open at once; a
// reader who finds none counts as one who waited for all of patience.
func openLoop(ctx context.Context, addr string, rate float64, d time.Duration, path func(i int) string) []shot {
	const most = 1500
	shots := make([]shot, int(rate*d.Seconds()))
	idle := make(chan *conn, most)
	var open atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for i := range shots {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(due)):
		}
		if ctx.Err() != nil {
			break
		}
		request := getRequest(addr, path(i))
		shots[i] = shot{at: time.Since(began), latency: patience}
		if open.Load() >= most {
			continue
		}
		open.Add(1)
		wg.Go(func() {
			defer open.Add(-1)
			shots[i].latency, shots[i].answered = fire(addr, request, idle)
		})
	}
	wg.Wait()
	close(idle)
	for c := range idle {
		_ = c.Close()
	}
	return shots
}

func fire(addr string, request []byte, idle chan *conn) (time.Duration, bool) {
	sent := time.Now()
	var c *conn
	select {
	case c = <-idle:
	default:
		var err error
		if c, err = dial(addr); err != nil {
			return patience, false
		}
	}
	_ = c.SetDeadline(sent.Add(patience)) // fails only on a closed connection, as get will
	a, err := c.get(request, nil)
	if err != nil {
		_ = c.Close()
		return patience, false
	}
	idle <- c
	return time.Since(sent), a.status == 200
}

func latencies(shots []shot) []time.Duration {
	var all []time.Duration
	for _, s := range shots {
		all = append(all, s.latency)
	}
	return all
}
