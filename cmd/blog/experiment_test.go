package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
	"afloat/internal/load"
)

// picture is a figure that says which it is.
type picture string

func (p picture) SVG() template.HTML  { return template.HTML("<svg><title>" + p + "</title></svg>") }
func (p picture) HTML() template.HTML { return "<figure>" + p.SVG() + "</figure>" }
func (p picture) Standalone() []byte  { return []byte(p.SVG()) }

// example is a tiny experiment on all of the rig: a few readers of the two
// blogs, one of them under a fault, and a word with each dependency.
var example = &lab.Experiment{
	Name: "test-example", Title: "An example", Question: "Do <both> blogs answer?", Label: lab.Injected, SetUp: "Two readers a second.",
	Params: []lab.Param{
		lab.SeedParam(),
		{Name: "trials", Label: "trials", Unit: "runs", Kind: lab.Int, Default: "3", Quick: "1", Min: "1", Max: "5"},
		{Name: "want", Label: "what to expect", Kind: lab.Choice, Default: "success", Choices: []string{"success", "failure", "panic"}},
	},
	Explain: []string{"Because."},
	Run: func(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
		if v.Choice("want") == "panic" {
			panic("as asked")
		}
		if err := errors.Join(rig.Postgres.Ping(ctx), rig.Redis.Ping(ctx).Err()); err != nil {
			return lab.Result{}, err
		}
		res, err := rig.Service.Get(rig.Services + "/healthz")
		if err != nil {
			return lab.Result{}, err
		}
		_ = res.Body.Close()
		tell(lab.Progress{Done: 0.5, Say: "reading"})
		plan := load.Plan{Rate: 20, Duration: time.Second, Seed: v.Seed(), Timeout: 10 * time.Second}
		outcomes, err := rig.Measure(ctx, plan, []lab.FaultStep{{Order: lab.Order{Link: "redis", Kind: "refuse"}}},
			lab.Target{Name: "protected", URL: rig.Blog}, lab.Target{Name: "naive", URL: rig.Naive})
		if err != nil {
			return lab.Result{}, err
		}
		protected, naive := lab.Summarise(outcomes[0].Samples, 0), lab.Summarise(outcomes[1].Samples, 0)
		return lab.Result{
			Finding: fmt.Sprintf("protected %d of %d", protected.OK, protected.Readers),
			Trials:  v.Int("trials"),
			Tables:  []lab.Table{{Caption: "Readers", Head: []string{"server", "answered"}, Rows: [][]string{{"protected", fmt.Sprint(protected.OK)}, {"naive", fmt.Sprint(naive.OK)}}}},
			Figures: []lab.Figure{picture("first"), picture("second")},
			Checks: []lab.Check{{
				Claim: "all readers of the protected blog", Want: "all", Got: fmt.Sprintf("%d of %d", protected.OK, protected.Readers),
				Met: (protected.OK == protected.Readers && protected.Readers == naive.Readers && protected.Readers > 0) == (v.Choice("want") == "success"),
			}},
		}, nil
	},
}

var _ = experiments.Register(1_000_000, example)

// exit runs this binary as the blog, and returns its exit status.
func exit(t *testing.T, args ...string) (status int, out, said string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), exe, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + dataDir(t)}
	err = cmd.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestExperimentRunsHeadless(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "directory")
	status, out, said := exit(t, "experiment", "test-example", "-quick", "-seed", "7", "-out", dir)
	if status != 0 {
		t.Fatalf("exit status %d\n%s\n%s", status, out, said)
	}
	for _, want := range []string{"An example (injected)", "server     answered", "met      all readers of the protected blog: want all, got ", "seed=7 trials=1 want=success", "PostgreSQL 1", "Redis "} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "unknown,") || !strings.Contains(said, "test-example   50 %  reading") {
		t.Errorf("output\n%s\nprogress\n%s", out, said)
	}
	var saved struct {
		Name, Question, Finding string
		Parameters              map[string]string
		Met                     bool
		Checks                  []lab.Check
		Tables                  []lab.Table
		Machine                 machine
		Trials                  int
	}
	text, err := os.ReadFile(filepath.Join(dir, "test-example.json"))
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil || saved.Name != "test-example" || !saved.Met || saved.Parameters["seed"] != "7" || len(saved.Checks) != 1 ||
		len(saved.Tables) != 1 || saved.Machine.CPUs == 0 || saved.Trials != 1 || !strings.HasPrefix(saved.Finding, "protected ") {
		t.Errorf("%v\n%s", err, text)
	}
	for file, want := range map[string]string{"test-example.svg": "first", "test-example-2.svg": "second"} {
		if svg, err := os.ReadFile(filepath.Join(dir, file)); err != nil || !strings.Contains(string(svg), want) {
			t.Errorf("%s: %v\n%s", file, err, svg)
		}
	}
}

