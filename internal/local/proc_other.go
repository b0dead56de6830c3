//go:build unix && !linux

package local

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// isolate keeps the terminal's Ctrl-C from a command (its own process group), and gives it another user where as is not
// nil. These systems can't promise that it dies with us.
func isolate(cmd *exec.Cmd, as *owner) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
}

// commandLine returns the arguments of a process, joined by spaces; empty where there is none.
func commandLine(pid int) string {
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// related returns the children of a process.
func related(pid int, _ string) []int {
	if pid == 0 {
		return nil
	}
	var pids []int
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(pid)).Output() // it fails where there are none
	for _, field := range strings.Fields(string(out)) {
		if child, err := strconv.Atoi(field); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}
