package sim

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"
)

// Metastable failure: why is it still down, though the cause is gone?
//
// Model: a server takes longer the more it has in flight. Clients give up waiting, and send again what the server still
// works on. A spike lifts the latency above the timeout: from then on every answer comes too late, every call is sent
// three times, and the load that this makes keeps the latency where it is, long after the spike. Full jitter on a long
// exponential backoff spreads the retries, and the server comes back. It does not always fall: hence many runs.
// Source: Marc Brooker's collapse simulation (mbrooker/simulator_example); "Metastable Failures in Distributed
// Systems" (HotOS'21), which gave the failure its name.

// CollapseParams are the parameters of [Collapse]; [PublishedCollapse] has the source's.
type CollapseParams struct {
	Rate     float64       // calls a second, Poisson
	Peak     float64       // and during the spike
	SpikeAt  time.Duration // when the spike starts
	SpikeFor time.Duration
	Settle   time.Duration // from the end of the spike; a run is collapsed if nothing succeeds after it
	Watch    time.Duration // how long it is watched after that, to the end of the run

	Latency  time.Duration // of the server with nothing in flight
	Slope    time.Duration // more for each request in flight, the new one included
	Delay    time.Duration // mean of one way to the server or back, exponential
	Timeout  time.Duration // of one attempt
	Attempts int           // of one call
	Backoff  time.Duration // ceiling of the first wait, doubled for each one more, drawn with full jitter; 0 is no wait

	Runs int
	Seed uint64
}

// CollapseResult is how often the server stayed down.
type CollapseResult struct {
	Collapsed int
	Runs      []CollapseRun
}

// A CollapseRun is the course of one run.
type CollapseRun struct {
	Collapsed bool
	Seconds   []Second
}

// A Second is what happened in one second.
type Second struct {
	Offered   int // calls begun
	Attempts  int // sent, those first ones included
	Succeeded int // calls answered in time
	InFlight  int // in the server at the end of it
}

// Check names a parameter that is out of its range.
func (p CollapseParams) Check() error {
	return errors.Join(
		between("rate", p.Rate, 0.001, 1000),
		between("peak rate", p.Peak, 0.001, 1000),
		between("start of the spike", p.SpikeAt, 0, longest),
		between("length of the spike", p.SpikeFor, 0, longest),
		between("time to settle", p.Settle, 0, longest),
		between("time to watch", p.Watch, time.Second, longest),
		between("highest rate × length of a run", max(p.Rate, p.Peak)*p.length(), 0, mostCalls),
		between("latency", p.Latency, 0, longest),
		between("slope", p.Slope, 0, longest),
		between("delay", p.Delay, 0, longest),
		between("timeout", p.Timeout, 0, longest),
		between("attempts", p.Attempts, 1, 10),
		between("backoff", p.Backoff, 0, longest),
		between("runs", p.Runs, 1, 1000))
}

// Collapse makes the runs. It ends early only with ctx, and then with its error.
func Collapse(ctx context.Context, p CollapseParams) (CollapseResult, error) {
	if err := p.Check(); err != nil {
		return CollapseResult{}, err
	}
	var result CollapseResult
	for run := range p.Runs {
		if err := ctx.Err(); err != nil {
			return CollapseResult{}, err
		}
		seconds := p.run(newRand(p.Seed, run, 0), newRand(p.Seed, run, 1))
		offered, succeeded := 0, 0
		for _, s := range seconds[int((p.SpikeAt + p.SpikeFor + p.Settle).Seconds()):] {
			offered, succeeded = offered+s.Offered, succeeded+s.Succeeded
		}
		collapsed := offered > 0 && succeeded == 0
		if collapsed {
			result.Collapsed++
		}
		result.Runs = append(result.Runs, CollapseRun{Collapsed: collapsed, Seconds: seconds})
	}
	return result, nil
}

// A call is one reader's; attempt is the one it waits for, from 1, or 0 once it is answered.
type call struct{ attempt int }

// A step is something that happens to an attempt of a call.
type step struct {
	what    kind
	call    *call
	attempt int
}

type kind int

const (
	begin   kind = iota // a call, and the next is drawn
	send                // an attempt leaves its client
	arrive              // it reaches the server
	leave               // the server has worked it off
	answer              // the answer reaches the client
	timeout             // the client has waited long enough
)

// run is one run, second by second. Calls come from one stream of draws and everything else from the other, so that
// runs with and without backoff have the same arrivals.
func (p CollapseParams) run(arrivals, rest *rand.Rand) []Second {
	end := p.length()
	seconds := make([]Second, int(end))
	delay := func() float64 { return rest.ExpFloat64() * p.Delay.Seconds() }
	inFlight, done := 0, 0
	var todo agenda[step]
	todo.add(0, step{what: begin})
	for at, s, ok := todo.next(); ok && at < end; at, s, ok = todo.next() {
		for ; done < int(at) && done < len(seconds); done++ {
			seconds[done].InFlight = inFlight
		}
		now := &seconds[min(int(at), len(seconds)-1)]
		waitedFor := s.call != nil && s.call.attempt == s.attempt
		switch s.what {
		case begin:
			now.Offered++
			todo.add(at, step{send, &call{attempt: 1}, 1})
			todo.add(at+arrivals.ExpFloat64()/p.rate(at), step{what: begin})
		case send:
			now.Attempts++
			todo.add(at+p.Timeout.Seconds(), step{timeout, s.call, s.attempt})
			todo.add(at+delay(), step{arrive, s.call, s.attempt})
		case arrive: // and is worked on whether or not somebody still waits
			inFlight++
			todo.add(at+p.Latency.Seconds()+float64(inFlight)*p.Slope.Seconds(), step{leave, s.call, s.attempt})
		case leave:
			inFlight--
			todo.add(at+delay(), step{answer, s.call, s.attempt})
		case answer:
			if waitedFor {
				now.Succeeded++
				s.call.attempt = 0
			}
		case timeout:
			if waitedFor && s.attempt < p.Attempts {
				s.call.attempt++
				ceiling := p.Backoff.Seconds() * math.Pow(2, float64(s.attempt-1))
				todo.add(at+rest.Float64()*ceiling, step{send, s.call, s.call.attempt})
			} else if waitedFor {
				s.call.attempt = 0 // it has failed
			}
		}
	}
	for ; done < len(seconds); done++ {
		seconds[done].InFlight = inFlight
	}
	return seconds
}

// length is how long a run is, in seconds.
func (p CollapseParams) length() float64 {
	return (p.SpikeAt + p.SpikeFor + p.Settle + p.Watch).Seconds()
}

// rate is how many calls a second begin at an instant.
func (p CollapseParams) rate(at float64) float64 {
	if at >= p.SpikeAt.Seconds() && at <= (p.SpikeAt+p.SpikeFor).Seconds() {
		return p.Peak
	}
	return p.Rate
}
