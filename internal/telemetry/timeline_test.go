package telemetry

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/resilience"
)

var testLinks = map[string]string{"post reads": "postgres", "comment reads": "postgres", "popular": "redis"}

func attempt(policy string, err error, took time.Duration) resilience.Event {
	e := resilience.Event{Policy: policy, Kind: resilience.AttemptEvent, Took: took, Err: err, Attempt: 1}
	if err != nil {
		e.Class = resilience.Transient
	}
	return e
}

func TestTimelineKeepsSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := NewTimeline(10*time.Second, 10, testLinks)
		start := time.Now()
		tl.Page(Fresh, time.Millisecond)
		tl.Page(Failed, 30*time.Second)
		tl.Observe(attempt("post reads", nil, 2*time.Millisecond))
		tl.Observe(attempt("comment reads", io.EOF, 2*time.Millisecond))
		tl.Observe(attempt("nobody's", nil, time.Millisecond))
		neutral := attempt("popular", io.EOF, 2*time.Millisecond)
		neutral.Class = resilience.Neutral
		tl.Observe(neutral)
		time.Sleep(2 * time.Second)
		tl.Page(Partial, time.Millisecond)

		s := tl.Window(start, start.Add(3*time.Second))
		if s.From != start.Unix() || s.Seconds() != 3 {
			t.Fatalf("from %d, %d seconds; want %d, 3", s.From, s.Seconds(), start.Unix())
		}
		want := map[Outcome][]uint64{Fresh: {1, 0, 0}, Cached: {0, 0, 0}, Partial: {0, 0, 1}, Stale: {0, 0, 0}, Failed: {1, 0, 0}}
		if !reflect.DeepEqual(s.Pages, want) {
			t.Errorf("pages %v, want %v", s.Pages, want)
		}
		near(t, "p50", s.P50[0], 1)
		near(t, "p99", s.P99[0], 30_000)
		if !math.IsNaN(float64(s.P50[1])) {
			t.Errorf("p50 of a quiet second is %v", s.P50[1])
		}
		postgres, redis := s.Links["postgres"], s.Links["redis"]
		if !reflect.DeepEqual(postgres.Attempts, []uint64{2, 0, 0}) || !reflect.DeepEqual(postgres.Errors, []uint64{1, 0, 0}) {
			t.Errorf("postgres: %v", postgres)
		}
		if !reflect.DeepEqual(redis.Attempts, []uint64{1, 0, 0}) || !reflect.DeepEqual(redis.Errors, []uint64{0, 0, 0}) {
			t.Errorf("redis: %v", redis)
		}
		near(t, "postgres p99", postgres.P99[0], 2)
	})
}

// near allows for the width of a histogram's bucket.
func near(t *testing.T, what string, got Millis, want float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= 0.0626*want) {
		t.Errorf("%s is %v ms, want about %v", what, got, want)
	}
}

func TestTimelineForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := NewTimeline(5*time.Second, 3, testLinks)
		for i := range 23 { // more than four times round the ring
			for range i {
				tl.Page(Cached, time.Millisecond)
			}
			tl.Mark(RunMark, "x", fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		s := tl.Window(time.Time{}, time.Now().Add(time.Hour))
		if got, want := s.Pages[Cached], []uint64{16, 17, 18, 19, 20, 21, 22, 0}; !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if len(s.Marks) != 3 || s.Marks[0].Words != "20" || s.Marks[2].Words != "22" {
			t.Errorf("marks: %v", s.Marks)
		}
		if got := tl.Window(time.Now().Add(-3*time.Second), time.Now().Add(-2*time.Second)); got.Pages[Cached][0] != 20 || len(got.Marks) != 1 {
			t.Errorf("one second: %+v", got)
		}
		if got := tl.Window(time.Now(), time.Now().Add(-time.Hour)); got.Seconds() != 0 {
			t.Errorf("a window that ends before it begins has %d seconds", got.Seconds())
		}
		time.Sleep(time.Hour)
		if s := tl.Window(time.Time{}, time.Now()); sum(s.Pages[Cached]) != 0 || len(s.Marks) != 0 {
			t.Errorf("after an hour: %+v", s)
		}
	})
}

