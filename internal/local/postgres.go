package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	pgUser     = "afloat"
	pgDatabase = "afloat"
)

// Postgres starts the private PostgreSQL, on its first use after making its data directory, and returns the URL of a
// database in it. The port stays the same for as long as the Home is open. After an error it may be called again.
//
// Data directories of different major versions lie side by side, for one can't read another's.
func (h *Home) Postgres(ctx context.Context) (string, error) {
	if err := h.missing("PostgreSQL"); err != nil {
		return "", err
	}
	data := h.dataDir()
	password, err := h.initdb(ctx, data)
	if err != nil {
		return "", fmt.Errorf("make the PostgreSQL data directory: %w", err)
	}
	h.clearPostmaster(data)
	port, err := FreePort()
	if err != nil {
		return "", err
	}
	location := url.URL{
		Scheme: "postgres", User: url.UserPassword(pgUser, password),
		Host: fmt.Sprintf("127.0.0.1:%d", port), Path: pgDatabase, RawQuery: "sslmode=disable",
	}
	c := h.newChild("postgres", syscall.SIGINT /* fast shutdown */, data, func() (*exec.Cmd, error) {
		h.killOrphans(data)
		cmd := exec.Command(filepath.Join(h.tools().PGBin, "postgres"), "-D", data,
			"-c", fmt.Sprintf("port=%d", port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "log_checkpoints=off")
		h.asServer(cmd, data)
		return cmd, nil
	})
	if err := h.start(ctx, c, func(ctx context.Context) error { return ensureDatabase(ctx, location) }); err != nil {
		return "", err
	}
	return location.String(), h.Note(func(r *Running) { r.PostgresURL = location.String() })
}

func (h *Home) dataDir() string {
	return filepath.Join(h.dir, fmt.Sprintf("postgres-%d", major(h.tools().PGVersion)))
}

// initdb makes the data directory unless it is there, and returns the password it was made with.
func (h *Home) initdb(ctx context.Context, data string) (password string, err error) {
	secret := data + ".password"
	if _, err := os.Stat(data); err == nil {
		text, err := os.ReadFile(secret)
		if err != nil {
			return "", fmt.Errorf("its password is lost: %w; remove %s to begin with an empty one", err, data)
		}
		return string(text), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password = rand.Text()
	if err := h.writePrivate(secret, []byte(password), h.owner); err != nil {
		return "", err
	}
	unfinished := data + ".new" // moved into place when whole, so that a killed initdb leaves nothing half made
	if err := os.RemoveAll(unfinished); err != nil {
		return "", err
	}
	if err := h.owner.makeDir(unfinished); err != nil {
		return "", err
	}
	locale := "C.UTF-8"
	if runtime.GOOS == "darwin" {
		locale = "en_US.UTF-8"
	}
	// --no-sync concerns these files only: the server itself runs with fsync on.
	cmd := exec.CommandContext(ctx, filepath.Join(h.tools().PGBin, "initdb"), "-D", unfinished, "--no-sync",
		"--username", pgUser, "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", locale)
	h.asServer(cmd, unfinished)
	runtime.LockOSThread() // see supervise
	out, err := cmd.CombinedOutput()
	runtime.UnlockOSThread()
	if err != nil {
		return "", fmt.Errorf("initdb: %w:\n%s", err, out)
	}
	return password, os.Rename(unfinished, data)
}

// asServer gives a command what a server's process needs and nothing else of ours: no secrets from the environment.
func (h *Home) asServer(cmd *exec.Cmd, dir string) {
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "LC_ALL=C"}
	isolate(cmd, h.owner)
}

// killOrphans ends the backends that a killed server left, which may go on for a while, and when paused for ever: two
// sets of backends must never work on one data directory.
func (h *Home) killOrphans(data string) {
	for pids := related(0, data); len(pids) > 0; pids = related(0, data) {
		signalAll(pids, kill)
		time.Sleep(h.policy.ReadyEvery)
	}
}

// clearPostmaster deals with the pid file of a server that was killed. It stops that server if it still runs. Where the
// id is a stranger's by now, or a zombie's, it removes the file, which would keep PostgreSQL from starting.
func (h *Home) clearPostmaster(data string) {
	file := filepath.Join(data, "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return
	}
	h.stopLeftover(pid, func(command string) bool { return strings.Contains(command, data) })
	if process, err := os.FindProcess(pid); err == nil && !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone) {
		_ = os.Remove(file) // if this fails PostgreSQL says what to do
	}
}

// ensureDatabase answers nil once the server does, and the blog's database is there.
func ensureDatabase(ctx context.Context, location url.URL) error {
	location.Path = "postgres"
	conn, err := pgx.Connect(ctx, location.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var exists bool
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, pgDatabase).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{pgDatabase}.Sanitize())
	return err
}
