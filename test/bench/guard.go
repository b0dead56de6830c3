package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

var guardLine = regexp.MustCompile(`BenchmarkFiveGuardedCalls\S*\s+\d+\s+([0-9.]+) ns/op\s+(\d+) B/op\s+(\d+) allocs/op`)

// guard measures what the protections cost on a healthy day: the resilience
// package's own benchmark, which makes the five guarded calls of a page.
func guard(ctx context.Context, b *bench) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", "^BenchmarkFiveGuardedCalls$", "-benchmem",
		"-count", strconv.Itoa(b.guards), "./internal/resilience")
	cmd.Env = append(cmd.Environ(), "GOMAXPROCS=1")
	out, err := cmd.CombinedOutput()
	lines := guardLine.FindAllSubmatch(out, -1)
	if err != nil || len(lines) == 0 {
		return fmt.Errorf("go test -bench: %w\n%s", err, out)
	}
	for _, line := range lines {
		for i, unit := range []string{"ns/op", "B/op", "allocs/op"} {
			v, err := strconv.ParseFloat(string(line[i+1]), 64)
			if err != nil {
				return err
			}
			b.report.add("guard", "five guarded calls", unit, v)
		}
	}
	b.report.aim("five guarded calls: at most 10 µs", b.report.value("guard", "five guarded calls", "ns/op")/1000, atMost(10), "µs")
	return nil
}
