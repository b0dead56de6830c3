package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"afloat/internal/local"
)

// However the blog ends, what it started goes with it.
func TestChildrenGoWithTheBlog(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		signal syscall.Signal
		want   string
	}{
		{syscall.SIGTERM, "exit status 0"},
		{syscall.SIGINT, "exit status 0"},
		{syscall.SIGKILL, "signal: killed"},
	} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			dir := dataDir(t)
			cmd, console := program(t, exe, "DATA_DIR="+dir, "PATH="+os.Getenv("PATH"))
			base := console.url(t)
			eventually(t, "the database's own articles", func() bool {
				_, page := get(t, base+"/posts/"+shipped(t)[0].Slug)
				return state(page, "post") == "fresh"
			})
			var running local.Running
			eventually(t, "five children", func() bool {
				running, err = local.ReadRunning(dir)
				return err == nil && len(running.Children) == 5
			})
			if left := alive(running, dir); len(left) < 4 {
				t.Fatalf("only %v run, so the test would see nothing left", left)
			}

			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			state, err := cmd.Process.Wait()
			if err != nil || state.String() != tt.want {
				t.Errorf("the blog ended with %v, %v; want %s", state, err, tt.want)
			}
			if tt.signal != syscall.SIGKILL {
				if left := alive(running, dir); len(left) > 0 {
					t.Errorf("left over at the blog's end: %v", left)
				}
				return
			}
			eventually(t, "the children's end", func() bool { return len(alive(running, dir)) == 0 })
		})
	}
}

// alive lists the children, and all else that works in dir, such as
// PostgreSQL's backends. What is dead but not reaped has no command line.
func alive(running local.Running, dir string) (found []string) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is well-formed
	for _, link := range links {
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(link), "cmdline")) // gone by now: empty too
		command := strings.TrimSpace(strings.ReplaceAll(string(line), "\x00", " "))
		if command == "" {
			continue
		}
		at, _ := os.Readlink(link)
		child := slices.ContainsFunc(running.Children, func(p local.Process) bool {
			return link == fmt.Sprintf("/proc/%d/cwd", p.PID) && command == p.Command
		})
		if child || strings.HasPrefix(at, dir+"/") {
			found = append(found, command)
		}
	}
	return found
}
