package telemetry

import (
	"encoding/json"
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// A histogram counts durations in buckets that grow with what they hold: eight
// for each doubling, so that the middle of a bucket is within 6 % of whatever
// is in it, from 8 µs to 67 s. Shorter ones are exact to the microsecond; longer ones are in
// the last bucket.
type histogram [buckets]atomic.Uint32

const (
	perDoubling = 8
	doublings   = 23
	buckets     = perDoubling * (doublings + 1)
)

// add counts one duration; it costs one atomic addition.
func (h *histogram) add(d time.Duration) { h[bucket(d)].Add(1) }

func bucket(d time.Duration) int {
	us := uint64(max(0, d.Microseconds()))
	if us < perDoubling {
		return int(us)
	}
	shift := bits.Len64(us) - bits.Len64(perDoubling) // leaves the four leading bits
	return min(perDoubling*shift+int(us>>shift), buckets-1)
}

// middle is the duration in the middle of a bucket.
func middle(i int) time.Duration {
	if i < perDoubling {
		return time.Duration(i) * time.Microsecond
	}
	shift := i/perDoubling - 1
	low := uint64(i-perDoubling*shift) << shift
	return time.Duration(2*low+1<<shift) * time.Microsecond / 2
}

// tally is a sum of histograms, for reading.
type tally [buckets]uint64

func (t *tally) sum(h *histogram) {
	for i := range h {
		t[i] += uint64(h[i].Load())
	}
}

func (t *tally) count() (n uint64) {
	for _, c := range t {
		n += c
	}
	return n
}

// quantile is the duration that a share of those counted did not exceed, such
// as 0.99; NaN of nothing.
func (t *tally) quantile(share float64) Millis {
	n := t.count()
	if n == 0 {
		return Millis(math.NaN())
	}
	rank := max(1, uint64(math.Ceil(share*float64(n))))
	for i, c := range t {
		if rank <= c {
			return Millis(float64(middle(i)) / float64(time.Millisecond))
		}
		rank -= c
	}
	return Millis(math.NaN()) // not reached: the ranks end with the count
}

// Millis is a duration in milliseconds; NaN, in JSON null, where there was
// nothing to time.
type Millis float64

// MarshalJSON writes three decimals, which are microseconds.
func (m Millis) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(m)) {
		return []byte("null"), nil
	}
	return json.Marshal(math.Round(float64(m)*1000) / 1000)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Millis) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*m = Millis(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(m))
}
