package testenv

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"

	"afloat/internal/local"
)

// private is a server that runs as our child.
type private struct {
	kind     kind
	dir      string
	home     *local.Home
	location url.URL
	release  func() // lets a killed one start again
}

func startPrivate(ctx context.Context, k kind) (server, error) {
	dir, err := os.MkdirTemp("", "afloat-test-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // the servers' own user goes through it when we are root
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	home, err := local.Open(dir, local.Policy{
		StartTimeout: startTimeout, StopTimeout: stopTimeout, ReadyEvery: readyEvery,
		RestartBase: time.Millisecond, RestartCap: time.Second, StableAfter: time.Second,
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p := &private{kind: k, dir: dir, home: home}
	run := home.Postgres
	if k.name == redisKind.name {
		run = home.Redis
	}
	location, err := run(ctx)
	if err == nil {
		var u *url.URL
		if u, err = url.Parse(location); err == nil {
			p.location = *u
			return p, nil
		}
	}
	p.close()
	return nil, err
}

func (p *private) url() url.URL { return p.location }

// pause looks again until nothing new turns up: a backend may have been born while the others were stopped.
func (p *private) pause(context.Context) error {
	var stopped []int
	for {
		before := len(stopped)
		for _, pid := range p.home.Processes(p.kind.name) {
			if slices.Contains(stopped, pid) {
				continue
			}
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
			stopped = append(stopped, pid)
		}
		if len(stopped) == before {
			return nil
		}
	}
}

func (p *private) resume(context.Context) error {
	for _, pid := range p.home.Processes(p.kind.name) {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (p *private) kill(ctx context.Context) error {
	if p.release != nil {
		return errors.New("it is down already")
	}
	release, err := p.home.Kill(p.kind.name)
	if err != nil {
		return err
	}
	p.release = release
	for len(p.home.Processes(p.kind.name)) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyEvery):
		}
	}
	return nil
}

func (p *private) restart(ctx context.Context) error {
	if p.release == nil {
		return errors.New("it has not been killed")
	}
	p.release()
	p.release = nil
	return p.kind.ready(ctx, p.location.String())
}

func (p *private) close() {
	_ = p.home.Close(context.Background()) // what does not stop is killed
	_ = os.RemoveAll(p.dir)
}
