package testenv

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"afloat/internal/local"
)

// Process is one server of a cluster, a child of the test. Its methods end the
// test when they fail, so they belong on the test's own goroutine.
type Process struct {
	Addr string // 127.0.0.1:port

	t     testing.TB
	start func() *exec.Cmd
	ready func(context.Context) error
	cmd   *exec.Cmd
}

// Kill ends it with SIGKILL. What it had started ends with it.
func (p *Process) Kill() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait() // it was killed
	p.cmd = nil
}

// Pause stops it and what it has started where they are (SIGSTOP): connections
// stay open and silent, new ones are accepted by the kernel and then silent.
func (p *Process) Pause() { p.t.Helper(); p.signal(syscall.SIGSTOP) }

// Resume lets a paused one go on.
func (p *Process) Resume() { p.t.Helper(); p.signal(syscall.SIGCONT) }

// Start starts it, on what data it has, and waits until it serves.
func (p *Process) Start() {
	p.t.Helper()
	p.cmd = p.start()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		err := p.ready(try)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			p.t.Fatalf("%s does not serve: %v", p.cmd.Path, err)
		}
		time.Sleep(readyEvery)
	}
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	pids := []int{p.cmd.Process.Pid}
	children, _ := exec.Command("pgrep", "-P", strconv.Itoa(pids[0])).Output() // fails where there are none
	for _, field := range strings.Fields(string(children)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			p.t.Fatal(err)
		}
	}
}

// cluster is what its processes have in common: a directory, and a user who may
// run servers.
type cluster struct {
	t   testing.TB
	dir string
	as  *syscall.Credential // nil: the test's own user
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	dir, err := os.MkdirTemp("", "afloat-cluster-") //nolint:usetesting // no other user may enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	c := &cluster{t: t, dir: dir}
	if os.Geteuid() != 0 {
		return c
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.Atoi(u.Uid)
			gid, _ := strconv.Atoi(u.Gid)
			c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			c.own(dir)
			return c
		}
	}
	t.Fatal("PostgreSQL refuses to run as root, and there is no other user to run it as")
	return nil
}

func (c *cluster) own(path string) {
	if c.as != nil {
		if err := os.Chown(path, int(c.as.Uid), int(c.as.Gid)); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = c.dir, []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	return cmd
}

func (c *cluster) must(program string, args ...string) {
	c.t.Helper()
	if out, err := c.command(program, args...).CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", filepath.Base(program), err, out)
	}
}

// process starts one that ends with the test.
func (c *cluster) process(addr string, ready func(context.Context) error, program string, args ...string) *Process {
	c.t.Helper()
	p := &Process{Addr: addr, t: c.t, ready: ready, start: func() *exec.Cmd { return c.command(program, args...) }}
	c.t.Cleanup(func() {
		if p.cmd != nil {
			p.Resume()
		}
		p.Kill()
	})
	p.Start()
	return p
}

func freePort(t testing.TB) int {
	t.Helper()
	port, err := local.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}
