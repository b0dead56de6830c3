package local

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// RunTask runs a command to its end as a process that ends with this one: on Linux even after a kill -9. cmd is made by
// [exec.CommandContext]; when that context ends the process is asked to stop (SIGTERM), and killed once grace has
// passed. The error is the command's own.
func RunTask(cmd *exec.Cmd, grace time.Duration) error {
	isolate(cmd, nil)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the kernel's parent-death signal fires when the thread that forked ends: see supervise
		done <- cmd.Run()
	}()
	return <-done
}
