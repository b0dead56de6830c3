package experiments

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"afloat/internal/lab"
)

// TestEveryExperimentIsWhole: what its page shows is there, its parameters are within their own bounds, and what it
// cites can be followed.
func TestEveryExperimentIsWhole(t *testing.T) {
	for _, e := range All() {
		t.Run(e.Name, func(t *testing.T) {
			if e.Title == "" || e.Question == "" || e.SetUp == "" || e.Run == nil || e.Load.Callers == "" {
				t.Error("it lacks its title, question, set-up, load or run")
			}
			if len(e.Choices) != 3 || e.Answer < 0 || e.Answer >= len(e.Choices) {
				t.Errorf("answer %d of %q; want three choices", e.Answer, e.Choices)
			}
			if !slices.Contains([]lab.Label{lab.Real, lab.Injected, lab.Simulated, lab.Recorded}, e.Label) {
				t.Errorf("label %q", e.Label)
			}
			if len(e.Measures) < 2 || len(e.Expect) == 0 || len(e.Explain) == 0 || len(e.Hurts) == 0 {
				t.Error("it lacks measures of both sides, expectations, an explanation or when it hurts")
			}
			if _, err := lab.ParseValues(e.Params, nil); err != nil {
				t.Errorf("defaults: %v", err)
			}
			quick := url.Values{}
			for name, value := range lab.QuickValues(e.Params, 3) {
				quick.Set(name, value)
			}
			if _, err := lab.ParseValues(e.Params, quick); err != nil {
				t.Errorf("quick values: %v", err)
			}
			for _, p := range e.Params {
				if p.Name == "" || p.Label == "" {
					t.Errorf("parameter %+v lacks its name or label", p)
				}
			}
			cited := slices.Clone(e.Sources)
			for _, x := range e.Expect {
				if x.Claim == "" || x.Tolerance == "" {
					t.Errorf("expectation %+v lacks its claim or tolerance", x)
				}
				cited = append(cited, x.Source)
			}
			for _, r := range cited {
				follow(t, r)
			}
		})
	}
}

// follow wants a reference to lead to a page of others', or to a file of ours.
func follow(t *testing.T, r lab.Reference) {
	t.Helper()
	if file, ours := strings.CutPrefix(r.URL, "/source/"); ours {
		if _, err := os.Stat(filepath.Join("../../..", filepath.FromSlash(file))); err != nil {
			t.Errorf("%s: %v", r.Text, err)
		}
		return
	}
	if u, err := url.Parse(r.URL); r.Text == "" || err != nil || u.Scheme != "https" || u.Host == "" {
		t.Errorf("reference %+v leads nowhere", r)
	}
}
