package main

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"
)

const (
	start  = "=== RUN   TestX\n"
	report = "    x_test.go:7: 200 readers made 200 queries\n"
	named  = "200 readers made"
)

// exit is how a process ends with a status.
func exit(t *testing.T, status int) error {
	t.Helper()
	if status == 0 {
		return nil
	}
	err := exec.CommandContext(t.Context(), "sh", "-c", "exit "+strconv.Itoa(status)).Run()
	if err == nil {
		t.Fatal("it ended with 0")
	}
	return err
}

func TestWhatProves(t *testing.T) {
	for name, c := range map[string]struct {
		out       string
		status    int
		late      bool
		pass, not error // the verdicts of passes and failsAt
	}{
		"passes":          {out: start + "--- PASS: TestX (0.01s)\nPASS\n", not: errPasses},
		"fails":           {out: start + report + "--- FAIL: TestX (0.01s)\nFAIL\n", status: 1, pass: errFails},
		"another failure": {out: start + "    x_test.go:9: no server\n--- FAIL: TestX (0.01s)\nFAIL\n", status: 1, pass: errFails, not: errOther},
		"a crash":         {out: start + report + "--- FAIL: TestX (0.01s)\npanic: bug\n", status: 2, pass: errCrashed, not: errCrashed},
		"an early exit":   {out: start + report + "\npanic: bug\n--- FAIL: TestX (0.01s)\n", status: 1, pass: errCrashed, not: errCrashed},
		"a time-out":      {out: start + report + "--- FAIL: TestX (0.01s)\n", status: 1, late: true, pass: errTooLate, not: errTooLate},
		"another test":    {out: start + "--- PASS: TestXY (0.01s)\nPASS\n", pass: errNotRun, not: errNotRun},
		"no test":         {out: "testing: warning: no tests to run\nPASS\n", pass: errNotRun, not: errNotRun},
		"a leak":          {out: start + "--- PASS: TestX (0.01s)\nPASS\ngoleak: Errors\n", status: 1, pass: errFails, not: errNotRun},
	} {
		t.Run(name, func(t *testing.T) {
			r := result{test: "TestX", out: c.out, err: exit(t, c.status), late: c.late}
			if got := r.passes(); !errors.Is(got, c.pass) || (got == nil) != (c.pass == nil) {
				t.Errorf("passes: %v, want %v", got, c.pass)
			}
			if got := r.failsAt(named); !errors.Is(got, c.not) || (got == nil) != (c.not == nil) {
				t.Errorf("failsAt: %v, want %v", got, c.not)
			}
		})
	}
}

func TestUnknownProtectionsAreRefused(t *testing.T) {
	if err := run(t.Context(), []string{"luck"}, t.Output()); err == nil {
		t.Error("luck is no protection")
	}
}
