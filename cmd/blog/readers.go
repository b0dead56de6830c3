package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"afloat/internal/load"
	"afloat/internal/local"
)

// sender sends page readers from processes of their own, so that they are not
// slowed down by the blog that they measure.
type sender struct {
	own      []string      // hosts besides this machine that belong to this blog: its twin's
	articles string        // base URL of the server whose articles are read where a plan names none
	grace    time.Duration // how long a process may take to end when told to
}

// send runs `blog load` with the plan, and tells its Each of every reader. It
// ends early with ctx's error.
func (s sender) send(ctx context.Context, plan load.Plan) error {
	if len(plan.Paths) == 0 {
		finding, cancel := context.WithTimeout(ctx, plan.Timeout)
		defer cancel()
		var err error
		if plan.Paths, err = load.Discover(finding, http.DefaultClient, s.articles); err != nil {
			return err
		}
	}
	plan.AllowedHosts = s.own
	if err := plan.Validate(); err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	float := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	cmd := exec.CommandContext(ctx, exe, "load", "-samples", "-paths", "-",
		"-rate", float(plan.Rate), "-for", plan.Duration.String(), "-seed", strconv.FormatUint(plan.Seed, 10),
		"-timeout", plan.Timeout.String(), "-zipf", float(plan.Zipf), "-workers", strconv.Itoa(plan.MaxWorkers))
	for _, host := range plan.AllowedHosts {
		cmd.Args = append(cmd.Args, "-allow", host)
	}
	cmd.Args = append(cmd.Args, plan.Target)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	cmd.Stdin = strings.NewReader(strings.Join(plan.Paths, "\n"))
	var said strings.Builder
	cmd.Stderr = &said
	lines, out := io.Pipe()
	cmd.Stdout = out
	read := make(chan error, 1)
	go func() {
		err := readSamples(lines, plan.Each)
		_ = lines.Close() // a pipe's end never fails to close; whoever writes on is told
		read <- err
	}()
	failed := local.RunTask(cmd, s.grace)
	_ = out.Close()
	unread := <-read
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case failed != nil:
		return fmt.Errorf("the readers' process: %w: %s", failed, strings.TrimSpace(said.String()))
	default:
		return unread
	}
}

// readSamples tells each reader's fate, and fails unless the summary comes last.
func readSamples(r io.Reader, each func(load.Sample)) error {
	decoder := json.NewDecoder(r)
	for {
		var line sampleLine
		switch err := decoder.Decode(&line); {
		case err != nil:
			return fmt.Errorf("the readers' process ended without a summary: %w", err)
		case line.Summary != nil:
			return nil
		case line.Sample != nil && each != nil:
			each(*line.Sample)
		}
	}
}

// collect is send for an experiment: it returns what each reader got.
func (s sender) collect(ctx context.Context, plan load.Plan) ([]load.Sample, error) {
	var samples []load.Sample
	each := plan.Each
	plan.Each = func(sample load.Sample) {
		samples = append(samples, sample)
		if each != nil {
			each(sample)
		}
	}
	err := s.send(ctx, plan)
	return samples, err
}
