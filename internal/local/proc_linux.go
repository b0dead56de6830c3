package local

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// isolate keeps the terminal's Ctrl-C from a command (its own process group), has the kernel kill it when we die, and
// gives it another user where as is not nil.
func isolate(cmd *exec.Cmd, as *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
}

// commandLine returns the arguments of a process, joined by spaces; empty where there is none, or only a zombie.
func commandLine(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(text), "\x00", " "))
}

// related returns the other processes that have dir as their working directory: PostgreSQL's backends, orphaned or not,
// and Redis' background savers.
func related(pid int, dir string) []int {
	if dir == "" {
		return nil
	}
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is well-formed
	for _, link := range links {
		other, err := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if at, unreadable := os.Readlink(link); err == nil && unreadable == nil && at == dir && other != pid {
			pids = append(pids, other)
		}
	}
	return pids
}
