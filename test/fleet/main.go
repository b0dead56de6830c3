// Command fleet brings the whole fleet up and kills it, one container of every role after the other and then what goes
// together, while readers come and comments are written. It tells what of that anybody noticed, in one table, as JSON
// and as a drawing a case, and exits with 1 unless all bounds held.
//
//	go run ./test/fleet                          a dozen cases, a quarter of an hour
//	go run ./test/fleet -all -resume             the whole matrix, going on where it was cut off
//	go run ./test/fleet -cases edge-kill,zone    only these
//	go run ./test/fleet -resume -record internal/recorded/runs
//	                                             what a run found, into the program, for pages without a fleet
//
// It is run in the root of the repository, and needs Docker. What it starts is a project of its own, removed at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"afloat/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// harness is one run.
type harness struct {
	docker  *docker
	watch   *watch
	readers *readers
	report  *report
	out     string // directory
	tries   int    // of a case that falls short
	console io.Writer

	until  time.Time // no case begins later; zero: whenever
	losses bool      // what only falls short is told, and not tried again
}

func (h *harness) say(format string, args ...any) { fmt.Fprintf(h.console, format+"\n", args...) }

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	f := flag.NewFlagSet("fleet", flag.ContinueOnError)
	whole := f.Bool("all", false, "every case, which takes hours, and not only the dozen that matter most")
	only := f.String("cases", "", "only these `cases`, with commas between them: "+names(scenarios()))
	rate := f.Float64("rate", load.MaxRate, "`readers` a second, at most: fewer, if the machine doesn't bear so many while everything is well")
	seed := f.Uint64("seed", 1, "of readers and writers")
	dir := f.String("out", "bin/fleet", "`directory` for fleet.md, fleet.json and the drawings")
	tries := f.Int("tries", 2, "how often at most a case is carried out that falls short: a busy machine is late, too. What was lost, doubled or out of order without need is not forgiven")
	keep := f.Bool("keep", false, "leave the fleet up, for a look at it or the next run")
	losses := f.Bool("only-losses", false, "exit status 1 only for comments that were lost, doubled or out of order without need, and for a fleet that didn't become whole: a busy machine breaks the other bounds, which are told and not tried again")
	record := f.String("record", "", "`directory` to put the dozen's cases of this report into, as package recorded has them")
	within := f.Duration("within", 0, "begin no case after this `time`, and say which are left out; 0 is for as long as it takes")
	again := f.Bool("resume", false, "leave out the cases that are in the directory's fleet.json")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*whole, *only)
	if err != nil {
		return err
	}
	h := &harness{watch: &watch{}, report: newReport(*rate, revision(ctx)), out: *dir, tries: max(1, *tries), console: out}
	h.losses = *losses
	if *within > 0 {
		h.until = time.Now().Add(*within)
	}
	if *again {
		before, err := resume(*dir)
		if err != nil {
			return err
		}
		h.report.Results = before.Results
		chosen = slices.DeleteFunc(chosen, func(s scenario) bool { return h.report.has(s.Name) })
		if len(chosen) == 0 { // only told again
			h.report.Rate, h.report.Wanted = before.Rate, before.Wanted
		}
	}
	if len(chosen) > 0 {
		if err := h.all(ctx, chosen, *rate, *seed, *keep); err != nil {
			return err
		}
	}
	h.say("\n%s", h.report.markdown())
	if *record != "" {
		if err := h.report.record(*record); err != nil {
			return err
		}
	}
	if broken := h.report.broken(*losses); len(broken) > 0 {
		return fmt.Errorf("%d of %d cases fall short: %s", len(broken), len(h.report.Results), strings.Join(broken, ", "))
	}
	return nil
}

// choose returns the cases that are meant.
func choose(whole bool, only string) (chosen []scenario, err error) {
	wanted := strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' })
	for _, s := range scenarios() {
		if i := slices.Index(wanted, s.Name); i >= 0 {
			chosen, wanted = append(chosen, s), slices.Delete(wanted, i, i+1)
		} else if only == "" && (whole || s.CI) {
			chosen = append(chosen, s)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("there is no case %s; -h lists them", strings.Join(wanted, ", "))
	}
	return chosen, nil
}

func names(all []scenario) string {
	var n []string
	for _, s := range all {
		n = append(n, s.Name)
	}
	return strings.Join(n, ", ")
}

// all brings the fleet up, carries the cases out, and takes it down again.
func (h *harness) all(ctx context.Context, chosen []scenario, rate float64, seed uint64, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "afloat-fleet-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the probe's container has another user
		return err
	}
	if h.docker, err = openDocker(ctx, dir); err != nil {
		return err
	}
	if !keep {
		defer func() { err = errors.Join(err, h.docker.down(context.WithoutCancel(ctx))) }()
	}
	watching, enough := context.WithCancel(ctx)
	watched := make(chan error, 1)
	defer func() { enough(); err = errors.Join(err, <-watched) }()
	if err := h.start(ctx, watching, watched); err != nil {
		return err
	}
	if h.readers, err = meet(ctx, rate, seed); err != nil {
		return err
	}
	if err := h.bear(ctx, rate); err != nil {
		return err
	}
	for i, s := range chosen {
		if !h.until.IsZero() && time.Now().After(h.until) {
			h.say("the time is up, without %s", names(chosen[i:]))
			return nil
		}
		h.say("%2d of %d  %s", i+1, len(chosen), s.Does)
		began := time.Now()
		r, err := h.try(ctx, s)
		if err != nil {
			return err
		}
		if err := h.report.add(h.out, r); err != nil {
			return err
		}
		h.say("          %s(%.0f s) %s", r.row(), time.Since(began).Seconds(), r.remarks())
	}
	return nil
}

// try carries a case out, and again if it falls short. The error is ctx's, or Docker's.
func (h *harness) try(ctx context.Context, s scenario) (result, error) {
	var before []string
	for n := 1; ; n++ {
		r, err := h.run(ctx, s)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			r.Failed = err.Error()
			r.Broken = append(r.Broken, "it could not be carried out: "+r.Failed)
			h.say("          could not be carried out, so all is restarted: %s", r.Failed)
			if err := h.docker.restart(ctx); err != nil {
				return r, err
			}
		}
		r.Before = before
		forgiven := h.losses && r.Failed == ""
		if len(r.Broken) == 0 || forgiven || r.unforgivable() || n >= h.tries {
			return r, nil
		}
		h.say("          falls short, once more: %s", strings.Join(r.Broken, "; "))
		before = append(before, strings.Join(r.Broken, "; "))
	}
}

// revision is the commit that is measured, with + where files differ from it.
func revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+").Output()
	if err != nil {
		return "unknown" // a copy without its history can be measured as well
	}
	return filepath.Base(strings.TrimSpace(string(out)))
}
