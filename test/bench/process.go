package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The server that is measured runs on one core, everything else on the other.
const (
	serverCore = "0"
	otherCore  = "1"
)

// pinned reports whether processes can be held to a core.
func pinned() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() > 1
}

// pinSelf moves this process to the other core; whatever it starts inherits
// that. It returns remarks on what can't be had.
func pinSelf(ctx context.Context) []string {
	if !pinned() {
		return []string{"nothing is pinned to a core: that needs two cores and taskset (util-linux). Server and load disturb each other, so compare nothing with another machine's figures."}
	}
	out, err := exec.CommandContext(ctx, "taskset", "-acp", otherCore, strconv.Itoa(os.Getpid())).CombinedOutput()
	if err != nil {
		return []string{fmt.Sprintf("the load is not pinned to a core: %s", bytes.TrimSpace(out))}
	}
	return nil
}

// onServerCore makes a command run on the server's core, with as many Go
// threads as that is worth.
func onServerCore(cmd *exec.Cmd) *exec.Cmd {
	if pinned() {
		cmd.Args = append([]string{"taskset", "-c", serverCore, cmd.Path}, cmd.Args[1:]...)
		cmd.Path, _ = exec.LookPath("taskset")
		cmd.Err = nil
	}
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	return cmd
}

// process is a server that was started for the measurements.
type process struct {
	name, addr string
	cmd        *exec.Cmd
	output     *bytes.Buffer
	ended      chan struct{}
	began      time.Time
}

func startProcess(name, addr string, cmd *exec.Cmd) (*process, error) {
	p := &process{name: name, addr: addr, cmd: cmd, output: &bytes.Buffer{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	p.began = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() { _ = cmd.Wait(); close(p.ended) }() // how it ended is in its output
	return p, nil
}

// until200 waits for the first whole answer to a path and returns when it came,
// counted from the start of the process.
func (p *process) until200(ctx context.Context, path string) (time.Duration, error) {
	const limit = 2 * time.Minute // only ends a hopeless wait
	request := getRequest(p.addr, path)
	for time.Since(p.began) < limit && ctx.Err() == nil {
		if c, err := dial(p.addr); err == nil {
			answer, err := c.get(request, nil)
			_ = c.Close()
			if err == nil && answer.status == 200 {
				return time.Since(p.began), nil
			}
		}
		select {
		case <-p.ended:
			return 0, fmt.Errorf("%s ended:\n%s", p.name, p.output)
		case <-time.After(time.Millisecond):
		}
	}
	return 0, errors.Join(fmt.Errorf("%s does not answer %s with 200", p.name, path), ctx.Err())
}

func (p *process) stop() {
	const patience = 10 * time.Second
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended already
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

func (p *process) cpu() time.Duration { return processorTime(p.cmd.Process.Pid) }

// proc reads a file of a process from /proc, "" where there is none.
func proc(pid int, file string) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return ""
	}
	return string(b)
}

// processorTime is what a process has used, in user mode and in the kernel; 0
// where the system does not tell.
func processorTime(pid int) time.Duration {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	_, rest, _ := strings.Cut(proc(pid, "stat"), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick
}

// memory is a line of /proc/PID/status in megabytes: VmRSS is what is
// resident, VmHWM the most that ever was.
func (p *process) memory(line string) float64 {
	for l := range strings.Lines(proc(p.cmd.Process.Pid, "status")) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// waitFor looks until a condition holds.
func waitFor(ctx context.Context, what string, limit time.Duration, condition func() bool) error {
	const look = 20 * time.Millisecond
	for began := time.Now(); !condition(); {
		if time.Since(began) > limit {
			return fmt.Errorf("waited %v in vain for %s", limit, what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
	return nil
}

// freeAddr finds a free port on the loopback.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
