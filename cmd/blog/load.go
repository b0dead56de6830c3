package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"afloat/internal/load"
)

func loadReaders(ctx context.Context, in invocation) error {
	plan := load.Plan{Timeout: 30 * time.Second}
	var paths string
	var samples bool
	args, err := in.flags(1, func(f *flag.FlagSet) {
		f.Float64Var(&plan.Rate, "rate", 20, "readers a `second`, at most 200; they arrive at random and wait for nobody")
		f.DurationVar(&plan.Duration, "for", 10*time.Second, "how long they arrive, at most 10m")
		f.Uint64Var(&plan.Seed, "seed", 1, "same `seed`, same arrivals and same articles")
		f.DurationVar(&plan.Timeout, "timeout", 30*time.Second, "longest wait of one reader, at most 1m")
		f.Float64Var(&plan.Zipf, "zipf", 1.1, "`exponent` of the articles' popularity by rank, at most 5")
		f.Func("allow", "a `host` besides this machine that may be read, since it is yours", func(host string) error {
			plan.AllowedHosts = append(plan.AllowedHosts, host)
			return nil
		})
		f.IntVar(&plan.MaxWorkers, "workers", 0, "most `requests` at once; 0 is as many as arrive")
		f.StringVar(&paths, "paths", "", "what to read, most popular first: `/a,/b,…`, or a file with a path on each line, - for standard input (default: every article there is)")
		f.BoolVar(&samples, "samples", false, "write a line of JSON for each reader as it ends, and the summary as the last")
	})
	if err != nil {
		return err
	}
	plan.Target = "http://127.0.0.1:8080"
	if len(args) == 1 {
		plan.Target = args[0]
	}
	plan.Paths = []string{"/"} // until the articles are known: nothing is sent for a plan that is refused
	if err := plan.Validate(); err != nil {
		return err
	}
	if plan.Paths, err = readPaths(paths); err == nil && paths == "" {
		finding, cancel := context.WithTimeout(ctx, plan.Timeout)
		defer cancel()
		plan.Paths, err = load.Discover(finding, http.DefaultClient, plan.Target)
	}
	if err != nil {
		return err
	}
	if samples {
		return streamSamples(ctx, plan, in.out)
	}
	result, err := load.Run(ctx, plan)
	if err != nil {
		return err
	}
	_, err = result.WriteTo(in.out)
	return err
}

// readPaths reads what -paths names.
func readPaths(from string) ([]string, error) {
	var text []byte
	var err error
	switch {
	case strings.HasPrefix(from, "/") && !isFile(from), from == "":
		return strings.FieldsFunc(from, func(r rune) bool { return r == ',' }), nil
	case from == "-":
		text, err = io.ReadAll(os.Stdin)
	default:
		text, err = os.ReadFile(from)
	}
	if err != nil {
		return nil, fmt.Errorf("-paths: %w; give paths such as /posts/a,/posts/b, or a file with one on each line", err)
	}
	return strings.Fields(string(text)), nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// sampleLine is a line of load -samples: a reader, or the summary.
type sampleLine struct {
	*load.Sample
	Summary *load.Result `json:"summary,omitempty"`
}

// streamSamples runs the plan, and writes what became of each reader while the others are still reading.
func streamSamples(ctx context.Context, plan load.Plan, out io.Writer) error {
	lines := bufio.NewWriter(out)
	encoder := json.NewEncoder(lines)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	write := func(l sampleLine) {
		if err := errors.Join(encoder.Encode(l), lines.Flush()); err != nil {
			cancel(fmt.Errorf("nobody takes the samples: %w", err))
		}
	}
	plan.Each = func(s load.Sample) { write(sampleLine{Sample: &s}) }
	result, err := load.Run(ctx, plan)
	if err != nil {
		return err
	}
	write(sampleLine{Summary: &result})
	return context.Cause(ctx)
}
