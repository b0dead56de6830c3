package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"afloat/internal/config"
	"afloat/internal/fleet"
	"afloat/internal/local"
	"afloat/internal/policy"
)

// dependencies are the addresses of what the blog uses; "" is what can't be
// had. lines tell the console about each.
type dependencies struct {
	postgres, redis string
	recommendations string   // base URLs with commas between
	edges           []string // base URLs of the CDN's edges, which are told of changes; none: there is no CDN
	dir             string   // for the snapshot; "" keeps none
	home            *local.Home
	lines           [3]string
}

// findDependencies takes the configured addresses, and starts private children
// for the others. Nothing that goes wrong here keeps the blog from serving.
func findDependencies(ctx context.Context, cfg config.Config, p policy.Child, log *slog.Logger) *dependencies {
	d := &dependencies{postgres: cfg.DatabaseURL.Reveal(), redis: cfg.RedisURL.Reveal(), recommendations: reveal(cfg.RecommendationsURL)}
	d.lines[0] = "Postgres         " + cfg.DatabaseURL.String()
	d.lines[1] = "Redis            " + cfg.RedisURL.String()
	d.lines[2] = "Recommendations  " + strings.Trim(fmt.Sprint(cfg.RecommendationsURL), "[]")

	for _, n := range cfg.Fleet.Of(fleet.Edge) {
		d.edges = append(d.edges, n.At)
	}
	cwd, err := os.Getwd()
	if err == nil {
		d.dir, err = local.DataDir(cfg.DataDir, cwd)
	}
	if err == nil {
		d.home, err = local.Open(d.dir, childPolicy(p), log)
	}
	var running local.Running
	if errors.Is(err, local.ErrInUse) { // another blog of this clone: share what it runs
		running, err = local.ReadRunning(d.dir)
		d.dir = "" // and leave the snapshot to it
	}
	if err != nil {
		log.Warn("no private servers and no snapshot: the data directory can't be used; set DATA_DIR to one that can be written", "err", err)
		d.dir = ""
	}

	var wg sync.WaitGroup
	private := func(line *string, label string, url *string, shared string, start func(context.Context) (string, error)) {
		if *url != "" {
			return
		}
		if d.home == nil {
			*url, *line = shared, label+"shared with the other blog that runs from "+cwd
			if shared == "" {
				*line = label + "unavailable: it is not configured, and no private one could be started"
			}
			return
		}
		wg.Go(func() {
			var err error
			if *url, err = start(ctx); err != nil {
				*url, *line = "", label+"unavailable: "+err.Error()
				return
			}
			*line = label + "private, " + hidden(*url)
		})
	}
	var postgres, redis func(context.Context) (string, error)
	if d.home != nil {
		postgres, redis = d.home.Postgres, d.home.Redis
	}
	private(&d.lines[0], "Postgres         ", &d.postgres, running.PostgresURL, postgres)
	private(&d.lines[1], "Redis            ", &d.redis, running.RedisURL, redis)
	private(&d.lines[2], "Recommendations  ", &d.recommendations, running.RecommendationsURL, func(ctx context.Context) (string, error) {
		return startRecommendations(ctx, d.home, cfg)
	})
	wg.Wait()
	if d.home != nil {
		if err := d.home.Note(func(r *local.Running) { r.RecommendationsURL = d.recommendations }); err != nil {
			log.Warn("other commands won't find this blog's servers", "err", err)
		}
	}
	return d
}

// reveal joins the values of secrets with commas.
func reveal(secrets []config.Secret) string {
	all := make([]string, len(secrets))
	for i, s := range secrets {
		all[i] = s.Reveal()
	}
	return strings.Join(all, ",")
}

func childPolicy(p policy.Child) local.Policy {
	return local.Policy{StartTimeout: p.Start, StopTimeout: p.Stop, ReadyEvery: p.Ready, RestartBase: p.RestartBase, RestartCap: p.RestartCap, StableAfter: p.Stable}
}

// twinName is what pages call the other blog.
const twinName = "the naive twin"

// checkTwins refuses what would be ignored without a word.
func checkTwins(table policy.Table, follow, twin string) error {
	if port, err := strconv.ParseUint(twin, 10, 16); twin != "" && (err != nil || port == 0) {
		return fmt.Errorf("-twin is %q; it can be a port from 1 to 65535", twin)
	}
	if twin != "" && table.Twin() {
		return errors.New("-twin is for the protected blog; a twin finds its other by -follow")
	}
	if follow != "" && !table.Twin() {
		return errors.New("-follow is for -policies naive and custom: the protected blog has faults of its own")
	}
	return nil
}

// twin prepares to run this binary as the naive twin, on the first free port
// after the blog's own, or on any. Starting it is apart, since no reader of the
// blog should wait for that.
func twin(d *dependencies, cfg config.Config, blogAddr net.Addr, key string) (on *socket, start func(context.Context) error, err error) {
	host, own, err := net.SplitHostPort(blogAddr.String())
	if err != nil {
		return nil, nil, err
	}
	port, err := strconv.Atoi(own)
	if err != nil {
		return nil, nil, err
	}
	for _, next := range append(portsAfter(port), 0) {
		if on, err = openSocket(net.JoinHostPort(host, strconv.Itoa(next))); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err
	}
	args := []string{"serve", "-policies", "naive", "-follow", faultsURL(net.JoinHostPort("127.0.0.1", own), key)}
	return on, func(ctx context.Context) error {
		err := startSelf(ctx, d.home, "naive twin", on, "/about", args, followerEnv(d, cfg))
		if err != nil {
			return errors.Join(err, on.Close())
		}
		return nil
	}, nil
}

// portsAfter are the next ports, where a twin is looked for first.
func portsAfter(port int) (next []int) {
	for n := port + 1; n <= min(port+20, 65535); n++ {
		next = append(next, n)
	}
	return next
}

// startSelf runs this binary once more, on a socket; it is ready when path
// answers there.
func startSelf(ctx context.Context, home *local.Home, name string, on *socket, path string, args, env []string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	command := func() *exec.Cmd {
		cmd := exec.Command(exe, args...)
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
		on.passTo(cmd)
		return cmd
	}
	url := on.base() + path
	return home.Child(ctx, name, command, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answered %s", url, res.Status)
		}
		return nil
	})
}
