package web

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
)

// TestExperimentFromItsForm: predict, run, read the result; all of it without a script.
func TestExperimentFromItsForm(t *testing.T) {
	release := make(chan struct{})
	e := &lab.Experiment{
		Name: "form-test", Title: "A form", Question: "Does it run?", Choices: []string{"yes", "no", "perhaps"}, Answer: 0, Label: lab.Simulated,
		Params: []lab.Param{lab.SeedParam(), {Name: "trials", Label: "trials", Unit: "runs", Kind: lab.Int, Default: "2", Min: "1", Max: "9"}},
		Run: func(ctx context.Context, _ *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
			tell(lab.Progress{Done: 0.25, Say: "a quarter is done"})
			select {
			case <-release:
			case <-ctx.Done():
			}
			return lab.Result{Finding: "It ran " + v.Choice("trials") + " times.", Trials: v.Int("trials"), Checks: []lab.Check{{Claim: "it runs", Want: "yes", Got: "yes", Met: true}}}, nil
		},
	}
	experiments.Register(1000, e)
	var runner *lab.Runner
	w := newWorld(t)
	b := w.start(t, func(s *setup) {
		s.options = func(o *Options) {
			runner = lab.NewRunner(&lab.Rig{Links: o.Lab, Log: o.Log}, nil, o.Log)
			o.Runner = runner
		}
	})
	defer runner.Close()
	const page = "/lab/experiments/form-test"
	wants(t, b.get(t, page).body, "Does it run?", "Predict first", "Why (after you have predicted)")

	form := url.Values{"trials": {"10"}, "prediction": {"1"}}.Encode()
	bad := b.do(t, "POST", page, form, "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded")
	bad.wantStatus(t, 400)
	wants(t, bad.body, "trials: want a whole number from 1 to 9, runs", `value="10"`)

	form = url.Values{"trials": {"3"}, "prediction": {"1"}}.Encode()
	started := b.do(t, "POST", page, form, "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded")
	started.wantStatus(t, 303)
	run := started.header.Get("Location")
	eventually(t, "it tells how far it is", func() bool { return strings.Contains(b.get(t, run).body, "a quarter is done") })
	wants(t, b.get(t, run).body, `http-equiv="refresh"`, "You predicted: “no”")
	second := b.do(t, "POST", page, form, "Accept", "text/html", "Content-Type", "application/x-www-form-urlencoded")
	second.wantStatus(t, 409)
	wants(t, second.body, "is under way")

	close(release)
	eventually(t, "there is a result", func() bool { return strings.Contains(b.get(t, run).body, "It ran 3 times.") })
	wants(t, b.get(t, run).body, "It came out otherwise: “yes”", "trials 3 runs", "Met")
	lacks(t, b.get(t, run).body, `http-equiv="refresh"`)
	lacks(t, b.get(t, page).body, "It ran 3 times.") // it would spoil the next reader's prediction
	wants(t, b.get(t, page).body, "The latest result")
	b.get(t, page+"?run=nothing").wantStatus(t, 404)
}

// A browser empties a field of numbers that holds anything else: an article's name would be lost from the form.
func TestFieldsHoldWhatTheyAreFor(t *testing.T) {
	for kind, number := range map[lab.ParamKind]bool{lab.Int: true, lab.Float: true, lab.Duration: false, lab.Slug: false} {
		got := html(t, "lab-fields", []fieldView{viewField(lab.Param{Name: "a", Kind: kind}, nil)})
		if strings.Contains(got, `type="number"`) != number {
			t.Errorf("a field of kind %s: %s", kind, got)
		}
	}
}
