package lab

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"afloat/internal/fault"
)

// eventually waits until ok; the test's own timeout is the only bound.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for !ok() {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("not reached")
		}
	}
}

func TestFollow(t *testing.T) {
	s := newSwitchboard(t, newDependency().wire("postgres", "Postgres"), newDependency().wire("redis", "Redis"))
	var away atomic.Bool
	var asked atomic.Int64
	blog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		after, err := strconv.ParseInt(r.FormValue("after"), 10, 64)
		if err != nil || r.FormValue("wait") != "20ms" {
			t.Errorf("asked for %s", r.URL)
		}
		ctx, cancel := context.WithTimeout(r.Context(), 20*time.Millisecond)
		defer cancel()
		json.NewEncoder(w).Encode(s.Changed(ctx, after))
	}))
	defer blog.Close()
	link, stranger := fault.NewLink("redis"), fault.NewLink("mysql")
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() {
		Follow(ctx, blog.Client(), []string{blog.URL + "/lab/faults?wait=20ms"}, []*fault.Link{link, stranger}, time.Millisecond, quiet)
	})
	defer following.Wait()
	defer cancel()
	is := func(kind fault.Kind) func() bool {
		return func() bool {
			f, _ := link.Current()
			return f.Kind == kind
		}
	}

	s.Apply(t.Context(), Order{Link: "redis", Kind: "slow", Latency: time.Millisecond, Jitter: time.Microsecond, For: time.Hour / 4})
	eventually(t, is(fault.Slow))
	got, _ := link.Current()
	if want, _ := s.find("redis").Link.Current(); !got.Until.Equal(want.Until) || got.Latency != want.Latency || got.Jitter != want.Jitter {
		t.Errorf("got %+v, want %+v", got, want)
	}
	s.Clear("redis")
	eventually(t, is(""))

	s.Apply(t.Context(), Order{Link: "redis", Kind: "refuse", For: 300 * time.Millisecond})
	eventually(t, is(fault.Refuse))
	away.Store(true)
	before := asked.Load()
	eventually(t, func() bool { return asked.Load() > before+5 }) // it asks for ever
	eventually(t, is(""))                                         // and the fault ends by itself
	s.Apply(t.Context(), Order{Link: All, Kind: "reset"})
	away.Store(false)
	eventually(t, is(fault.Reset))
	if f, on := stranger.Current(); on {
		t.Errorf("%v is on a link that the switchboard doesn't know", f)
	}
}

func TestMirrorSetsAFaultOnce(t *testing.T) {
	link := fault.NewLink("redis")
	defer link.Close()
	until := time.Now().Add(time.Hour)
	link.Set(fault.Fault{Kind: fault.Reset, Until: until, Rate: 0.125}) // the rate marks it
	state := State{Faults: []Status{{Link: "redis", Kind: "reset", Until: until.Round(0).UTC()}}}
	mirror([]*fault.Link{link}, state, quiet)
	if f, _ := link.Current(); f.Rate != 0.125 {
		t.Error("the fault was set again")
	}
	for _, odd := range []Status{{Link: "redis", Kind: "explode", Until: until}, {Link: "redis", Kind: "hang"}} {
		mirror([]*fault.Link{link}, State{Faults: []Status{odd}}, quiet)
		if f, _ := link.Current(); f.Kind != fault.Reset {
			t.Errorf("%+v was followed", odd)
		}
	}
}
