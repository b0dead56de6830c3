package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// metric is one measured quantity, with a value for each round.
type metric struct {
	Section string    `json:"section"`
	Name    string    `json:"name"` // of what was measured
	Unit    string    `json:"unit"`
	Values  []float64 `json:"values"`
}

// aim is what was hoped for, beside what was measured.
type aim struct {
	What string  `json:"what"`
	Got  float64 `json:"got"`
	Unit string  `json:"unit"`
	Met  bool    `json:"met"`
}

// report is everything that a run found.
type report struct {
	Plan    string            `json:"plan"` // and its sections
	At      time.Time         `json:"at"`
	Machine string            `json:"machine"`
	Notes   []string          `json:"notes"`
	Aims    []aim             `json:"aims"`
	Metrics []*metric         `json:"metrics"`
	charts  map[string]string // file name → SVG
}

func newReport(plan string) *report {
	return &report{
		Plan: plan, At: time.Now().UTC(), charts: map[string]string{},
		Machine: fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()),
	}
}

func (r *report) find(section, name, unit string) *metric {
	i := slices.IndexFunc(r.Metrics, func(m *metric) bool { return m.Section == section && m.Name == name && m.Unit == unit })
	if i < 0 {
		return nil
	}
	return r.Metrics[i]
}

// add notes one more value.
func (r *report) add(section, name, unit string, value float64) {
	m := r.find(section, name, unit)
	if m == nil {
		m = &metric{Section: section, Name: name, Unit: unit}
		r.Metrics = append(r.Metrics, m)
	}
	m.Values = append(m.Values, value)
}

// value is the median of a metric's values, 0 where there is none.
func (r *report) value(section, name, unit string) float64 {
	if m := r.find(section, name, unit); m != nil {
		return median(m.Values)
	}
	return 0
}

// ratio is the median over the rounds of one name's value to another's: the
// two of a round were measured one right after the other.
func (r *report) ratio(section, unit, name, of string) float64 {
	a, b := r.find(section, name, unit), r.find(section, of, unit)
	if a == nil || b == nil {
		return 0
	}
	var ratios []float64
	for i := range min(len(a.Values), len(b.Values)) {
		ratios = append(ratios, a.Values[i]/b.Values[i])
	}
	return median(ratios)
}

func atLeast(want float64) func(float64) bool { return func(got float64) bool { return got >= want } }
func atMost(want float64) func(float64) bool  { return func(got float64) bool { return got <= want } }

func (r *report) aim(what string, got float64, met func(float64) bool, unit string) {
	r.Aims = append(r.Aims, aim{what, got, unit, met(got)})
}

// write puts everything into dir. The benchmark format of the run before of
// the same plan is kept, to compare with.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.Rename(r.now(dir), r.before(dir)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.now(dir), []byte(r.benchmarks()), 0o644); err != nil {
		return err
	}
	files := map[string]string{"latest.md": r.markdown(), "latest.json": string(figures) + "\n"}
	for name, svg := range r.charts {
		files[name] = svg
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// now and before are the files that benchstat compares.
func (r *report) now(dir string) string {
	return filepath.Join(dir, strings.ReplaceAll(r.Plan, " ", "-")+".txt")
}

func (r *report) before(dir string) string { return r.now(dir) + ".before" }
