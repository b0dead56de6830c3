package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"afloat/internal/config"
	"afloat/internal/policy"
	"afloat/internal/web"
)

// serve runs the blog until ctx ends. It fails only for a port in use or a bad
// configuration: whatever else is missing leaves it up, degraded, and healing
// by itself.
func serve(ctx context.Context, in invocation) error {
	var policies, protections, follow, twin, twinAt, teach, critical string
	var fd int
	_, err := in.flags(0, func(f *flag.FlagSet) {
		f.StringVar(&policies, "policies", "afloat", "table of policies: `afloat`, naive for the twin without protections, or custom for a twin with some")
		f.StringVar(&protections, "protections", "", "the protections that are on, as `names` with commas between them: "+names(policy.Protections())+"; custom only")
		f.StringVar(&follow, "follow", "", "take over the faults of the blog whose /lab/faults is at this `URL`, or of one that answers where there are several with commas between them; naive and custom only")
		f.StringVar(&twin, "twin", "", "the naive twin runs already, and browsers reach it on this `port` of the blog's host: start none; afloat only")
		f.StringVar(&twinAt, "twin-at", "", "this machine reaches that twin at this `URL`, for measurements of both; with -twin only")
		f.StringVar(&teach, "teach", "", "that twin has a recommendations service of its own, to be told of every article too, at this `URL`; with -twin only")
		f.StringVar(&critical, "critical", "", "widgets whose absence takes the page down, as `names` with commas between them: "+strings.Join(web.CriticalParts(), ", "))
		inheritFlag(f, &fd)
	})
	if err != nil {
		return err
	}
	table, err := tableOf(policies, protections)
	if err != nil {
		return err
	}
	if err := checkTwins(table, follow, twin); err != nil {
		return err
	}
	if at, err := url.Parse(twinAt); twinAt != "" && (twin == "" || err != nil || at.Scheme != "http" || at.Host == "") {
		return fmt.Errorf("-twin-at is %q; it goes with -twin, and is a URL such as http://twin:8081", twinAt)
	}
	if at, err := url.Parse(teach); teach != "" && (twin == "" || err != nil || at.Scheme != "http" || at.Host == "") {
		return fmt.Errorf("-teach is %q; it goes with -twin, and is a URL such as http://twin-recommendations:8090", teach)
	}
	o := serving{table: table, twin: twin, twinAt: twinAt, teach: teach, follow: follow, critical: split(critical), out: in.out}
	if err := web.CheckCritical(o.critical); err != nil {
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
	if table.Twin() {
		return serveTwin(ctx, cfg, o, listener, log)
	}
	return serveBlog(ctx, cfg, o, listener, log)
}

// serving is what serve's flags say, and who is told of it.
type serving struct {
	table    policy.Table
	twin     string   // port of a naive twin that runs elsewhere; "" starts one as a child
	teach    string   // base URL of that twin's own recommendations service; "" where it shares ours
	twinAt   string   // base URL at which this machine reaches that twin; "" where it can't
	follow   string   // where the faults are that a twin follows; several URLs with commas between them are one fleet
	critical []string // widgets whose absence takes the page down
	out      io.Writer
	began    func(*app, *bench) // told before the first request; the bench is nil without the lab; nil tells nobody
}

// serveBlog runs the protected blog.
func serveBlog(ctx context.Context, cfg config.Config, o serving, listener net.Listener, log *slog.Logger) error {
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
	a, err := wire(cfg, o.table, d, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.close()
	a.web.Critical = o.critical
	if cfg.Lab {
		if a.web.Lab, err = a.switchboard(d); err != nil {
			return errors.Join(err, listener.Close())
		}
		defer a.web.Lab.Close()
		a.web.FollowKey = rand.Text()
	}

	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	if err := a.joinFleet(working, d); err != nil {
		return errors.Join(err, listener.Close())
	}
	naive := "" // base URL, where this machine can ask it
	switch {
	case !cfg.Lab: // nothing can be broken, so there is nothing to compare
	case o.twin != "":
		a.web.Other, naive = web.Other{Name: twinName, Port: o.twin}, o.twinAt
	case d.home != nil:
		on, start, err := twin(d, cfg, listener.Addr(), a.web.FollowKey)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		a.web.Other, naive = web.Other{Name: twinName, Port: on.port}, on.base()
		a.background.Go(func() {
			if err := start(ctx); err != nil && ctx.Err() == nil {
				log.Warn("there is no naive twin to compare with", "err", err)
			}
		})
	}
	var b *bench
	if cfg.Lab {
		if b, err = a.openBench(d, cfg, listener.Addr(), naive); err != nil {
			return errors.Join(err, listener.Close())
		}
		defer b.stop()
		b.stopWith(ctx)
	}
	a.warm(ctx)
	a.work(working, o.teach)
	tell(o.out, listener.Addr(), d, a.web.Other.Port)
	if o.began != nil {
		o.began(a, b)
	}
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
	if alone := onlyHere(listener.Addr()); !alone {
		handler.DrawFigures() // a balancer asks others meanwhile; alone, a reader would rather have the page
	}
	a.background.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(a.server.Settle):
		}
		handler.DrawFigures()
		if err := handler.CompressStatic(ctx); err != nil {
			a.log.Error("static files are served uncompressed", "err", err)
		}
	})
	a.background.Go(func() { handler.MarkFaults(ctx) })
	a.background.Go(func() { handler.HearComments(ctx, a.heard) })
	if a.purger != nil {
		a.background.Go(func() { a.purger.Run(ctx) })
	}
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
	handler.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// warm waits for the database's first connections, and not for long: whoever
// comes meanwhile waits in the listener, and a server without a database serves.
// It comes before all work, so that the first look at the site's version is not
// late: with nobody to vouch for copies, all pages are stale until the next one.
func (a *app) warm(ctx context.Context) {
	if a.db == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, a.server.Warm)
	defer cancel()
	a.db.Warm(ctx, a.server.WarmLook)
}
