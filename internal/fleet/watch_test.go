package fleet

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// a patroniNode answers GET /patroni, as it is told to.
type patroniNode struct {
	*httptest.Server
	says  atomic.Pointer[string]
	hangs atomic.Bool
	gone  chan struct{} // closed at the end of the test: who hangs, lets go
}

func newPatroni(t *testing.T, says string) *patroniNode {
	n := &patroniNode{gone: make(chan struct{})}
	n.says.Store(&says)
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/patroni" {
			t.Errorf("asked for %s", r.URL)
		}
		if n.hangs.Load() {
			select {
			case <-n.gone:
			case <-r.Context().Done():
			}
			return
		}
		fmt.Fprint(w, *n.says.Load())
	}))
	t.Cleanup(n.Server.Close)
	t.Cleanup(func() { close(n.gone) })
	return n
}

func (n *patroniNode) say(answer string) { n.says.Store(&answer) }

func leads(timeline int, at int64) string {
	return fmt.Sprintf(`{"state":"running","role":"primary","timeline":%d,"xlog":{"location":%d}}`, timeline, at)
}

func follows(at int64) string {
	return fmt.Sprintf(`{"state":"running","role":"replica","quorum_standby":true,"timeline":null,"xlog":{"replayed_location":%d}}`, at)
}

