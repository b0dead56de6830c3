package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// child is one supervised process: started, awaited, restarted, and in the end stopped.
type child struct {
	name    string
	command func() (*exec.Cmd, error) // made anew for each start
	quit    os.Signal                 // asks it to stop
	dir     string                    // its own working directory, by which its processes are found; "" if it has none
	output  string                    // where its standard output and error go
	started func(pid int, args []string)
	policy  Policy
	log     *slog.Logger

	gate   chan struct{} // full while held: no start passes
	stop   chan struct{} // closed by halt: no more restarts
	begun  chan struct{} // closed when the first process has been started and recorded
	exited chan error    // holds the first exit
	done   chan struct{} // closed when the process is gone for good

	mu      sync.Mutex
	process *os.Process
	halted  bool
}

func (h *Home) newChild(name string, quit os.Signal, dir string, command func() (*exec.Cmd, error)) *child {
	return &child{
		name: name, command: command, quit: quit, dir: dir, policy: h.policy, log: h.log,
		output:  filepath.Join(h.dir, "logs", name+".log"),
		started: func(pid int, args []string) { h.noteChild(name, pid, args) },
		gate:    make(chan struct{}, 1), stop: make(chan struct{}), begun: make(chan struct{}), exited: make(chan error, 1), done: make(chan struct{}),
	}
}

// supervise keeps the process running until halt. A paused process (SIGSTOP) has not exited and is left alone.
//
// The kernel's parent-death signal fires when the *thread* that forked the child ends, so this goroutine keeps its
// thread to itself for as long as it forks and awaits.
func (c *child) supervise() {
	runtime.LockOSThread()
	defer close(c.done)
	for restarts := 0; ; restarts++ {
		began := time.Now()
		err := c.run(restarts > 0)
		select {
		case c.exited <- err:
		default:
		}
		if c.isHalted() {
			return
		}
		if time.Since(began) >= c.policy.StableAfter {
			restarts = 0
		}
		pause := fullJitter(c.policy.RestartBase, c.policy.RestartCap, restarts)
		c.log.Warn("child exited", "child", c.name, "reason", err, "restart_in", pause)
		select {
		case <-c.stop:
			return
		case <-time.After(pause):
		}
		select {
		case <-c.stop:
			return
		case c.gate <- struct{}{}:
			<-c.gate
		}
	}
}

// run starts the process once and waits for its end.
func (c *child) run(again bool) error {
	cmd, err := c.command()
	if err != nil {
		return err
	}
	mode := os.O_TRUNC
	if again {
		mode = os.O_APPEND // what it said as it died is worth keeping
	}
	out, err := os.OpenFile(c.output, os.O_CREATE|os.O_WRONLY|mode, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out

	c.mu.Lock()
	if c.halted {
		c.mu.Unlock()
		return os.ErrClosed
	}
	if err := cmd.Start(); err != nil {
		c.mu.Unlock()
		return err
	}
	c.process = cmd.Process
	c.mu.Unlock()

	c.started(cmd.Process.Pid, cmd.Args)
	if again {
		c.log.Info("child restarted", "child", c.name, "pid", cmd.Process.Pid)
	} else {
		close(c.begun)
	}
	err = cmd.Wait()
	c.mu.Lock()
	c.process = nil // its id may soon be another's
	c.mu.Unlock()
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// untilReady waits until the first process serves; it fails when that exits, or ctx ends, before.
func (c *child) untilReady(ctx context.Context, ready func(context.Context) error) error {
	select {
	case <-c.begun:
	case err := <-c.exited:
		return err
	}
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(c.policy.ReadyEvery):
		case exit := <-c.exited:
			return fmt.Errorf("exited: %w", exit)
		case <-ctx.Done():
			return fmt.Errorf("not ready (%w): %w", ctx.Err(), err)
		}
	}
}

// halt ends the supervision and the process: politely, and after StopTimeout or the end of ctx by force.
func (c *child) halt(ctx context.Context) {
	c.mu.Lock()
	if !c.halted {
		c.halted = true
		close(c.stop)
	}
	process := c.process
	c.mu.Unlock()
	if process != nil {
		_ = process.Signal(c.quit)       // an error means that it is gone already
		signalAll(c.processes(), resume) // a paused process can't obey
	}
	select {
	case <-c.done:
		return
	case <-ctx.Done():
	case <-time.After(c.policy.StopTimeout):
	}
	c.log.Warn("child did not stop in time, killing it", "child", c.name)
	signalAll(c.processes(), kill)
	<-c.done
}

func (c *child) isHalted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.halted
}

// processes returns the ids of the process and its own children while it lives.
func (c *child) processes() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.process == nil {
		return nil
	}
	return append([]int{c.process.Pid}, related(c.process.Pid, c.dir)...)
}

// fullJitter draws a pause from [0, min(cap, base·2^n)), so that children that died together do not return together.
func fullJitter(base, cap time.Duration, n int) time.Duration {
	bound := base
	for ; n > 0 && bound < cap; n-- {
		bound *= 2
	}
	return rand.N(max(min(bound, cap), 1))
}
