package main

import (
	"context"
	"flag"
	"net/http"
	"time"

	"afloat/internal/load"
)

func loadReaders(ctx context.Context, in invocation) error {
	plan := load.Plan{Timeout: 30 * time.Second}
	args, err := in.flags(1, func(f *flag.FlagSet) {
		f.Float64Var(&plan.Rate, "rate", 20, "readers a `second`, at most 200; they arrive at random and wait for nobody")
		f.DurationVar(&plan.Duration, "for", 10*time.Second, "how long they arrive, at most 10m")
		f.Uint64Var(&plan.Seed, "seed", 1, "same `seed`, same arrivals and same articles")
		f.DurationVar(&plan.Timeout, "timeout", 30*time.Second, "longest wait of one reader")
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
	finding, cancel := context.WithTimeout(ctx, plan.Timeout)
	defer cancel()
	if plan.Paths, err = load.Discover(finding, http.DefaultClient, plan.Target); err != nil {
		return err
	}
	result, err := load.Run(ctx, plan)
	if err != nil {
		return err
	}
	_, err = result.WriteTo(in.out)
	return err
}