func sum(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := NewTimeline(time.Minute, 1, testLinks)
		for range 20 {
			for range 5 {
				tl.Observe(attempt("post reads", nil, 4*time.Millisecond))
				tl.Page(Fresh, 8*time.Millisecond)
			}
			tl.Observe(attempt("comment reads", io.EOF, time.Second))
			tl.Page(Failed, time.Second)
			time.Sleep(time.Second)
		}
		tl.Page(Failed, time.Second) // in the present second, which isn't over
		r := tl.Rates(10 * time.Second)
		for name, c := range map[string]struct {
			got            Rate
			per, errs, p50 float64
		}{
			"readers":       {r.Readers, 6, 1, 8},
			"postgres":      {r.Links["postgres"], 6, 1, 4},
			"post reads":    {r.Policies["post reads"], 5, 0, 4},
			"comment reads": {r.Policies["comment reads"], 1, 1, 1000},
		} {
			if c.got.PerSecond != c.per || c.got.Errors != c.errs {
				t.Errorf("%s: %+v, want %v/s and %v errors/s", name, c.got, c.per, c.errs)
			}
			near(t, name, c.got.P50, c.p50)
		}
		near(t, "p99 of readers", r.Readers.P99, 1000)
		if got := r.Links["redis"]; got.PerSecond != 0 || !math.IsNaN(float64(got.P99)) {
			t.Errorf("redis: %+v", got)
		}
		if got := tl.Rates(time.Hour).Readers.PerSecond; got != 2 { // 120 pages in the minute that is kept
			t.Errorf("over all that is kept: %v/s, want 2", got)
		}
	})
}

func TestMarks(t *testing.T) {
	tl := NewTimeline(time.Minute, 2, testLinks)
	_, start, changed := tl.Marks(0)
	tl.Observe(resilience.Event{Policy: "post reads", Kind: resilience.BreakerEvent, From: resilience.Closed, To: resilience.Open})
	select {
	case <-changed:
	default:
		t.Error("nobody is told of a mark")
	}
	tl.Mark(FaultBegins, "redis", "Redis hangs")
	tl.Mark(FaultEnds, "redis", "Redis: healthy again")
	marks, last, _ := tl.Marks(start)
	if len(marks) != 2 || marks[0].Words != "Redis hangs" || marks[1].Seq != last || last != start+3 {
		t.Errorf("from %d: %+v, %d", start, marks, last)
	}
	if marks, _, _ := tl.Marks(last - 1); len(marks) != 1 || marks[0].Kind != FaultEnds {
		t.Errorf("after the last but one: %+v", marks)
	}
	if marks, _, _ := tl.Marks(last); len(marks) != 0 {
		t.Errorf("after the last: %+v", marks)
	}
}

func TestBreakerIsMarked(t *testing.T) {
	tl := NewTimeline(time.Minute, 2, testLinks)
	tl.Observe(resilience.Event{Policy: "post reads", Kind: resilience.BreakerEvent, From: resilience.Closed, To: resilience.Open})
	marks, _, _ := tl.Marks(0)
	if len(marks) != 1 || marks[0].Kind != BreakerMark || marks[0].What != "post reads" || !strings.Contains(marks[0].Words, "closed → open") {
		t.Errorf("%+v", marks)
	}
}

