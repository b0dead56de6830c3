package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"afloat/internal/lab"
	"afloat/internal/policy"
)

// record is a run as it is kept.
type record struct {
	about   heading
	run     lab.Run
	machine machine
}

// heading says which experiment a record is of.
type heading struct {
	Name     string    `json:"name"`
	Code     string    `json:"code,omitempty"`
	Title    string    `json:"title"`
	Question string    `json:"question"`
	Label    lab.Label `json:"label"`
	Scale    string    `json:"scale,omitempty"`
}

func about(e *lab.Experiment) heading {
	return heading{e.Name, e.Code, e.Title, e.Question, e.Label, e.Scale}
}

// machine is what a run's numbers depend on.
type machine struct {
	System   string `json:"system"`
	CPU      string `json:"cpu,omitempty"`
	CPUs     int    `json:"cpus"`
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Redis    string `json:"redis"`
	Revision string `json:"revision"`
}

// MarshalJSON writes the record of a run.
func (r record) MarshalJSON() ([]byte, error) {
	reason := ""
	if r.run.Err != nil {
		reason = r.run.Err.Error()
	}
	return json.Marshal(struct {
		heading
		Parameters lab.Values `json:"parameters"`
		Began      time.Time  `json:"began"`
		Seconds    float64    `json:"seconds"`
		Met        bool       `json:"met"`
		Error      string     `json:"error,omitempty"`
		lab.Result
		Machine machine `json:"machine"`
	}{r.about, r.run.Values, r.run.Began, r.took().Seconds(), r.met(), reason, r.run.Result, r.machine})
}

func (r record) met() bool { return r.run.Err == nil && r.run.Result.Met() }

func (r record) took() time.Duration { return r.run.Ended.Sub(r.run.Began) }

// text is the record for a terminal.
func (r record) text() string {
	var b strings.Builder
	result := r.run.Result
	fmt.Fprintf(&b, "%s (%s)\n%s\n\n%s\n", r.about.Title, r.about.Label, r.about.Question, result.Finding)
	for _, t := range result.Tables {
		fmt.Fprintf(&b, "\n%s\n", t.Caption)
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, row := range append([][]string{t.Head}, t.Rows...) {
			fmt.Fprintf(table, "  %s\n", strings.Join(row, "\t"))
		}
		_ = table.Flush() // a strings.Builder never fails
	}
	if len(result.Checks) > 0 {
		b.WriteString("\n")
	}
	for _, c := range result.Checks {
		fmt.Fprintf(&b, "%-8s %s: want %s, got %s (%s)\n", verdict(c.Met), c.Claim, c.Want, c.Got, cite(c.Source))
	}
	for _, n := range result.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	fmt.Fprintf(&b, "\n%s\ntook %v; %s\n", r.parameters(), r.took().Round(10*time.Millisecond), r.machine)
	return b.String()
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "NOT MET"
}

func cite(r lab.Reference) string {
	if r.URL == "" {
		return r.Text
	}
	return r.Text + ", " + r.URL
}

// parameters are the run's, in the order of its experiment.
func (r record) parameters() string {
	var all []string
	for _, p := range r.run.Experiment.Params {
		all = append(all, p.Name+"="+r.run.Values[p.Name])
	}
	return strings.Join(all, " ")
}

func (m machine) String() string {
	cpu := fmt.Sprintf("%d CPUs", m.CPUs)
	if m.CPU != "" {
		cpu += " (" + m.CPU + ")"
	}
	return fmt.Sprintf("%s, %s, %s, PostgreSQL %s, Redis %s, Afloat %s", m.System, cpu, m.Go, m.Postgres, m.Redis, m.Revision)
}

// machineOf asks the servers for their versions; what can't be known is "unknown".
func machineOf(ctx context.Context, rig *lab.Rig) machine {
	m := machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuModel(), CPUs: runtime.NumCPU(), Go: runtime.Version(),
		Postgres: "unknown", Redis: "unknown", Revision: revision(),
	}
	ctx, cancel := context.WithTimeout(ctx, policy.LabRig().Patience)
	defer cancel()
	var version string
	if rig.Postgres != nil && rig.Postgres.QueryRow(ctx, "show server_version").Scan(&version) == nil {
		m.Postgres = version
	}
	if rig.Redis != nil {
		if version := rig.Redis.InfoMap(ctx, "server").Item("Server", "redis_version"); version != "" {
			m.Redis = version
		}
	}
	return m
}

// cpuModel is what Linux calls the processor; "" elsewhere.
func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// revision is the commit that the program was built from.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown revision"
}
