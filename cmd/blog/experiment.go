package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
)

// errNotMet is the error of a run that ended, and showed something else than was expected.
var errNotMet = errors.New("not every expectation was met")

// runExperiment carries out one experiment, prints what came out, and fails if
// that isn't what was expected.
func runExperiment(ctx context.Context, in invocation) error {
	var name string
	if len(in.args) > 0 && !strings.HasPrefix(in.args[0], "-") {
		name, in.args = in.args[0], in.args[1:]
	}
	var list, quick bool
	var dir string
	given := url.Values{}
	set := func(pair string) error {
		parameter, value, ok := strings.Cut(pair, "=")
		if !ok || parameter == "" {
			return fmt.Errorf("want name=value")
		}
		given.Set(parameter, value)
		return nil
	}
	args, err := in.flags(1, func(f *flag.FlagSet) {
		f.BoolVar(&list, "list", false, "list the experiments and their parameters")
		f.BoolVar(&quick, "quick", false, "few trials and short loads, as the tests have it")
		f.StringVar(&dir, "out", "", "write NAME.json and a picture of each figure into this `directory`")
		f.Func("seed", "same `seed`, same chances", func(s string) error { return set("seed=" + s) })
		f.Func("trials", "how `often` it is repeated", func(s string) error { return set("trials=" + s) })
		f.Func("set", "give a parameter, as `name=value`; may be repeated", set)
	})
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return misuse{err}
	case list:
		return listExperiments(in.out)
	}
	if name == "" && len(args) == 1 {
		name, args = args[0], nil
	}
	e := experiments.Find(name)
	if e == nil || len(args) > 0 {
		return misuse{fmt.Errorf("name one experiment of %s\n%s", strings.Join(experimentNames(), ", "), in.usage)}
	}
	v, err := valuesOf(e, given, quick)
	if err != nil {
		return misuse{err}
	}

	var done record
	err = onOwnSystem(ctx, in.getenv, func(ctx context.Context, b *bench) error {
		run, err := carryOut(ctx, b.runner, e, v, os.Stderr)
		if err == nil {
			err = run.Err
		}
		if err != nil {
			return fmt.Errorf("experiment %s: %w", e.Name, err)
		}
		done = record{about(e), run, machineOf(ctx, b.rig)}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := io.WriteString(in.out, done.text()); err != nil {
		return err
	}
	if dir != "" {
		if err := done.save(dir); err != nil {
			return err
		}
	}
	if !done.run.Result.Met() {
		return fmt.Errorf("experiment %s: %w", e.Name, errNotMet)
	}
	return nil
}

// valuesOf checks what was given for an experiment's parameters.
func valuesOf(e *lab.Experiment, given url.Values, quick bool) (lab.Values, error) {
	all := url.Values{}
	if quick {
		for name, value := range lab.QuickValues(e.Params, 1) {
			all.Set(name, value)
		}
	}
	for name := range given {
		if !hasParam(e, name) {
			return nil, fmt.Errorf("experiment %s has no parameter %q; it has\n%s", e.Name, name, describeParams(e))
		}
		all[name] = given[name]
	}
	v, err := lab.ParseValues(e.Params, all)
	if err != nil {
		return nil, fmt.Errorf("experiment %s:\n%w", e.Name, err)
	}
	return v, nil
}

func hasParam(e *lab.Experiment, name string) bool {
	for _, p := range e.Params {
		if p.Name == name {
			return true
		}
	}
	return false
}

func experimentNames() (names []string) {
	for _, e := range experiments.All() {
		names = append(names, e.Name)
	}
	return names
}

func listExperiments(out io.Writer) error {
	var b strings.Builder
	for _, e := range experiments.All() {
		fmt.Fprintf(&b, "%s (%s)\n  %s\n%s\n", e.Name, e.Label, e.Question, describeParams(e))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func describeParams(e *lab.Experiment) string {
	var b strings.Builder
	for _, p := range e.Params {
		fmt.Fprintf(&b, "    %s=%s  %s: %s", p.Name, p.Default, p.Label, p.Range())
		if p.Unit != "" {
			fmt.Fprintf(&b, " %s", p.Unit)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// save writes a run as JSON, and its figures as pictures.
func (r record) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(dir, r.run.Experiment.Name)
	if err := os.WriteFile(name+".json", append(text, '\n'), 0o644); err != nil {
		return err
	}
	for i, figure := range r.run.Result.Figures {
		file := name + ".svg"
		if i > 0 {
			file = name + "-" + strconv.Itoa(i+1) + ".svg"
		}
		if err := os.WriteFile(file, figure.Standalone(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
