// Command prove tests each claim of the lab twice: with Afloat's protections its
// test has to pass, and without the one that the claim is about it has to fail,
// at the assertion that the claim names. It prints a table, and exits with 1
// unless all are proven.
//
//	go run ./test/prove                all claims
//	go run ./test/prove retry stale    those about these protections
//
// It is run in the root of the repository.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"afloat/internal/lab"
	"afloat/internal/policy"
)

// limit is for one test, which takes seconds; what is longer hangs.
const limit = 90 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only []string, out io.Writer) (err error) {
	if _, err := policy.ParseProtections(strings.Join(only, ",")); err != nil {
		return err
	}
	claims := slices.DeleteFunc(slices.Clone(lab.Claims()), func(c lab.Claim) bool {
		return len(only) > 0 && !slices.Contains(only, string(c.Without))
	})
	dir, err := os.MkdirTemp("", "afloat-prove-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	fmt.Fprintf(out, "%-13s%-8s%-9sTEST, CLAIM, AND WHAT THE TEST REPORTED WITHOUT\n", "PROTECTION", "WITH", "WITHOUT")
	built, proven := map[string]string{}, 0
	for _, c := range claims {
		if built[c.Package] == "" {
			if built[c.Package], err = build(ctx, dir, c.Package); err != nil {
				return err
			}
		}
		with := test(ctx, built[c.Package], c, "")
		without := test(ctx, built[c.Package], c, c.Without)
		if err := ctx.Err(); err != nil {
			return err
		}
		passes, fails := with.passes(), without.failsAt(c.Fails)
		if passes == nil && fails == nil {
			proven++
		}
		fmt.Fprintf(out, "%-13s%-8s%-9s%s\n", c.Without, word(passes, "passes"), word(fails, "fails"), c.Test)
		below := func(line string) { fmt.Fprintf(out, "%30s%s\n", "", line) }
		below(c.Says)
		for _, wrong := range []error{passes, fails} {
			if wrong != nil {
				below("NOT PROVEN: " + wrong.Error())
			}
		}
		if reported := without.line(c.Fails); reported != "" {
			below(reported)
		}
	}
	if proven < len(claims) {
		return fmt.Errorf("%d of %d claims are not proven", len(claims)-proven, len(claims))
	}
	fmt.Fprintf(out, "\nAll %d claims are proven: each test passes, and fails at the named assertion without the protection.\n", proven)
	return nil
}

func word(err error, fine string) string {
	if err != nil {
		return "NO"
	}
	return fine
}

// build compiles a package's tests, once for all its claims.
func build(ctx context.Context, dir, pkg string) (binary string, err error) {
	binary = filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./"+pkg)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("the tests of %s can't be built, which proves nothing: %w\n%s", pkg, err, out)
	}
	return binary, nil
}

// test runs a claim's test as `go test -v -count=1 -run` would.
func test(ctx context.Context, binary string, c lab.Claim, without policy.Protection) result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.count=1", "-test.run=^"+c.Test+"$", "-test.timeout="+limit.String())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = limit / 10
	cmd.Dir = c.Package
	cmd.Env = append(os.Environ(), "AFLOAT_WITHOUT="+string(without))
	out, err := cmd.CombinedOutput()
	return result{test: c.Test, out: string(out), err: err, late: ctx.Err() != nil}
}
