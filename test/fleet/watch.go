package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"time"

	"afloat/test/fleet/state"
)

// watch keeps what the probe saw.
type watch struct {
	mu   sync.Mutex
	seen []state.Seen
}

// follow reads the probe's words until ctx ends. Its container's log is the one way out of the fleet's network that
// works alike wherever Docker runs.
func (d *docker) follow(ctx context.Context, w *watch) error {
	cmd := exec.CommandContext(ctx, "docker", "logs", "-f", "--tail", "0", d.services["probe"])
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var s state.Seen
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			w.add(s)
		}
	}
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("docker logs: %w", err)
	}
	return nil
}

func (w *watch) add(s state.Seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
}

func (w *watch) last() (s state.Seen, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		return s, false
	}
	return w.seen[len(w.seen)-1], true
}

// redisGap is the longest time without a Redis write between two moments.
func (w *watch) redisGap(from, to time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var longest time.Duration
	for _, s := range w.seen {
		if s.At.After(from) && s.At.Before(to) {
			longest = max(longest, s.RedisGap)
		}
	}
	return longest
}

const (
	patience   = 3 * time.Minute // for the fleet to become whole
	staysWhole = 3               // looks at it in a row, or a node that is about to be missed would count
)

// whole waits until the fleet is healthy and tells since when it has been.
func (w *watch) whole(ctx context.Context) (since time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	from := time.Now()
	for {
		lacks := []string{"the probe says nothing"}
		if s, ok := w.last(); ok && s.At.After(from) {
			if lacks = s.Unhealthy(); len(lacks) == 0 {
				if since, ok = w.wholeSince(from); ok {
					return since, nil
				}
			}
		}
		if err := wait(ctx, tick); err != nil {
			return since, fmt.Errorf("the fleet is not whole after %v: %s", time.Since(from).Round(time.Second), strings.Join(lacks, "; "))
		}
	}
}

// wholeSince reports whether the last looks since from all saw a whole fleet, and the first of that row.
func (w *watch) wholeSince(from time.Time) (since time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	row := 0
	for i := len(w.seen) - 1; i >= 0 && w.seen[i].At.After(from) && len(w.seen[i].Unhealthy()) == 0; i-- {
		since, row = w.seen[i].At, row+1
	}
	return since, row >= staysWhole
}

// resolve turns roles such as "postgres leader" into the services that have them now.
func (w *watch) resolve(targets []string) ([]string, error) {
	s, ok := w.last()
	if !ok {
		return nil, fmt.Errorf("the probe says nothing")
	}
	var services []string
	for _, t := range targets {
		kind, role, isRole := strings.Cut(t, " ")
		if !isRole {
			services = append(services, t)
			continue
		}
		named := s.Named(kind, role)
		if len(named) == 0 {
			return nil, fmt.Errorf("no %s is %s", kind, role)
		}
		services = append(services, named[0])
	}
	return services, nil
}

// wholeAfter is the first look after a moment from which on the fleet was whole until then.
func (w *watch) wholeAfter(from, until time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	since := until
	for i := len(w.seen) - 1; i >= 0; i-- {
		s := w.seen[i]
		if s.At.After(until) {
			continue
		}
		if !s.At.After(from) || len(s.Unhealthy()) > 0 {
			break
		}
		since = s.At
	}
	return since
}
