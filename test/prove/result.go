package main

import (
	"errors"
	"os/exec"
	"strings"
)

// result is what came of one run of a test.
type result struct {
	test string
	out  string // as -test.v prints it
	err  error  // of the process
	late bool   // it was ended for taking too long
}

// failed is the exit status of a test that has failed; a crash has another.
const failed = 1

var (
	errNotRun  = errors.New("the test was not run")
	errTooLate = errors.New("the test took too long")
	errCrashed = errors.New("the test crashed")
	errPasses  = errors.New("the test passes without the protection, too")
	errFails   = errors.New("the test fails with all protections")
	errOther   = errors.New("without the protection the test fails, but not at the named assertion")
)

// passes is nil if the test was run and has passed.
func (r result) passes() error {
	switch {
	case r.late:
		return errTooLate
	case r.crashed():
		return errCrashed
	case r.err != nil:
		return errFails
	case !strings.Contains(r.out, "\n--- PASS: "+r.test+" "):
		return errNotRun
	}
	return nil
}

// failsAt is nil if the test has failed and reported text. A crash, a time-out
// and any other failure prove nothing.
func (r result) failsAt(text string) error {
	switch {
	case r.late:
		return errTooLate
	case r.crashed():
		return errCrashed
	case !strings.Contains(r.out, "--- FAIL: "+r.test+" "):
		if r.err == nil && strings.Contains(r.out, "--- PASS: "+r.test+" ") {
			return errPasses
		}
		return errNotRun
	case r.line(text) == "":
		return errOther
	}
	return nil
}

func (r result) crashed() bool {
	exit, ended := errors.AsType[*exec.ExitError](r.err)
	return r.err != nil && (!ended || exit.ExitCode() != failed) || strings.Contains(r.out, "\npanic: ")
}

// line is the line of the report that holds text, and "" if there is none.
func (r result) line(text string) string {
	for line := range strings.Lines(r.out) {
		if strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