// TestHistogramIsTight: the middle of a duration's bucket is within 6.25 % of
// it, or within a microsecond; buckets are in order and none is left out.
func TestHistogramIsTight(t *testing.T) {
	last := 0
	for d := time.Duration(0); d < 67*time.Second; d += max(time.Microsecond, d/50) {
		d := d.Truncate(time.Microsecond)
		i := bucket(d)
		if i != last && i != last+1 {
			t.Fatalf("%v is in bucket %d, after %d", d, i, last)
		}
		last = i
		if off := (middle(i) - d).Abs(); off > time.Microsecond && float64(off) > 0.0625*float64(d) {
			t.Errorf("%v is told as %v", d, middle(i))
		}
	}
	if last != buckets-1 {
		t.Errorf("the last bucket is %d of %d", last, buckets)
	}
	if bucket(-time.Second) != 0 || bucket(time.Hour) != buckets-1 {
		t.Error("durations that are out of range")
	}
}

// TestTimelineIsExact: nothing is lost when a second begins under load.
func TestTimelineIsExact(t *testing.T) {
	tl := NewTimeline(time.Minute, 10, testLinks)
	const workers, each = 8, 20_000
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				tl.Page(Outcome(i%len(Outcomes)), time.Duration(i)*time.Microsecond)
				tl.Observe(attempt("post reads", io.EOF, time.Duration(w)*time.Millisecond))
				if i%4000 == 0 {
					tl.Mark(RunMark, "x", "y")
					tl.Window(time.Time{}, time.Now())
					tl.Rates(time.Second)
				}
			}
		})
	}
	wg.Wait()
	s := tl.Window(time.Time{}, time.Now().Add(time.Second))
	for o, counts := range s.Pages {
		if sum(counts) != workers*each/uint64(len(Outcomes)) {
			t.Errorf("%d pages are %v", sum(counts), o)
		}
	}
	if got := s.Links["postgres"]; sum(got.Attempts) != workers*each || sum(got.Errors) != workers*each {
		t.Errorf("%d attempts and %d errors, want %d", sum(got.Attempts), sum(got.Errors), workers*each)
	}
}

// TestSecondsBeginOnce: of those who meet a new second at once, all count in the same.
func TestSecondsBeginOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers, seconds = 16, 300
		tl, start := NewTimeline(seconds*time.Second, 1, testLinks), time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for range seconds {
					tl.Page(Fresh, time.Millisecond)
					time.Sleep(time.Second)
				}
			})
		}
		wg.Wait()
		for i, n := range tl.Window(start, time.Now()).Pages[Fresh] {
			if n != workers {
				t.Errorf("second %d has %d pages, want %d", i, n, workers)
			}
		}
	})
}

func TestSeriesAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tl := NewTimeline(time.Minute, 10, map[string]string{"popular": "redis"})
		start := time.Now()
		tl.Page(Stale, 5*time.Microsecond)
		time.Sleep(time.Second)
		s := tl.Window(start, start.Add(2*time.Second))
		got, err := json.Marshal(s)
		want := fmt.Sprintf(`{"from":%d,"pages":{"cached":[0,0],"failed":[0,0],"fresh":[0,0],"partial":[0,0],"stale":[1,0]},"p50_ms":[0.005,null],"p99_ms":[0.005,null],`+
			`"links":{"redis":{"attempts":[0,0],"errors":[0,0],"p50_ms":[null,null],"p99_ms":[null,null]}}}`, start.Unix())
		if err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
		var back Series
		if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back.Pages, s.Pages) || back.P50[0] != s.P50[0] || !math.IsNaN(float64(back.P50[1])) {
			t.Errorf("read back: %+v, %v", back, err)
		}
	})
}

func BenchmarkTimelinePage(b *testing.B) {
	tl := NewTimeline(10*time.Minute, 10, testLinks)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tl.Page(Cached, 40*time.Microsecond)
		}
	})
}

func BenchmarkTimelineAttempt(b *testing.B) {
	tl := NewTimeline(10*time.Minute, 10, testLinks)
	e := attempt("post reads", nil, time.Millisecond)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tl.Observe(e)
		}
	})
}

func BenchmarkWindow(b *testing.B) {
	tl := NewTimeline(10*time.Minute, 10, testLinks)
	tl.Page(Cached, 40*time.Microsecond)
	for b.Loop() {
		tl.Window(time.Time{}, time.Now())
	}
}
