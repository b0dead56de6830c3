package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const runFile = "run.json"

// Running says what runs from a data directory. The URLs hold passwords, so the file is the owner's alone.
type Running struct {
	PID                int       `json:"pid"`
	PostgresURL        string    `json:"postgres_url,omitempty"`
	RedisURL           string    `json:"redis_url,omitempty"`
	RecommendationsURL string    `json:"recommendations_url,omitempty"`
	Children           []Process `json:"children"`
}

// Process is a child as its command line shows it: what tells it from a stranger that later got the same id.
type Process struct {
	Name    string `json:"name"`
	PID     int    `json:"pid"`
	Command string `json:"command"`
}

// ReadRunning returns what the process that holds dir runs there. Where none does the error is [fs.ErrNotExist].
func ReadRunning(dir string) (Running, error) {
	r, err := readRun(dir)
	if err == nil && commandLine(r.PID) == "" {
		err = fs.ErrNotExist // it was killed and left the file
	}
	if err != nil {
		return Running{}, fmt.Errorf("no blog runs from %s: %w", dir, err)
	}
	return r, nil
}

// Note changes what [ReadRunning] returns to others.
func (h *Home) Note(change func(*Running)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.running)
	text, err := json.MarshalIndent(h.running, "", "  ")
	if err != nil {
		return err
	}
	return h.writePrivate(filepath.Join(h.dir, runFile), text, nil)
}

func (h *Home) noteChild(name string, pid int, args []string) {
	err := h.Note(func(r *Running) {
		r.Children = slices.DeleteFunc(r.Children, func(p Process) bool { return p.Name == name })
		r.Children = append(r.Children, Process{Name: name, PID: pid, Command: strings.Join(args, " ")})
	})
	if err != nil {
		h.log.Warn("child not recorded: a crash may leave it running", "child", name, "error", err)
	}
}

// stopLeftovers ends the children of a process that was killed before it could. Called with the lock held, so that
// what is found has no master any more.
func (h *Home) stopLeftovers() {
	r, err := readRun(h.dir)
	if err != nil {
		return // none, or not readable: PostgreSQL's own pid file is looked at before it starts
	}
	for _, p := range r.Children {
		h.stopLeftover(p.PID, func(command string) bool { return command == p.Command })
	}
	_ = os.Remove(filepath.Join(h.dir, runFile)) // written anew with the first child
}

// stopLeftover ends a process as long as its command line is still the one that is meant.
func (h *Home) stopLeftover(pid int, isOurs func(command string) bool) {
	alive := func() bool { return isOurs(commandLine(pid)) }
	if !alive() {
		return
	}
	h.log.Warn("stopping a process left by an earlier run", "pid", pid)
	signalAll([]int{pid}, interrupt, resume)
	for deadline := time.Now().Add(h.policy.StopTimeout); alive() && time.Now().Before(deadline); {
		time.Sleep(h.policy.ReadyEvery)
	}
	for alive() {
		signalAll([]int{pid}, kill)
		time.Sleep(h.policy.ReadyEvery)
	}
}

func readRun(dir string) (Running, error) {
	var r Running
	text, err := os.ReadFile(filepath.Join(dir, runFile))
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// writePrivate replaces a file at once, readable by its owner only.
func (h *Home) writePrivate(path string, text []byte, as *owner) error {
	f, err := os.CreateTemp(h.dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Close(), as.own(f.Name()))
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
