package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"time"

	"afloat/internal/config"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// misuse is an error in how a command was called: its exit status is 2, since 1
// says that an expectation was not met.
type misuse struct{ error }

// exitStatus is what the shell is told.
func exitStatus(err error) int {
	if bad := (misuse{}); errors.As(err, &bad) {
		return 2
	}
	return 1
}

// onOwnSystem starts a whole system of one's own, as serve would but on free
// ports and in a directory that is removed: private PostgreSQL and Redis,
// recommendations, blog and twin. It calls use once all of it is healthy and
// warm, and ends it.
func onOwnSystem(ctx context.Context, getenv func(string) string, use func(context.Context, *bench) error) (err error) {
	dir, err := os.MkdirTemp("", "afloat-lab-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o711); err != nil { // the servers' own user goes through it where we are root
		return err
	}
	own := map[string]string{"ADDR": "127.0.0.1:0", "DATA_DIR": dir, "LAB": "on", "LOG_FORMAT": getenv("LOG_FORMAT"), "LOG_LEVEL": getenv("LOG_LEVEL")}
	cfg, err := config.FromEnv(func(name string) string { return own[name] })
	if err != nil {
		return err
	}
	listener, err := listen(cfg.Addr, 0)
	if err != nil {
		return err
	}
	log := logger(cfg)
	if cfg.LogLevel != "debug" { // faults are what it is all about: a line for each is for who looks for it
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	}

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	began, ended := make(chan *bench, 1), make(chan error, 1)
	var article string
	o := serving{table: policy.Afloat(), out: io.Discard, began: func(a *app, b *bench) {
		article = "/posts/" + a.articles[0].Slug // more than none are shipped
		began <- b
	}}
	go func() { ended <- serveBlog(ctx, cfg, o, listener, log) }()
	select {
	case err := <-ended:
		return err
	case b := <-began:
		if err = untilWarm(ctx, b.rig, article); err == nil {
			err = use(ctx, b)
		}
		stop()
		return errors.Join(err, <-ended)
	}
}

// untilWarm waits until every link is seen to be healthy, the blog serves its
// pages whole and the twin serves them at all.
func untilWarm(ctx context.Context, rig *lab.Rig, article string) error {
	if rig.Postgres == nil || rig.Redis == nil || rig.Services == "" || rig.Naive == "" {
		return errors.New("not all of the system could be started: PostgreSQL and Redis have to be installed, as by scripts/deps run; LOG_LEVEL=debug says more")
	}
	p := policy.LabRig()
	ctx, cancel := context.WithTimeout(ctx, p.Warm)
	defer cancel()
	for {
		err := warm(ctx, rig, article)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(p.Ask):
		case <-ctx.Done():
			return fmt.Errorf("the system is not healthy (%w): %w", context.Cause(ctx), err)
		}
	}
}

func warm(ctx context.Context, rig *lab.Rig, article string) error {
	for _, s := range rig.Links.Status().Faults {
		if s.Kind != lab.Healthy || !s.Confirmed {
			return fmt.Errorf("%s is %s, %s: %s", s.Label, s.Kind, s.Verdict, s.Saw)
		}
	}
	for _, page := range []struct {
		url   string
		whole bool // finished bytes with an ETag: every part of it is healthy
	}{{rig.Blog + "/", true}, {rig.Blog + article, true}, {rig.Naive + article, false}} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, page.url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_ = res.Body.Close() // nothing of it is read
		if res.StatusCode != http.StatusOK || page.whole && res.Header.Get("Etag") == "" {
			return fmt.Errorf("%s answers %s, with parts missing or not from their source", page.url, res.Status)
		}
	}
	return nil
}

// carryOut runs an experiment to its end, and tells how far it is.
func carryOut(ctx context.Context, r *lab.Runner, e *lab.Experiment, v lab.Values, tell io.Writer) (lab.Run, error) {
	run, err := r.Start(e, v)
	if err != nil {
		return run, err
	}
	tick := time.NewTicker(policy.LabRig().Tell)
	defer tick.Stop()
	for said := (lab.Progress{}); ; {
		changed := r.Changed()
		if run, _ = r.Find(run.ID); run.Over() {
			return run, nil
		}
		select {
		case <-changed:
		case <-tick.C:
			if run.Progress != said {
				said = run.Progress
				fmt.Fprintf(tell, "%s  %3.0f %%  %s\n", e.Name, 100*said.Done, said.Say)
			}
		case <-ctx.Done():
			r.Cancel()
		}
	}
}
