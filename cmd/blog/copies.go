package main

import (
	"context"
	"errors"
	"strings"
	"sync"

	"afloat/internal/config"
	"afloat/internal/local"
)

// services are the base URLs of the recommendations service. It runs twice, so that its client has another server to ask:
// with a retry, or with a second copy of a request that is late (a hedge).
func (d *dependencies) services() []string { return split(d.recommendations) }

// startRecommendations runs this binary as the recommendations service, twice. Where one of the two can't start, none is
// of use to the lab, and that is an error.
func startRecommendations(ctx context.Context, home *local.Home, cfg config.Config) (urls string, err error) {
	work := "off"
	if cfg.Lab {
		work = "on"
	}
	names := []string{"recommendations", secondCopy}
	bases, errs := make([]string, len(names)), make([]error, len(names))
	var starting sync.WaitGroup
	for i, name := range names {
		on, err := openSocket("127.0.0.1:0")
		if err != nil {
			errs[i] = err
			continue
		}
		bases[i] = on.base()
		starting.Go(func() {
			if err := startSelf(ctx, home, name, on, "/healthz", []string{"recommend"}, []string{"LAB=" + work, "LOG_FORMAT=" + cfg.LogFormat}); err != nil {
				errs[i] = errors.Join(err, on.Close())
			}
		})
	}
	starting.Wait()
	return strings.Join(bases, ","), errors.Join(errs...)
}

// hidden writes base URLs with commas between them, without what is secret in them.
func hidden(urls string) string {
	var all []string
	for _, u := range split(urls) {
		all = append(all, config.NewSecret(u).String())
	}
	return strings.Join(all, " ")
}
