package main

import (
	"bytes"
	"context"
	_ "embed" // for the report's page
	"errors"
	"flag"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
)

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": func(d time.Duration) string { return d.Round(time.Second / 10).String() },
}).Parse(reportPage))

// report is what its page shows.
type report struct {
	Style       template.CSS
	Machine     machine
	Began       time.Time
	Took        time.Duration
	Quick       bool
	Met, NotMet int // expectations
	Failed      int // experiments without a result
	Entries     []entry
}

// entry is one experiment of a report.
type entry struct {
	*lab.Experiment
	Result     lab.Result
	Parameters string
	Began      time.Time
	Took       time.Duration
	Err        error
}

// runReport carries out all experiments, one after the other, and writes one
// page that needs nothing else. An experiment that fails is an entry, too.
func runReport(ctx context.Context, in invocation) error {
	var quick bool
	var only, file string
	_, err := in.flags(0, func(f *flag.FlagSet) {
		f.BoolVar(&quick, "quick", false, "few trials and short loads, as the tests have it")
		f.StringVar(&only, "only", "", "these experiments, as `names` with commas between them (default: all)")
		f.StringVar(&file, "out", "report.html", "the `file` to write")
	})
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return misuse{err}
	}
	all := experiments.All()
	if only != "" {
		all = nil
		for _, name := range split(only) {
			e := experiments.Find(name)
			if e == nil {
				return misuse{fmt.Errorf("there is no experiment %q; there are %v", name, experimentNames())}
			}
			all = append(all, e)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	r := report{Style: template.CSS(chart.CSS), Began: time.Now(), Quick: quick}
	err = onOwnSystem(ctx, in.getenv, func(ctx context.Context, b *bench) error {
		r.Machine = machineOf(ctx, b.rig)
		for _, e := range all {
			v, err := valuesOf(e, url.Values{}, quick)
			if err != nil {
				return err
			}
			run, err := carryOut(ctx, b.runner, e, v, os.Stderr)
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r.add(record{about(e), run, r.Machine})
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.Took = time.Since(r.Began)
	page, err := r.page()
	if err == nil {
		err = os.WriteFile(file, page, 0o644)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(in.out, "%s: %d experiments, %d expectations met, %d not met, %d experiments without a result\n", file, len(r.Entries), r.Met, r.NotMet, r.Failed)
	if r.NotMet+r.Failed > 0 {
		return errNotMet
	}
	return nil
}

func (r *report) add(done record) {
	run := done.run
	r.Entries = append(r.Entries, entry{run.Experiment, run.Result, done.parameters(), run.Began, done.took(), run.Err})
	if run.Err != nil {
		r.Failed++
		return
	}
	for _, c := range run.Result.Checks {
		if c.Met {
			r.Met++
		} else {
			r.NotMet++
		}
	}
}

// Expectations is how many were checked.
func (r *report) Expectations() int { return r.Met + r.NotMet }

func (r *report) page() ([]byte, error) {
	var b bytes.Buffer
	err := reportTemplate.Execute(&b, r)
	return b.Bytes(), err
}
