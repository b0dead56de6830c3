package experiments

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/lab"
)

func TestArrivalsFollowTheSeed(t *testing.T) {
	draw := func(seed uint64) []time.Duration {
		at, err := arrivals(seed, span{400, 10 * time.Second}, span{800, 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	at := draw(1)
	if !slices.Equal(at, draw(1)) || slices.Equal(at, draw(2)) {
		t.Error("the same seed must give the same arrivals, and another others")
	}
	if !slices.IsSorted(at) || at[len(at)-1] >= 15*time.Second {
		t.Errorf("%d arrivals, the last at %v", len(at), at[len(at)-1])
	}
	early, _ := slices.BinarySearch(at, 10*time.Second)
	for _, n := range []int{early, len(at) - early} {
		if math.Abs(float64(n)-4000) > 5*math.Sqrt(4000) { // the standard deviation of a Poisson count
			t.Errorf("%d arrivals, want about 4000", n)
		}
	}
}

func TestCallersAreBounded(t *testing.T) {
	for _, rate := range []float64{0, -1, 3001, math.NaN(), math.Inf(1)} {
		if _, err := arrivals(1, span{rate, time.Second}); err == nil {
			t.Errorf("%v calls/s are accepted", rate)
		}
	}
	if err := bearable(1000, 0.5, 3); err != nil {
		t.Error(err)
	}
	if err := bearable(1000, 0.99, 3); err == nil {
		t.Error("3,940 tries a second are accepted")
	}
}

func TestOpenLoopWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var came []time.Duration
		at := []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
		sent, late, err := openLoop(t.Context(), at, func(context.Context, int) {
			mu.Lock()
			came = append(came, time.Since(began))
			mu.Unlock()
			time.Sleep(time.Minute)
		})
		if err != nil || sent != 3 || late != 0 || !slices.Equal(came, at) {
			t.Errorf("%d sent at %v, up to %v late: %v", sent, came, late, err)
		}
		if took := time.Since(began); took != time.Minute+4*time.Second {
			t.Errorf("it returned after %v, and not when the last call had ended", took)
		}
	})
}

func TestOpenLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		sent, _, err := openLoop(ctx, []time.Duration{time.Second, time.Hour}, func(ctx context.Context, _ int) { <-ctx.Done() })
		if sent != 1 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("%d sent, %v after %v", sent, err, time.Since(began))
		}
	})
}

func TestOpenLoopBoundsWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		sent, _, err := openLoop(t.Context(), make([]time.Duration, maxWaiting+10), func(context.Context, int) {
			calls.Add(1)
			time.Sleep(time.Second)
		})
		if err != nil || sent != maxWaiting || int64(sent) != calls.Load() {
			t.Errorf("%d sent, %d calls: %v", sent, calls.Load(), err)
		}
	})
}

func TestAStageIsToldOfOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []lab.Progress
		var last time.Time
		err := during(func(p lab.Progress) {
			if len(told) > 0 && time.Since(last) > time.Second {
				t.Errorf("nothing was told for %v", time.Since(last))
			}
			told, last = append(told, p), time.Now()
		}, stage{0.5, 1, 10 * time.Second, "reading"}, func() error {
			time.Sleep(20*time.Second + time.Millisecond)
			return nil
		})
		if err != nil || told[0] != (lab.Progress{Done: 0.5, Say: "reading"}) || told[len(told)-1].Done != 1 {
			t.Errorf("%v, %+v", err, told)
		}
	})
}

// TestATryFailsAsOftenAsTheFaultSays: a client that greets on each new connection would fail more often.
func TestATryFailsAsOftenAsTheFaultSays(t *testing.T) {
	rig := newRig(t)
	redis, err := newPings(rig)
	if err != nil {
		t.Fatal(err)
	}
	defer redis.close()
	const tries, rate = 1000, 0.5
	failed := 0
	err = under(rig, lab.Order{Link: "redis", Kind: "flaky", Rate: rate}, func() error {
		for range tries {
			if redis.ping(t.Context()) != nil {
				failed++
			}
		}
		return nil
	})
	if err != nil || math.Abs(float64(failed)-tries*rate) > 5*math.Sqrt(tries*rate*(1-rate)) {
		t.Errorf("%d of %d failed: %v", failed, tries, err)
	}
	healthy(t, rig)
	if err := redis.ping(t.Context()); err != nil {
		t.Errorf("after the fault: %v", err)
	}
}

func TestATryEndsWithItsContext(t *testing.T) {
	rig := newRig(t)
	redis, err := newPings(rig)
	if err != nil {
		t.Fatal(err)
	}
	defer redis.close()
	if err := redis.ping(t.Context()); err != nil { // from here on there is a connection that can hang
		t.Fatal(err)
	}
	err = under(rig, lab.Order{Link: "redis", Kind: "hang"}, func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return redis.ping(ctx)
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWithoutDependencies(t *testing.T) {
	for _, name := range []string{"amplification", "backoff-limits", "retry-policies", "jitter"} {
		e := Find(name)
		if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil {
			t.Errorf("%s has a result without its dependency", name)
		}
	}
}
