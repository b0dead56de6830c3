//go:build unix

package local

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestStoppedChildIsGoneAndMayBeStartedAgain(t *testing.T) {
	dir := homeDir(t)
	h := open(t, dir)
	if err := h.Stop(t.Context(), "sleeper"); err != nil {
		t.Errorf("stopping what never ran: %v", err)
	}
	for range 2 {
		if err := h.Child(t.Context(), "sleeper", sleeper, always); err != nil {
			t.Fatal(err)
		}
		if err := h.Child(t.Context(), "other", sleeper, always); err != nil {
			t.Fatal(err)
		}
		pids := h.Processes("sleeper")
		if len(pids) != 1 {
			t.Fatalf("processes %v, want one", pids)
		}
		if err := h.Stop(t.Context(), "sleeper"); err != nil {
			t.Fatal(err)
		}
		if !gone(pids)() || len(h.Processes("sleeper")) > 0 {
			t.Error("the stopped child still runs")
		}
		if r, err := ReadRunning(dir); err != nil || len(r.Children) != 1 || r.Children[0].Name != "other" || len(h.Processes("other")) != 1 {
			t.Errorf("running: %+v, %v; want the other child alone", r, err)
		}
		if err := h.Stop(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTaskRunsToItsEnd(t *testing.T) {
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "echo done; exit 3")
	cmd.Stdout = &out
	exit := (*exec.ExitError)(nil)
	if err := RunTask(cmd, time.Minute); !errors.As(err, &exit) || exit.ExitCode() != 3 || out.String() != "done\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

func TestTaskIsStoppedPolitelyThenByForce(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		grace  time.Duration
		want   string
	}{
		"obeys":   {"trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done", time.Minute, "up\nbye\n"},
		"doesn't": {"trap '' TERM; echo up; while :; do sleep 0.05; done", 100 * time.Millisecond, "up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out safeBuffer
			cmd := exec.CommandContext(ctx, "sh", "-c", tt.script)
			cmd.Stdout = &out
			done := make(chan error, 1)
			go func() { done <- RunTask(cmd, tt.grace) }()
			eventually(t, "the task runs", func() bool { return strings.Contains(out.String(), "up") })
			cancel()
			if err := <-done; err == nil {
				t.Error("no error says that it was stopped")
			}
			if out.String() != tt.want {
				t.Errorf("it said %q, want %q", out.String(), tt.want)
			}
			if !gone([]int{cmd.Process.Pid})() {
				t.Error("it still runs")
			}
		})
	}
}