func TestExperimentsExitStatus(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"test-example", "-quick", "-set", "want=failure"}, 1, "not every expectation was met"},
		{[]string{"test-example", "-quick", "-set", "want=panic"}, 1, "broke off: as asked"},
		{[]string{"nothing"}, 2, "name one experiment of "},
		{nil, 2, "test-example"},
		{[]string{"test-example", "more"}, 2, "name one experiment"},
		{[]string{"test-example", "-trials", "9"}, 2, `trials: want a whole number from 1 to 5, runs; got "9"`},
		{[]string{"test-example", "-set", "want=money"}, 2, "want: want one of success, failure, panic"},
		{[]string{"test-example", "-set", "clients=3"}, 2, `no parameter "clients"; it has`},
		{[]string{"test-example", "-set", "clients"}, 2, "want name=value"},
		{[]string{"test-example", "-trails", "1"}, 2, "not defined: -trails"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			status, out, said := exit(t, append([]string{"experiment"}, tt.args...)...)
			if status != tt.status || !strings.Contains(said, tt.want) {
				t.Errorf("exit status %d, want %d with %q\n%s\n%s", status, tt.status, tt.want, out, said)
			}
		})
	}
}

func TestExperimentsAreListed(t *testing.T) {
	out, err := blog(t, nil, "experiment", "-list")
	if err != nil || !strings.Contains(out, "test-example (injected)\n  Do <both> blogs answer?\n") || !strings.Contains(out, "trials=3  trials: a whole number from 1 to 5 runs") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReport(t *testing.T) {
	file := filepath.Join(t.TempDir(), "reports", "today.html")
	status, out, said := exit(t, "report", "-quick", "-only", "test-example", "-out", file)
	if status != 0 || !strings.Contains(out, "1 experiments, 1 expectations met, 0 not met, 0 experiments without a result") {
		t.Fatalf("exit status %d\n%s\n%s", status, out, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, want := range []string{
		"1 of 1 expectations met.", "An example", "Do &lt;both&gt; blogs answer?", "<figure><svg><title>first", "<caption>Readers", "<caption>Expectations",
		"PostgreSQL 1", "seed=1 trials=1 want=success", "--ch-1: #0072b2", "Because.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the report does not say %q:\n%s", want, page)
		}
	}
	for _, outside := range []string{"src=", "<link", "<script", "@import", "url("} {
		if strings.Contains(page, outside) {
			t.Errorf("the report needs something else: %q", outside)
		}
	}
	if status, _, said := exit(t, "report", "-only", "nothing"); status != 2 || !strings.Contains(said, `there is no experiment "nothing"`) {
		t.Errorf("exit status %d: %s", status, said)
	}
}

// A report tells what went wrong, and goes on.
func TestReportOfAFailure(t *testing.T) {
	r := report{}
	failed := lab.Run{Experiment: example, Values: lab.Values{}, Err: errors.New("no <readers>")}
	unmet := lab.Run{Experiment: example, Values: lab.Values{}, Result: lab.Result{Checks: []lab.Check{{Claim: "this", Met: true}, {Claim: "that"}}}}
	r.add(record{run: failed})
	r.add(record{run: unmet})
	page, err := r.page()
	if err != nil || r.Failed != 1 || r.Met != 1 || r.NotMet != 1 {
		t.Errorf("%v, %+v", err, r)
	}
	for _, want := range []string{"There is no result: no &lt;readers&gt;", "1 not met", "1 experiments without a result"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the report does not say %q", want)
		}
	}
}

// A system of one's own leaves nothing behind.
func TestOwnSystemIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", dataDir(t))
	var blogURL string
	err := onOwnSystem(t.Context(), env{}.get, func(_ context.Context, b *bench) error {
		blogURL = b.rig.Blog
		if status, page := get(t, blogURL+"/posts/"+shipped(t)[0].Slug); status != http.StatusOK || state(page, "comments") == "missing" {
			t.Errorf("not warm: %d, comments %s", status, state(page, "comments"))
		}
		return errNotMet
	})
	if !errors.Is(err, errNotMet) {
		t.Errorf("%v, want what the use returned", err)
	}
	if status, _ := get(t, blogURL); status != 0 {
		t.Error("the blog still answers")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
