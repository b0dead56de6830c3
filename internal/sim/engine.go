package sim

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// An agenda holds events of simulated time and gives them back in order; those of one instant in the order they were
// added, so that a run depends on nothing but its draws. It is a binary heap. The zero value is empty.
type agenda[E any] struct {
	heap  []entry[E]
	added int
}

type entry[E any] struct {
	at    float64 // seconds from the start
	order int
	event E
}

func (e entry[E]) before(o entry[E]) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

func (a *agenda[E]) add(at float64, event E) {
	a.heap = append(a.heap, entry[E]{at, a.added, event})
	a.added++
	for i := len(a.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !a.heap[i].before(a.heap[parent]) {
			return
		}
		a.heap[i], a.heap[parent] = a.heap[parent], a.heap[i]
		i = parent
	}
}

// next takes the earliest event off; ok is false where there is none.
func (a *agenda[E]) next() (at float64, event E, ok bool) {
	if len(a.heap) == 0 {
		return 0, event, false
	}
	first, last := a.heap[0], len(a.heap)-1
	a.heap[0] = a.heap[last]
	a.heap = a.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first.at, first.event, true
		}
		if child+1 < last && a.heap[child+1].before(a.heap[child]) {
			child++
		}
		if !a.heap[child].before(a.heap[i]) {
			return first.at, first.event, true
		}
		a.heap[i], a.heap[child] = a.heap[child], a.heap[i]
		i = child
	}
}

// A Summary is one measure over all trials.
type Summary struct {
	Mean float64
	SD   float64 // standard deviation between trials; 0 for a single trial
	SE   float64 // standard error of the mean
}

func summarise(trials []float64) Summary {
	n, sum, squares := float64(len(trials)), 0.0, 0.0
	for _, x := range trials {
		sum += x
	}
	mean := sum / n
	for _, x := range trials {
		squares += (x - mean) * (x - mean)
	}
	sd := math.Sqrt(squares / max(n-1, 1))
	return Summary{Mean: mean, SD: sd, SE: sd / math.Sqrt(n)}
}

// newRand makes a source for one stream of one trial. ChaCha8 mixes: neighbouring seeds have nothing in common.
func newRand(seed uint64, trial, stream int) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(trial))
	binary.LittleEndian.PutUint64(key[16:], uint64(stream))
	return rand.New(rand.NewChaCha8(key))
}

// What a run may take at most, so that a parameter from a form can't keep the machine busy for hours.
const (
	longest   = time.Hour // of any span of simulated time
	mostCalls = 1e6       // expected in one trial
)

// between refuses a parameter that is out of its range, and names it.
func between[T int | float64 | time.Duration](name string, v, least, most T) error {
	if !(v >= least && v <= most) {
		return fmt.Errorf("%s is %v: it must be from %v to %v", name, v, least, most)
	}
	return nil
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
