package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Options is how a fleet is watched.
type Options struct {
	Every   time.Duration // from the end of a node's probe to the next
	Timeout time.Duration // a probe that takes longer saw no answer
	Access  Access        // to Redis and Sentinel
}

// A Watcher probes all nodes, each for itself: one that hangs holds up no
// other. It is safe for concurrent use. Make one with NewWatcher.
type Watcher struct {
	Options
	probes  []probe
	closers []func()

	mu      sync.Mutex
	nodes   []Status
	sights  []sight
	trails  map[Kind]*trail
	lost    map[Kind]time.Time
	changed chan struct{} // closed and replaced when a node's state or role changes
}

// probe looks at one node until ctx ends, and never fails: what it can't see is Down.
type probe func(ctx context.Context) sight

// NewWatcher contacts nothing: until Run, every node is Unknown. It refuses
// options that are not above zero.
func NewWatcher(f Fleet, o Options) (*Watcher, error) {
	if o.Every <= 0 || o.Timeout <= 0 {
		return nil, fmt.Errorf("fleet: every %v and timeout %v must be above 0", o.Every, o.Timeout)
	}
	w := &Watcher{
		Options: o, sights: make([]sight, len(f.Nodes)), changed: make(chan struct{}),
		trails: map[Kind]*trail{Postgres: {}, Redis: {}}, lost: map[Kind]time.Time{},
	}
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1}, // without a proxy: what it answered would be no news of the node
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	w.closers = append(w.closers, client.CloseIdleConnections)
	for _, n := range f.Nodes {
		w.nodes = append(w.nodes, Status{Node: n, State: Unknown})
		look, end := newProbe(n, client, o)
		w.probes, w.closers = append(w.probes, look), append(w.closers, end)
	}
	return w, nil
}

// Run watches until ctx ends, and then closes the connections. Call it once.
func (w *Watcher) Run(ctx context.Context) {
	var looking sync.WaitGroup
	for i := range w.probes {
		looking.Go(func() { w.follow(ctx, i) })
	}
	looking.Wait()
	for _, end := range w.closers {
		end()
	}
}

func (w *Watcher) follow(ctx context.Context, i int) {
	for {
		probing, cancel := context.WithTimeout(ctx, w.Timeout)
		seen := w.probes[i](probing)
		late := errors.Is(probing.Err(), context.DeadlineExceeded)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if seen.state == Down && late {
			seen.saw = fmt.Sprintf("no answer within %v", w.Timeout)
		}
		w.note(i, seen)
		select {
		case <-time.After(w.Every):
		case <-ctx.Done():
			return
		}
	}
}

// note writes down what was seen of a node, and what follows from it for the others of its kind.
func (w *Watcher) note(i int, seen sight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, kind := time.Now(), w.nodes[i].Kind
	was := slices.Clone(w.nodes)
	w.sights[i] = seen
	s := &w.nodes[i]
	*s = Status{
		Node: s.Node, State: seen.state, Since: s.Since, Saw: seen.saw, Role: seen.role,
		Timeline: seen.timeline, Paused: seen.paused, Quorum: seen.quorum, Follows: w.nameOf(seen.primary),
	}
	w.settle(kind)
	if trail := w.trails[kind]; trail != nil && seen.state != Down {
		switch s.Role {
		case Leader, Primary:
			trail.add(now, seen.at)
		case Replica, SyncStandby:
			s.Lag = trail.behind(now, seen.at)
		}
	}
	news := w.noteLoss(now, kind)
	for j := range w.nodes {
		if w.nodes[j].State != was[j].State {
			w.nodes[j].Since = now
		}
		news = news || w.nodes[j].State != was[j].State || w.nodes[j].Role != was[j].Role
	}
	if news {
		close(w.changed)
		w.changed = make(chan struct{})
	}
}

// noteLoss keeps since when nobody leads, and reports whether that has changed;
// w.mu is held. Nothing is lost before all nodes of the kind were looked at.
func (w *Watcher) noteLoss(now time.Time, kind Kind) bool {
	if w.trails[kind] == nil {
		return false
	}
	led, known := false, true
	for i, s := range w.nodes {
		if s.Kind == kind {
			led = led || s.State != Down && (s.Role == Leader || s.Role == Primary)
			known = known && s.State != Unknown && !w.sights[i].mute
		}
	}
	_, lost := w.lost[kind]
	switch {
	case led:
		delete(w.lost, kind)
		return lost
	case !lost && known:
		w.lost[kind] = now
		return true
	}
	return false
}

// Watch returns the picture, and a channel that is closed when a node's state
// or role has changed. Lags and times change without that.
func (w *Watcher) Watch() (Picture, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Picture{Nodes: slices.Clone(w.nodes), Lost: maps.Clone(w.lost)}, w.changed
}
