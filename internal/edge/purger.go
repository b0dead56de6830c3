// Package edge tells the CDN's edges which pages have changed.
//
// A purge is a courtesy: it makes a change seen at once. What it rests on is
// the page's own lifetime at the edge ([policy.Edge]), which ends whether or
// not anybody purges. So a purge may get lost, an edge that is down need not be
// told afterwards, and nobody waits for either.
package edge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"afloat/internal/policy"
)

// everything is the tag that each page carries.
const everything = "site"

// Purger tells a number of edges of changes, each at its own pace: one that
// hangs delays no other. It is safe for concurrent use.
type Purger struct {
	edges []*target
}

// New makes a Purger for edges at these base URLs, such as
// http://10.88.0.11:8080. It contacts nothing; [Purger.Run] does. The client's
// own limits should be above p.Purge.Timeout.
func New(edges []string, client *http.Client, p policy.Edge, log *slog.Logger) *Purger {
	purger := &Purger{}
	for _, at := range edges {
		purger.edges = append(purger.edges, &target{
			at: strings.TrimSuffix(at, "/"), client: client, policy: p, log: log,
			waiting: map[string]time.Time{}, more: make(chan struct{}, 1),
		})
	}
	return purger
}

// Outdate tells all edges that the pages at these paths, such as /posts/a, have
// changed: a copy of one is out of date, and shown only where nothing newer can
// be had. It returns at once.
func (p *Purger) Outdate(paths ...string) { p.tell(paths) }

// Purge asks for all pages that carry one of the tags to be removed from all
// edges, as what was withdrawn must not come back. It returns at once: tags
// that come in while an edge is being told of others go together. A tag
// consists of lower-case letters, digits and hyphens.
func (p *Purger) Purge(tags ...string) { p.tell(tags) }

func (p *Purger) tell(what []string) {
	for _, t := range p.edges {
		t.add(what)
	}
}

// Run sends what is asked for until ctx ends. What is asked for before Run
// waits for it.
func (p *Purger) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for _, t := range p.edges {
		running.Go(func() { t.run(ctx) })
	}
}

// target is one edge.
type target struct {
	at     string
	client *http.Client
	policy policy.Edge
	log    *slog.Logger
	more   chan struct{} // holds a token while something may be waiting

	mu      sync.Mutex
	waiting map[string]time.Time // tags and paths, and since when
	failing bool                 // the last purge failed, which is logged
}

func (t *target) add(what []string) {
	now := time.Now()
	t.mu.Lock()
	for _, w := range what {
		t.waiting[w] = now // the change is of now, even if it has been waiting for an earlier one
	}
	if _, all := t.waiting[everything]; all || len(t.waiting) > t.policy.Purge.Tags {
		t.waiting = map[string]time.Time{everything: now}
	}
	t.mu.Unlock()
	select {
	case t.more <- struct{}{}:
	default:
	}
}

func (t *target) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.more:
		}
		if what := t.take(); len(what) > 0 {
			err := t.tell(ctx, slices.Sorted(maps.Keys(what)))
			if ctx.Err() != nil {
				return
			}
			t.settle(what, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(t.policy.Purge.Pause):
		}
	}
}

// take returns what is waiting, without that whose pages have ended by
// themselves meanwhile.
func (t *target) take() map[string]time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	what := t.waiting
	t.waiting = map[string]time.Time{}
	maps.DeleteFunc(what, func(_ string, since time.Time) bool { return time.Since(since) > t.policy.Fresh+t.policy.Behind })
	return what
}

// settle puts back what the edge could not be told, and logs when failing
// begins and when it ends.
func (t *target) settle(what map[string]time.Time, err error) {
	t.mu.Lock()
	was := t.failing
	t.failing = err != nil
	if err != nil {
		for w, since := range what {
			if _, newer := t.waiting[w]; !newer {
				t.waiting[w] = since
			}
		}
		select {
		case t.more <- struct{}{}:
		default:
		}
	}
	t.mu.Unlock()
	switch {
	case err != nil && !was:
		t.log.Warn("an edge can't be told of changes; its pages end by themselves", "edge", t.at, "within", t.policy.Fresh+t.policy.Behind, "err", err)
	case err == nil && was:
		t.log.Info("the edge is told of changes again", "edge", t.at)
	}
}

// tell sends a request for each path, and one for all tags. Repeating them is
// harmless: what is gone already is not removed again, and what is new will be
// fetched once more.
func (t *target) tell(ctx context.Context, what []string) error {
	var tags []string
	for _, w := range what {
		if !strings.HasPrefix(w, "/") {
			tags = append(tags, w)
		} else if err := t.send(ctx, w, ""); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	return t.send(ctx, "/", strings.Join(tags, " "))
}

// send sends one request. With tags it removes their pages; without, it makes
// the page at path out of date.
func (t *target) send(ctx context.Context, path, tags string) error {
	ctx, cancel := context.WithTimeout(ctx, t.policy.Purge.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "PURGE", t.at+path, nil)
	if err != nil {
		return err
	}
	if tags != "" {
		req.Header.Set("Cache-Tag", tags)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 4<<10)) // a connection whose answer was read to its end is used again
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("PURGE of %s %s: %s", path, tags, res.Status)
	}
	return nil
}
