package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"afloat/internal/config"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/web"
)

// serve runs the blog until ctx ends. It fails only for a port in use or a bad
// configuration: whatever else is missing leaves it up, degraded, and healing
// by itself.
func serve(ctx context.Context, in invocation) error {
	var policies, follow, twin string
	_, err := in.flags(0, func(f *flag.FlagSet) {
		f.StringVar(&policies, "policies", "afloat", "table of policies: `afloat`, or naive for the twin without protections")
		f.StringVar(&follow, "follow", "", "take over the faults of the blog whose /lab/faults is at this `URL`; naive only")
		f.StringVar(&twin, "twin", "", "the naive twin runs already, and browsers reach it on this `port` of the blog's host: start none; afloat only")
	})
	if err != nil {
		return err
	}
	tables := map[string]func() policy.Table{"afloat": policy.Afloat, "naive": policy.Naive}
	table, ok := tables[policies]
	if !ok {
		return fmt.Errorf("-policies is %q; it can be afloat or naive", policies)
	}
	if err := checkTwins(policies, follow, twin); err != nil {
		return err
	}
	cfg, err := config.FromEnv(in.getenv)
	if err != nil {
		return err
	}
	listener, err := listen(cfg.Addr)
	if err != nil {
		return err
	}
	log := logger(cfg)
	if policies == "naive" {
		return serveTwin(ctx, cfg, table(), follow, listener, log)
	}
	return serveBlog(ctx, cfg, table(), twin, listener, log, in.out)
}

func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use: stop what listens there, or set ADDR to another address, such as 127.0.0.1:8090", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("ADDR %s can't be listened on: %w", addr, err)
	}
	return l, nil
}

// serveBlog runs the protected blog. twinPort is that of a naive twin which
// runs elsewhere; "" starts one as a child.
func serveBlog(ctx context.Context, cfg config.Config, table policy.Table, twinPort string, listener net.Listener, log *slog.Logger, out io.Writer) error {
	d := findDependencies(ctx, cfg, policy.Serve().Child, log)
	if d.home != nil {
		defer func() {
			stopping, cancel := context.WithTimeout(context.Background(), 2*policy.Serve().Child.Stop)
			defer cancel()
			if err := d.home.Close(stopping); err != nil {
				log.Error("private servers may be left over; the next start stops them", "err", err)
			}
		}()
	}
	a, err := wire(cfg, table, d, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.close()
	if cfg.Lab {
		if a.web.Lab, err = a.switchboard(d); err != nil {
			return errors.Join(err, listener.Close())
		}
		defer a.web.Lab.Close()
	}

	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	switch {
	case !cfg.Lab: // nothing can be broken, so there is nothing to compare
	case twinPort != "":
		a.web.Other = web.Other{Name: twinName, Port: twinPort}
	case d.home != nil:
		port, start, err := twin(d, cfg, listener.Addr())
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		a.web.Other = web.Other{Name: twinName, Port: port}
		a.background.Go(func() {
			if err := start(ctx); err != nil && ctx.Err() == nil {
				log.Warn("there is no naive twin to compare with", "err", err)
			}
		})
	}
	a.work(working)
	tell(out, listener.Addr(), d, a.web.Other.Port)
	return a.serve(ctx, listener, stopWorking)
}

// serveTwin runs the naive twin: the same wiring with the naive table, nothing
// private, and no lab but the faults of the blog that it follows.
func serveTwin(ctx context.Context, cfg config.Config, table policy.Table, follow string, listener net.Listener, log *slog.Logger) error {
	d := &dependencies{postgres: cfg.DatabaseURL.Reveal(), redis: cfg.RedisURL.Reveal(), recommendations: cfg.RecommendationsURL.Reveal()}
	a, err := wire(cfg, table, d, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.close()
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	if a.web.Other, err = followed(follow); err != nil {
		return errors.Join(err, listener.Close())
	}
	if follow != "" {
		client := &http.Client{Timeout: 2 * a.server.LongPoll}
		a.background.Go(func() { lab.Follow(working, client, follow, a.links[:], a.server.Reconnect, log) })
	}
	a.background.Go(func() { a.web.Views.Run(working) })
	return a.serve(ctx, listener, stopWorking)
}

// serve answers requests until ctx ends, then stops in this order: unready (as
// Stopping tells the handlers), wait until balancers have noticed, no new
// requests, the open ones may end, background work stops. Whoever called closes
// the clients after that.
func (a *app) serve(ctx context.Context, listener net.Listener, stopWorking context.CancelFunc) error {
	a.web.Stopping = ctx
	handler, err := web.New(a.web)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	a.background.Go(func() {
		if err := handler.CompressStatic(ctx); err != nil {
			a.log.Error("static files are served uncompressed", "err", err)
		}
	})
	server := web.HTTPServer(handler, a.server, a.log)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err = <-served:
	case <-ctx.Done():
		if !onlyHere(listener.Addr()) {
			time.Sleep(a.server.Unready)
		}
		draining, cancel := context.WithTimeout(context.Background(), a.server.Drain)
		defer cancel()
		if err = server.Shutdown(draining); err != nil {
			a.log.Warn("some requests did not end in time and were cut off", "after", a.server.Drain)
			err = server.Close()
		}
	}
	stopWorking()
	a.background.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// onlyHere reports whether no other machine can connect: then there is no
// balancer either, and Ctrl-C need not wait for one.
func onlyHere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// tell says on the console where things are.
func tell(out io.Writer, addr net.Addr, d *dependencies, twin string) {
	fmt.Fprintf(out, "Afloat is on http://%s\n", readable(addr))
	for _, line := range d.lines {
		fmt.Fprintln(out, "  "+line)
	}
	if d.dir != "" {
		fmt.Fprintln(out, "  Data             "+d.dir)
	}
	if twin != "" {
		host, _, _ := net.SplitHostPort(readable(addr))
		fmt.Fprintln(out, "  Naive twin       http://"+net.JoinHostPort(host, twin))
	}
}

// readable turns "every interface" into an address that a browser can open.
func readable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return addr.String()
}
