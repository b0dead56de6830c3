package recommend

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func newWork() http.Handler {
	return NewService(slog.New(slog.DiscardHandler)).Work(WorkLimits{InFlight: 3, Base: time.Second, Slope: 5 * time.Millisecond})
}

func TestWorkTakesLongerTheMoreIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWork()
		var group sync.WaitGroup
		for n := 1; n <= 3; n++ {
			group.Go(func() {
				began := time.Now()
				w := call(h, "GET", "/lab/work?base=100ms&slope=1ms", "")
				want := 100*time.Millisecond + time.Duration(n)*time.Millisecond
				if w.Code != http.StatusOK || w.Body.String() != fmt.Sprintf("{\"in_flight\":%d}\n", n) || time.Since(began) != want {
					t.Errorf("%d %s after %v, want request %d answered after %v", w.Code, w.Body, time.Since(began), n, want)
				}
			})
			synctest.Wait() // it is in flight
		}
		if w := call(h, "GET", "/lab/work?base=0s&slope=0s", ""); w.Code != http.StatusServiceUnavailable {
			t.Errorf("a fourth request of at most three: %d %s", w.Code, w.Body)
		}
		if w := call(h, "GET", "/lab/work/count", ""); w.Body.String() != `{"begun":4,"in_flight":3}`+"\n" {
			t.Errorf("count: %s", w.Body)
		}
		group.Wait()
		if w := call(h, "GET", "/lab/work/count", ""); w.Body.String() != `{"begun":4,"in_flight":0}`+"\n" {
			t.Errorf("count when all are done: %s", w.Body)
		}
	})
}

// TestAbandonedWorkGoesOn: that nobody waits any more doesn't end it.
func TestAbandonedWorkGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newWork()
		ctx, leave := context.WithCancel(t.Context())
		go h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/lab/work?base=1s&slope=0s", nil))
		synctest.Wait()
		leave()
		synctest.Wait()
		if w := call(h, "GET", "/lab/work/count", ""); !strings.Contains(w.Body.String(), `"in_flight":1`) {
			t.Errorf("count as its sender leaves: %s", w.Body)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if w := call(h, "GET", "/lab/work/count", ""); !strings.Contains(w.Body.String(), `"in_flight":0`) {
			t.Errorf("count when its time is up: %s", w.Body)
		}
	})
}

func TestWorkRefusesWhatIsOutOfRange(t *testing.T) {
	h := newWork()
	for query, want := range map[string]string{
		"":                      "base is \\\"\\\": it must be a duration from 0s to 1s",
		"base=2s&slope=0s":      "base is",
		"base=-1s&slope=0s":     "base is",
		"base=100&slope=0s":     "base is",
		"base=0s":               "slope is",
		"base=0s&slope=6ms":     "it must be a duration from 0s to 5ms",
		"base=0s&slope=-1ms":    "slope is",
		"base=0s&slope=sixfold": "slope is",
	} {
		w := call(h, "GET", "/lab/work?"+query, "")
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q: %d %s, want 400 and %s", query, w.Code, w.Body, want)
		}
	}
	if w := call(h, "POST", "/lab/work?base=0s&slope=0s", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}
