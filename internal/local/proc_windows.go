package local

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

const (
	interrupt = syscall.SIGINT
	resume    = syscall.SIGTERM
	kill      = syscall.SIGKILL
)

// lockFile refuses, and with it Open: what keeps children safe here is not to be had on Windows. The blog itself runs.
func lockFile(*os.File) error {
	return errors.New("private servers need Linux, macOS or BSD (or WSL): set DATABASE_URL and REDIS_URL, or use `docker compose up`")
}

func isolate(*exec.Cmd, *owner) {}

func signalAll([]int, ...syscall.Signal) {}

func commandLine(int) string { return "" }

func related(int, string) []int { return nil }

func fileOwner(os.FileInfo) (uid, gid int) { return -1, -1 }
