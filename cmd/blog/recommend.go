package main

import (
	"context"
	"flag"
	"net/http"

	"afloat/internal/config"
	"afloat/internal/policy"
	"afloat/internal/recommend"
	"afloat/internal/web"
)

func recommendService(ctx context.Context, in invocation) error {
	var fd int
	if _, err := in.flags(0, func(f *flag.FlagSet) { inheritFlag(f, &fd) }); err != nil {
		return err
	}
	cfg, err := config.FromEnv(in.getenv)
	if err != nil {
		return err
	}
	listener, err := listen(cfg.Addr, fd)
	if err != nil {
		return err
	}
	log := logger(cfg)
	limits := policy.Serve()
	service := recommend.NewService(log)
	routes := http.NewServeMux()
	routes.Handle("/", service.Handler())
	if cfg.Lab {
		w := policy.LabWork()
		routes.Handle("/lab/", service.Work(recommend.WorkLimits{InFlight: w.InFlight, Base: w.Base, Slope: w.Slope}))
	}
	server := web.HTTPServer(routes, limits, log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(context.Background(), limits.Drain)
	defer cancel()
	return server.Shutdown(draining)
}
