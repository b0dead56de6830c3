package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"

	"afloat/internal/chart"
	"afloat/internal/lab"
)

// fieldView is one parameter in a form.
type fieldView struct {
	ID                                   string // of its elements: two forms on a page may have a field of one name
	Name, Label, Kind, Value, Hint, Step string
	Min, Max                             string
	Choices                              []choiceView
}

type choiceView struct {
	Value string
	On    bool
}

type runView struct {
	ID, Title, URL string
	Over, Stopped  bool
	Percent        int
	Say            string
	Problem        string // why there is no result
	Took           string
	Values         []string // "seed 1", in the order of the form
	Result         lab.Result
	Figures        []template.HTML
	Met            bool
	Again          string // the form with these values
}

func viewField(p lab.Param, given url.Values) fieldView {
	f := fieldView{ID: p.Name, Name: p.Name, Label: p.Label, Kind: string(p.Kind), Hint: p.Range(), Min: p.Min, Max: p.Max}
	if p.Unit != "" {
		f.Hint += ", " + p.Unit
	}
	f.Value = strings.Join(given[p.Name], ",")
	if f.Value == "" && (p.Kind != lab.Set || !given.Has(p.Name)) {
		f.Value = p.Default
	}
	f.Step = "any"
	if p.Kind == lab.Int {
		f.Step = "1"
	}
	chosen := strings.Split(f.Value, ",")
	for _, c := range p.Choices {
		f.Choices = append(f.Choices, choiceView{c, slices.Contains(chosen, c)})
	}
	if p.Kind == lab.Choice || p.Kind == lab.Set {
		f.Hint = p.Unit
	}
	return f
}

func viewRun(run lab.Run) *runView {
	v := &runView{
		ID: run.ID, Title: run.Experiment.Title, Over: run.Over(), Percent: int(100 * run.Progress.Done), Say: run.Progress.Say,
		URL:    experimentURL(run.Experiment.Name) + "?" + url.Values{"run": {run.ID}}.Encode(),
		Again:  experimentURL(run.Experiment.Name) + "?" + run.Values.Query() + "#again",
		Result: run.Result, Met: run.Err == nil && run.Result.Met(),
	}
	if page := run.Experiment.Page; page != "" {
		v.URL, v.Again = page, page
	}
	for _, p := range run.Experiment.Params {
		if value := run.Values[p.Name]; value != "" {
			v.Values = append(v.Values, p.Label+" "+strings.TrimSpace(value+" "+p.Unit))
		}
	}
	if !v.Over {
		v.Took = age(time.Since(run.Began))
		return v
	}
	v.Took = fmt.Sprintf("%.1f s", run.Ended.Sub(run.Began).Seconds())
	v.Stopped = errors.Is(run.Err, context.Canceled)
	if run.Err != nil {
		v.Problem = run.Err.Error()
	}
	for _, f := range run.Result.Figures {
		if drawn, ok := f.(chart.Figure); ok {
			drawn.ID += "-" + run.ID // an article may show two runs of one experiment
			f = drawn
		}
		v.Figures = append(v.Figures, f.HTML())
	}
	return v
}

// command is how to run the same without a browser; of what is out of range it says nothing.
func command(e *lab.Experiment, given url.Values) string {
	c := "bin/blog experiment"
	values, err := lab.ParseValues(e.Params, given)
	for _, p := range e.Params {
		if value := values[p.Name]; err == nil && value != p.Default {
			c += fmt.Sprintf(" -set %s=%s", p.Name, value)
		}
	}
	return c + " " + e.Name
}