// watch runs a watcher on these nodes for the length of the test.
func watch(t *testing.T, f Fleet, access Access) *Watcher {
	t.Helper()
	if err := f.check(); err != nil {
		t.Fatal(err)
	}
	w, err := NewWatcher(f, Options{Every: 5 * time.Millisecond, Timeout: 400 * time.Millisecond, Access: access})
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := w.Watch(); p.Nodes[0].State != Unknown || p.Nodes[0].Name == "" || len(p.Lost) != 0 {
		t.Errorf("before the first look: %+v", p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return w
}

// until waits for a picture; the test's own timeout is the only bound.
func until(t *testing.T, w *Watcher, what string, ok func(Picture) bool) Picture {
	t.Helper()
	for {
		p, _ := w.Watch()
		if ok(p) {
			return p
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatalf("not seen: %s; %+v", what, p)
		}
	}
}

// roles are name, state and role of each node, in a line.
func roles(p Picture) string {
	var all []string
	for _, s := range p.Nodes {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", s.Name, s.State, s.Role)))
	}
	return strings.Join(all, ", ")
}

func TestFailoverOfPostgres(t *testing.T) {
	p1, p2, p3 := newPatroni(t, leads(1, 1000)), newPatroni(t, follows(1000)), newPatroni(t, follows(400))
	w := watch(t, Fleet{[]Node{{"p1", Postgres, p1.URL}, {"p2", Postgres, p2.URL}, {"p3", Postgres, p3.URL}}}, Access{})
	p := until(t, w, "healthy", func(p Picture) bool {
		return roles(p) == "p1 up leader, p2 up sync standby, p3 up sync standby" && p.Nodes[1].Lag != nil && p.Nodes[2].Lag != nil
	})
	if p.Nodes[0].Lag != nil || *p.Nodes[1].Lag != (Lag{}) || p.Nodes[2].Lag.Bytes != 600 || p.Nodes[0].Timeline != 1 || len(p.Lost) != 0 {
		t.Errorf("got %+v", p)
	}
	since := p.Nodes[1].Since

	_, changed := w.Watch()
	p1.hangs.Store(true) // one that hangs holds up none: the others are looked at meanwhile
	p3.say(follows(1000))
	until(t, w, "p3 has caught up while p1 hangs", func(p Picture) bool { return p.Nodes[2].Lag.Bytes == 0 })
	p = until(t, w, "no leader", func(p Picture) bool { return !p.Lost[Postgres].IsZero() })
	<-changed
	if got := roles(p); got != "p1 down, p2 up sync standby, p3 up sync standby" || p.Nodes[0].Saw != "no answer within 400ms" || p.Nodes[1].Since != since {
		t.Errorf("got %s, %+v", got, p)
	}

	p2.say(leads(2, 1100))
	p = until(t, w, "p2 leads", func(p Picture) bool { return p.Nodes[1].Role == Leader })
	if len(p.Lost) != 0 || p.Nodes[1].Timeline != 2 {
		t.Errorf("got %+v", p)
	}
	p1.hangs.Store(false) // it was paused, and takes itself for the leader still
	p = until(t, w, "p1 is back", func(p Picture) bool { return p.Nodes[0].State != Down })
	if got := roles(p); got != "p1 ailing replica, p2 up leader, p3 up sync standby" || p.Nodes[0].Saw != "takes itself for the leader, on an older timeline" {
		t.Errorf("got %s, %q", got, p.Nodes[0].Saw)
	}
	p1.say(follows(1100))
	until(t, w, "p1 follows", func(p Picture) bool { return roles(p) == "p1 up sync standby, p2 up leader, p3 up sync standby" })
	p3.Server.Close()
	p = until(t, w, "p3 is gone", func(p Picture) bool { return p.Nodes[2].State == Down })
	if saw := p.Nodes[2].Saw; saw != "connection refused" && saw != "connection lost" {
		t.Errorf("saw %q", saw)
	}
}

// TestHealthPages: what each kind is asked, and what its answer means.
func TestHealthPages(t *testing.T) {
	var broken atomic.Bool
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v3/maintenance/status" && r.Method == http.MethodPost && !broken.Load() {
			fmt.Fprint(w, `{"header":{"member_id":"22"},"leader":"22"}`)
			return
		}
		switch r.URL.Path {
		case "/readyz", "/healthz", "/livez":
			if broken.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer node.Close()
	var f Fleet
	for _, kind := range []Kind{Front, Edge, Balancer, Server, Recommendations, Etcd} {
		f.Nodes = append(f.Nodes, Node{string(kind), kind, node.URL + "/"})
	}
	w := watch(t, f, Access{})
	until(t, w, "all up", func(p Picture) bool {
		return roles(p) == "front up, edge up, balancer up, server up, recommendations up, etcd up leader"
	})
	broken.Store(true)
	p := until(t, w, "all broken but the edge, which is there whatever is behind it", func(p Picture) bool {
		return roles(p) == "front ailing, edge up, balancer ailing, server ailing, recommendations ailing, etcd ailing"
	})
	if saw := p.Nodes[3].Saw; saw != "takes no readers (503)" {
		t.Errorf("saw %q", saw)
	}
}

func TestTrail(t *testing.T) {
	var tr trail
	at := func(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }
	if tr.behind(noon, 0) != nil {
		t.Error("a lag behind nobody")
	}
	for second, position := range []int64{100, 200, 200, 200, 300} {
		tr.add(at(second), position)
	}
	for position, want := range map[int64]Lag{
		300: {}, 301: {}, 299: {Bytes: 1, Seconds: 1}, 200: {Bytes: 100, Seconds: 1}, 199: {Bytes: 101, Seconds: 4}, 50: {Bytes: 250, Seconds: 5},
	} {
		if got := tr.behind(at(5), position); *got != want {
			t.Errorf("at %d: %+v, want %+v", position, *got, want)
		}
	}
	tr.add(at(6), 10) // a new log
	if got := tr.behind(at(7), 10); *got != (Lag{}) {
		t.Errorf("of the new log: %+v", got)
	}
	for second := range 10 * keptSteps {
		tr.add(at(second), int64(second))
	}
	if len(tr.steps) != keptSteps {
		t.Errorf("%d steps are kept", len(tr.steps))
	}
}

func TestNewWatcherRefusesNonsense(t *testing.T) {
	for _, o := range []Options{{}, {Every: time.Second}, {Timeout: time.Second}} {
		if _, err := NewWatcher(Fleet{}, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
