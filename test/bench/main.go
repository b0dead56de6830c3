// Command bench measures the blog on this machine, beside peers that serve the
// same bytes, and writes a table, figures and charts. `make bench` runs it;
// docs/benchmarks.md says how each number comes about and what it means.
//
// The server under load has one core to itself. Everything else, which is the
// load, PostgreSQL, Redis and the recommendations service, shares another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) == 4 && os.Args[1] == bareCommand {
		err = serveBare(ctx, os.Args[2], os.Args[3])
	} else {
		err = run(ctx, os.Args[1:], os.Stdout)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// plan is how much is measured.
type plan struct {
	name      string
	articles  int           // published for everything but growth
	cold      int           // of these, requested once each in a round with every cache missing
	rounds    int           // of each server, alternating
	round     time.Duration // of a closed loop on one hot page
	starts    int           // of each kind of start
	guards    int           // runs of the guard's benchmark
	kinds     []string      // faults
	faultFor  time.Duration // of load on uncached pages, and again on warm ones
	hangs     [3]time.Duration
	sizes     []int // posts, for growth
	perGrowth int   // requests of each kind
}

var plans = []plan{
	{
		name: "full", articles: 3400, cold: 2000, rounds: 6, round: 3 * time.Second, starts: 7, guards: 6,
		kinds: []string{"refuse", "hang", "slow", "flaky", "reset"}, faultFor: 3 * time.Second,
		hangs: [3]time.Duration{2 * time.Second, 5 * time.Second, 18 * time.Second},
		sizes: []int{10, 1_000, 100_000}, perGrowth: 60,
	},
	{
		name: "quick", articles: 1200, cold: 500, rounds: 3, round: time.Second, starts: 3, guards: 2,
		kinds: []string{"refuse", "hang"}, faultFor: time.Second,
		hangs: [3]time.Duration{time.Second, 3 * time.Second, 8 * time.Second},
		sizes: []int{10, 1_000, 10_000}, perGrowth: 20,
	},
}

// section is one part of the measurements.
type section struct {
	name string
	run  func(context.Context, *bench) error
}

func sections() []section {
	return []section{
		{"hot", hot}, {"cold", cold}, {"guard", guard}, {"start", start},
		{"faults", faults}, {"recovery", recovery}, {"growth", growth},
	}
}

// bench is one run: what is measured with, and what came of it.
type bench struct {
	*fleet
	plan
	report *report
	out    io.Writer
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := f.Bool("quick", false, "two minutes: fewer rounds, fewer faults, 10,000 posts; figures are coarser")
	dir := f.String("out", "bench", "`directory` for the results; the run before is kept there to compare with")
	binary := f.String("blog", "", "measure this `program`, such as one of another release; empty builds it")
	only := f.String("only", "", "run only these `sections`, separated by commas: hot,cold,guard,start,faults,recovery,growth")
	if err := f.Parse(args); err != nil {
		return err
	}
	b := &bench{plan: plans[0], out: out}
	if *quick {
		b.plan = plans[1]
	}
	var chosen []section
	for _, s := range sections() {
		if *only == "" || slices.Contains(strings.Split(*only, ","), s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("-only %s names no section; -h lists them", *only)
	}
	names := b.plan.name
	if len(chosen) < len(sections()) {
		for _, s := range chosen {
			names += " " + s.name
		}
	}
	b.report = newReport(names)
	for _, note := range pinSelf(ctx) {
		b.note(note)
	}
	b.say("starting PostgreSQL and Redis, publishing %d articles", b.articles)
	if b.fleet, err = startFleet(ctx, b.plan, *binary, b.note); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, s := range chosen {
		began := time.Now()
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		b.say("%s: done in %.0f s", s.name, time.Since(began).Seconds())
	}
	if err := b.report.write(*dir); err != nil {
		return err
	}
	b.say("\n%s", b.report.markdown())
	return b.report.compare(ctx, *dir, out)
}

// note puts a remark into the report and on the console.
func (b *bench) note(text string) {
	b.report.Notes = append(b.report.Notes, text)
	b.say("note: %s", text)
}
