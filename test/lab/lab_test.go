// Package lab runs experiments that need the whole program: blogs as processes of their own, on private servers, whose
// links are broken while readers read. Each run is what `blog experiment` does for whoever types it.
package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var binary string // the blog, built once

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "afloat-lab-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "blog")
	if out, err := exec.Command("go", "build", "-o", binary, "afloat/cmd/blog").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "lab: go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// run is what is read of an experiment's JSON.
type run struct {
	Finding string `json:"finding"`
	Tables  []struct {
		Caption string     `json:"caption"`
		Head    []string   `json:"head"`
		Rows    [][]string `json:"rows"`
	} `json:"tables"`
	Checks []struct {
		Claim, Want, Got string
		Met              bool
	} `json:"checks"`
}

// experiment runs one with its quick values, and wants each of its expectations met.
func experiment(t *testing.T, name string, args ...string) run {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"experiment", name, "-quick", "-out", dir}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // its private servers end with it
	cmd.WaitDelay = time.Minute
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	failed := cmd.Run()
	var exit *exec.ExitError
	if failed != nil && !(errors.As(failed, &exit) && out.Len() > 0) {
		t.Fatalf("%v\n%s%s", failed, out.String(), told.String())
	}
	text, err := os.ReadFile(filepath.Join(dir, name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var r run
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	t.Log(r.Finding)
	if len(r.Checks) == 0 || len(r.Tables) == 0 {
		t.Errorf("nothing was checked: %s", text)
	}
	met := true
	for _, c := range r.Checks {
		met = met && c.Met
		if !c.Met {
			t.Errorf("%s: want %s, got %s", c.Claim, c.Want, c.Got)
		}
	}
	if met != (failed == nil) {
		t.Errorf("its exit status says otherwise: %v", failed)
	}
	if t.Failed() {
		t.Log(out.String())
	}
	pictures, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(pictures) == 0 {
		t.Errorf("%d pictures: %v", len(pictures), err)
	}
	return r
}

func seeds(t *testing.T, name string, args ...string) {
	for seed := range 3 {
		t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
			experiment(t, name, append(args, "-seed", fmt.Sprint(seed+1))...)
		})
	}
}

func TestPaired(t *testing.T) { seeds(t, "paired") }

func TestLadder(t *testing.T) { seeds(t, "ladder") }

func TestAvailability(t *testing.T) { seeds(t, "availability") }

func TestSwallowed(t *testing.T) { seeds(t, "swallowed") }

// TestAvailabilityOfOneCause: the product is wrong where all outages have one cause, and copies help all the same. Where
// all connections are lost at once their renewal is what an outage's end costs: outages are longer here, and fewer.
func TestAvailabilityOfOneCause(t *testing.T) {
	r := experiment(t, "availability", "-set", "correlated=on", "-set", "cycle=3s", "-set", "for=30s", "-set", "rate=20")
	if !strings.Contains(r.Finding, "failing by one cause") {
		t.Error(r.Finding)
	}
}

// TestTheLadderHasEachRung: every row of both tables was measured, with the same readers.
func TestTheLadderHasEachRung(t *testing.T) {
	r := experiment(t, "ladder", "-set", "rungs=isolation,deadline", "-set", "without=cache,stale", "-set", "for=1s", "-set", "trials=2")
	rows := 0
	for _, table := range r.Tables {
		for _, row := range table.Rows {
			if rows++; row[1] != r.Tables[0].Rows[0][1] || len(row) != len(table.Head) {
				t.Errorf("%s: %v; want the readers of the first row, and a cell under each head", table.Caption, row)
			}
		}
	}
	if rows != 6 {
		t.Errorf("%d rows, want nothing, two rungs, everything, and everything but each of two", rows)
	}
}
