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

// report is fleet.json: what was measured, where, and of which revision. Each case is added as soon as it is done, so
// that a run that is cut off can be resumed.
type report struct {
	Date     time.Time `json:"date"`
	Revision string    `json:"revision"`
	Machine  string    `json:"machine"`
	Rate     float64   `json:"reads_per_second"`
	Wanted   float64   `json:"reads_per_second_wanted,omitempty"` // the machine may have borne fewer
	Started  float64   `json:"first_page_s,omitempty"`            // from `docker compose up` to the first page, images built
	Whole    float64   `json:"whole_s,omitempty"`                 // to a healthy fleet
	Memory   float64   `json:"memory_mib,omitempty"`              // of all containers, before the first case
	Results  []result  `json:"results"`
}

func newReport(rate float64, revision string) *report {
	return &report{Date: time.Now().UTC(), Revision: revision, Machine: machine(), Rate: rate, Wanted: rate}
}

func machine() string {
	model := ""
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, rest, _ := strings.Cut(string(info), "model name")
		line, _, _ := strings.Cut(rest, "\n")
		model = strings.Trim(line, "\t :") + ", "
	}
	return fmt.Sprintf("%s%d cores, %s/%s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
}

const figures = "fleet.json"

// resume takes up the results of an earlier run in dir; there need not be one.
func resume(dir string) (r report, err error) {
	text, err := os.ReadFile(filepath.Join(dir, figures))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", figures, err)
	}
	return r, nil
}

// has reports whether a case is done.
func (r *report) has(name string) bool {
	return slices.ContainsFunc(r.Results, func(d result) bool { return d.Name == name })
}

// add puts a result in its place, and everything on the disk.
func (r *report) add(dir string, one result) error {
	r.Results = slices.DeleteFunc(r.Results, func(d result) bool { return d.Name == one.Name })
	r.Results = append(r.Results, one)
	order := map[string]int{}
	for i, s := range scenarios() {
		order[s.Name] = i
	}
	slices.SortStableFunc(r.Results, func(a, b result) int { return order[a.Name] - order[b.Name] })
	return r.write(dir)
}

func (r *report) write(dir string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "fleet.md"), []byte(r.markdown()), 0o644); err != nil {
		return err
	}
	next := filepath.Join(dir, figures+".new")
	if err := os.WriteFile(next, append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, figures))
}

// broken are the cases of which a bound did not hold; or only those that lost something, or did not come to their end.
func (r *report) broken(onlyLosses bool) (names []string) {
	for _, one := range r.Results {
		if one.unforgivable() || one.Failed != "" || len(one.Broken) > 0 && !onlyLosses {
			names = append(names, one.Name)
		}
	}
	return names
}
