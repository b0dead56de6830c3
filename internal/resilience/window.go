package resilience

import "time"

// window counts the calls and failures of the last while. It is a ring of ten
// buckets, each a tenth of the while: old calls drop out a tenth at a time,
// without a timer and without a list of calls. Not safe for concurrent use.
type window struct {
	start   time.Time // slots count from here, on the monotonic clock
	width   time.Duration
	buckets [10]bucket
}

type bucket struct {
	slot            int64 // which tenth since start these counts belong to
	calls, failures int
}

func newWindow(span time.Duration) window {
	return window{start: time.Now(), width: max(1, span/10)}
}

func (w *window) slot() int64 { return int64(time.Since(w.start) / w.width) }

func (w *window) add(failed bool) {
	slot := w.slot()
	b := &w.buckets[slot%int64(len(w.buckets))]
	if b.slot != slot {
		*b = bucket{slot: slot}
	}
	b.calls++
	if failed {
		b.failures++
	}
}

func (w *window) count() (calls, failures int) {
	oldest := w.slot() - int64(len(w.buckets)) + 1
	for _, b := range w.buckets {
		if b.slot >= oldest {
			calls += b.calls
			failures += b.failures
		}
	}
	return calls, failures
}
