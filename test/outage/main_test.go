// Package outage breaks the real dependencies of a real blog from outside, and
// measures what its readers get meanwhile. The naive twin, which is the same
// program without protections, is measured beside it by the same client.
//
// AFLOAT_REPORT=path also writes the figures there, as Markdown.
package outage

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"afloat/internal/local"
)

var (
	binary    string      // the blog, built once
	processes *local.Home // supervises what the tests start, and ends it
)

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) (status int) {
	fail := func(err error) int { fmt.Fprintln(os.Stderr, "outage:", err); return 1 }
	dir, err := os.MkdirTemp("", "afloat-outage-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "blog")
	if out, err := exec.Command("go", "build", "-o", binary, "afloat/cmd/blog").CombinedOutput(); err != nil {
		return fail(fmt.Errorf("go build: %w\n%s", err, out))
	}
	processes, err = local.Open(dir, local.Policy{
		StartTimeout: time.Minute, StopTimeout: 15 * time.Second, ReadyEvery: 10 * time.Millisecond,
		RestartBase: time.Millisecond, RestartCap: 10 * time.Millisecond, StableAfter: time.Second,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return fail(err)
	}
	defer func() {
		if err := processes.Close(context.Background()); err != nil {
			status = fail(err)
		}
	}()
	return m.Run()
}
