package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// markdown writes a table for each section: medians, and in brackets the least
// and the most where there were several rounds.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Benchmarks\n\n%s, plan %s, %s. Medians; in brackets the least and the most of the rounds.\n\n", r.Machine, r.Plan, r.At.Format(time.DateTime))
	if len(r.Aims) > 0 {
		b.WriteString("| aim | measured | |\n|---|---:|---|\n")
	}
	for _, a := range r.Aims {
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", a.What, number(a.Got), a.Unit, map[bool]string{true: "met", false: "**not met**"}[a.Met])
	}
	for _, section := range r.names(func(m *metric) bool { return true }, func(m *metric) string { return m.Section }) {
		in := func(m *metric) bool { return m.Section == section }
		units := r.names(in, func(m *metric) string { return m.Unit })
		fmt.Fprintf(&b, "\n## %s\n\n| | %s |\n|---|%s\n", section, strings.Join(units, " | "), strings.Repeat("---:|", len(units)))
		for _, name := range r.names(in, func(m *metric) string { return m.Name }) {
			fmt.Fprintf(&b, "| %s |", name)
			for _, unit := range units {
				fmt.Fprintf(&b, " %s |", cell(r.find(section, name, unit)))
			}
			b.WriteByte('\n')
		}
	}
	if len(r.Notes) > 0 {
		b.WriteByte('\n')
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	return b.String()
}

// names lists what the metrics that are wanted are called, in order of
// appearance.
func (r *report) names(wanted func(*metric) bool, name func(*metric) string) []string {
	var all []string
	for _, m := range r.Metrics {
		if n := name(m); wanted(m) && !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

func cell(m *metric) string {
	if m == nil {
		return ""
	}
	mid, least, most := number(median(m.Values)), number(slices.Min(m.Values)), number(slices.Max(m.Values))
	if least == most {
		return mid
	}
	return fmt.Sprintf("%s (%s–%s)", mid, least, most)
}

// number has three significant digits, and commas for thousands.
func number(v float64) string {
	if math.Abs(v) < 1000 {
		return strconv.FormatFloat(roundTo3(v), 'f', -1, 64)
	}
	digits := strconv.FormatInt(int64(roundTo3(v)), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func roundTo3(v float64) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return rounded
}

// benchmarks writes Go's benchmark format, a line for each round, which
// benchstat compares.
func (r *report) benchmarks() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plan: %s\n", r.Plan)
	for _, unit := range []string{"req/s", "req/CPU-s"} {
		fmt.Fprintf(&b, "Unit %s better=higher\n", unit)
	}
	key := func(m *metric) string { return "Benchmark" + m.Section + "/" + strings.ReplaceAll(m.Name, " ", "_") }
	for _, name := range r.names(func(*metric) bool { return true }, key) {
		for round, more := 0, true; more; round++ {
			line := name + " 1"
			more = false
			for _, m := range r.Metrics {
				if key(m) == name && round < len(m.Values) {
					line += fmt.Sprintf(" %g %s", m.Values[round], m.Unit)
					more = true
				}
			}
			if more {
				b.WriteString(line + "\n")
			}
		}
	}
	return b.String()
}

const benchstat = "golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da"

// compare prints how this run differs from the one before.
func (r *report) compare(ctx context.Context, dir string, out io.Writer) error {
	before, now := r.before(dir), r.now(dir)
	if _, err := os.Stat(before); err != nil {
		_, err := fmt.Fprintln(out, "There is no earlier run of this plan to compare with.")
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "run", benchstat, before, now)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(out, "benchstat can't be had (%v): compare %s and %s by hand.\n", err, before, now)
	}
	return nil
}
