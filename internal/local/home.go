// Package local runs a private PostgreSQL and Redis for a machine that has no Docker, and the blog's own services, as
// supervised child processes. They listen on the loopback only, keep their data in one directory, are restarted when
// they die, and go when the blog goes: on Linux even after a kill -9; elsewhere leftovers are stopped at the next start.
package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrInUse means that another process runs its servers from this directory; [ReadRunning] says where they listen.
var ErrInUse = errors.New("data directory is in use by another process")

// Policy holds the times that children are given.
type Policy struct {
	StartTimeout time.Duration // from start until ready, recovery after a crash included
	StopTimeout  time.Duration // from the polite signal until SIGKILL
	ReadyEvery   time.Duration // between two looks whether a new child is ready
	RestartBase  time.Duration // upper bound of the pause before the first restart; doubles with each in a row
	RestartCap   time.Duration // largest upper bound of that pause
	StableAfter  time.Duration // a child that ran this long starts again from RestartBase
}

// Home is a data directory held by this process, with the children that run from it. Its methods may be called by
// several goroutines at once.
type Home struct {
	dir    string
	policy Policy
	log    *slog.Logger
	owner  *owner // whom PostgreSQL and Redis run as; nil: ourselves
	lock   *os.File
	find   func() (Tools, []Problem) // runs programs to ask for their versions, so only where one is needed
	unfit  error                     // why the owner can't run servers here, whatever is installed

	mu       sync.Mutex
	children []*child
	running  Running
	closed   bool
}

// Open takes the directory, made by [DataDir], for this process, and stops what an earlier one left running there.
// It returns [ErrInUse] where another process has it. Close gives it back.
func Open(dir string, p Policy, log *slog.Logger) (*Home, error) {
	dir, err := filepath.EvalSymlinks(dir) // processes are recognised by their real working directory
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	h := &Home{dir: dir, policy: p, log: log, running: Running{PID: os.Getpid()}, find: sync.OnceValues(Find)}
	if h.owner, h.unfit = unprivileged(); h.unfit == nil {
		h.unfit = h.owner.mayEnter(dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, fmt.Errorf("data directory %s: %w; set DATA_DIR to one that can be written", dir, err)
	}
	if h.lock, err = os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, fmt.Errorf("data directory %s: %w; set DATA_DIR to one that can be written", dir, err)
	}
	if err := lockFile(h.lock); err != nil {
		return nil, errors.Join(err, h.lock.Close())
	}
	h.stopLeftovers()
	return h, nil
}

// Child runs one of the blog's own services under the same supervision: command makes a fresh one for each start, ready
// answers nil once it serves. It returns when the child is ready, or with the reason and the end of its log. A name is
// one child's until [Home.Stop].
func (h *Home) Child(ctx context.Context, name string, command func() *exec.Cmd, ready func(context.Context) error) error {
	return h.start(ctx, h.newChild(name, syscall.SIGTERM, "", func() (*exec.Cmd, error) {
		cmd := command()
		isolate(cmd, nil)
		return cmd, nil
	}), ready)
}

// start supervises c and waits until it is ready. A child that exits before that, or takes longer than StartTimeout,
// is given up: the caller may try again.
func (h *Home) start(ctx context.Context, c *child, ready func(context.Context) error) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return fmt.Errorf("start %s: %w", c.name, os.ErrClosed)
	}
	if slices.ContainsFunc(h.children, func(other *child) bool { return other.name == c.name }) {
		h.mu.Unlock()
		return fmt.Errorf("start %s: one runs under this name, stop it first", c.name)
	}
	h.children = append(h.children, c)
	h.mu.Unlock()
	go c.supervise()

	ctx, cancel := context.WithTimeout(ctx, h.policy.StartTimeout)
	defer cancel()
	err := c.untilReady(ctx, ready)
	if err == nil {
		return nil
	}
	h.end(context.WithoutCancel(ctx), c)
	return fmt.Errorf("%s did not start: %w; the end of %s:\n%s", c.name, err, c.output, tail(c.output))
}

// end stops a child for good. It stays recorded, as one that may be running, until it is gone.
func (h *Home) end(ctx context.Context, c *child) {
	c.halt(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.children = slices.DeleteFunc(h.children, func(other *child) bool { return other == c })
}

// Stop ends a child that [Home.Child] started, by its name: politely, and by force when StopTimeout has passed or ctx
// ends. The name is free again after that. A child that there isn't is stopped already.
func (h *Home) Stop(ctx context.Context, name string) error {
	c := h.child(name)
	if c == nil {
		return nil
	}
	h.end(ctx, c)
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed {
		return nil // Close has removed the record as a whole
	}
	return h.Note(func(r *Running) {
		r.Children = slices.DeleteFunc(r.Children, func(p Process) bool { return p.Name == name })
	})
}

// Close stops the children, the last started first, and gives the directory back. It is done at the latest after
// StopTimeout for each, or, when ctx ends before, at once: what has not stopped by then is killed.
func (h *Home) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	children := slices.Clone(h.children)
	h.mu.Unlock()
	for _, c := range slices.Backward(children) {
		c.halt(ctx)
	}
	err := os.Remove(filepath.Join(h.dir, runFile))
	if errors.Is(err, os.ErrNotExist) {
		err = nil // nothing was ever started
	}
	return errors.Join(err, h.lock.Close())
}

// Processes returns the ids of a child, by the name its log has, and of the processes it has started for itself.
// There are none while it is down.
func (h *Home) Processes(name string) []int {
	if c := h.child(name); c != nil {
		return c.processes()
	}
	return nil
}

// Kill ends a child by SIGKILL and keeps it down until release is called, to see what an outage does.
func (h *Home) Kill(name string) (release func(), err error) {
	c := h.child(name)
	if c == nil {
		return nil, fmt.Errorf("kill %s: no such child", name)
	}
	select {
	case c.gate <- struct{}{}:
	case <-c.done:
		return nil, fmt.Errorf("kill %s: %w", name, os.ErrClosed)
	}
	signalAll(c.processes(), kill)
	return func() { <-c.gate }, nil
}

func (h *Home) child(name string) *child {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// tail returns the last lines of a log, enough to see why a process ended.
func tail(path string) string {
	const lines = 10
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprint(err)
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
