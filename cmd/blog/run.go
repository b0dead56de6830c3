package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"afloat/internal/config"
)

// command is a subcommand.
type command struct {
	name, args, about string
	run               func(ctx context.Context, in invocation) error
}

// invocation is what a subcommand is run with.
type invocation struct {
	args   []string
	getenv func(string) string
	out    io.Writer
	usage  string
}

func commands() []command {
	return []command{
		{"serve", "[-twin PORT | -policies naive|custom [-protections NAMES] [-follow URL]] [-critical NAMES]", "serve the blog (the default)", serve},
		{"publish", "DIR", "make the articles in DIR the whole of the blog; publishing again changes nothing", publish},
		{"recommend", "", "run the recommendations service on ADDR", recommendService},
		{"migrate", "", "bring the database's schema up to date", migrate},
		{"comments", "hide ID | show ID | list", "moderate comments", moderate},
		{"load", "[-rate N] [-for D] [-seed N] [-paths LIST] [-samples] [URL]", "send readers to a blog on this machine and measure what they get", loadReaders},
		{"experiment", "NAME [-quick] [-seed N] [-trials N] [-set name=value]… [-out DIR] | -list", "carry out one of the lab's experiments on a system of its own; exit status 1 if an expectation isn't met, 2 if it can't be meant", runExperiment},
		{"report", "[-quick] [-only NAMES] [-out FILE]", "carry out all experiments, and write one page with tables and charts; exit status as of experiment", runReport},
		{"health", "URL", "ask a server how it is: exit status 0 if it answers 200, else 1 and the reason; for images without a shell", health},
		{"version", "", "print the version", version},
	}
}

// run is the whole program but for its exit status.
func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		return help(out)
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		err := c.run(ctx, invocation{args, getenv, out, fmt.Sprintf("usage: blog %s %s\n\n%s\n", c.name, c.args, c.about)})
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	return fmt.Errorf("there is no command %q; blog -h lists them", name)
}

func help(out io.Writer) error {
	fmt.Fprint(out, "Afloat: a blog that stays up.\n\nusage: blog [command]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-10s %s\n", c.name, c.about)
	}
	fmt.Fprint(out, "\nblog COMMAND -h says more. Configuration is by environment:\n\n")
	for _, v := range config.Table() {
		fmt.Fprintf(out, "  %-20s %s (default: %s)\n", v.Name, v.Meaning, v.Default)
	}
	return nil
}

// flags parses a subcommand's flags; define may add some.
func (in invocation) flags(operands int, define func(*flag.FlagSet)) ([]string, error) {
	f := flag.NewFlagSet("", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	if define != nil {
		define(f)
	}
	f.Usage = func() {} // called for mistakes too, whose place is the error
	err := f.Parse(in.args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(in.out, in.usage)
		f.SetOutput(in.out)
		f.PrintDefaults()
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, in.usage)
	}
	if f.NArg() > operands {
		return nil, fmt.Errorf("too many arguments\n%s", in.usage)
	}
	return f.Args(), nil
}

// logger writes to standard error, in the configured format.
func logger(cfg config.Config) *slog.Logger {
	options := &slog.HandlerOptions{}
	if cfg.LogLevel == "debug" {
		options.Level = slog.LevelDebug
	}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

func version(_ context.Context, in invocation) error {
	if _, err := in.flags(0, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(in.out, "afloat %s, %s\n", revision(), runtime.Version())
	return err
}
