//go:build unix

package local

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const (
	interrupt = syscall.SIGINT
	resume    = syscall.SIGCONT
	kill      = syscall.SIGKILL
)

// signalAll sends the signals to each process that still exists.
func signalAll(pids []int, signals ...syscall.Signal) {
	for _, pid := range pids {
		for _, signal := range signals {
			_ = syscall.Kill(pid, signal) // it may have gone by itself
		}
	}
}

// lockFile takes the lock that the kernel gives back however this process ends.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrInUse
	}
	if err != nil {
		return fmt.Errorf("lock the data directory: %w", err)
	}
	return nil
}

func fileOwner(info os.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}
