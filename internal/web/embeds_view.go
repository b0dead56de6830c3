package web

import (
	"fmt"
	"html/template"
	"net/url"

	"afloat/internal/content"
	"afloat/internal/figures"
	"afloat/internal/lab"
	"afloat/internal/source"
)

// What templates/embeds.html shows.

// excerptEmbed is a piece of the program's own code.
type excerptEmbed struct {
	Path        string
	First, Last int
	URL         string // of its first line
	HTML        template.HTML
}

func viewExcerpt(e source.Excerpt) excerptEmbed {
	return excerptEmbed{Path: e.Path, First: e.Line, Last: e.Last, URL: fmt.Sprintf("/source/%s#L%d", e.Path, e.Line), HTML: e.HTML}
}

// experimentEmbed is an experiment that is run where it stands.
type experimentEmbed struct {
	E       *lab.Experiment
	On      bool   // it can be run here
	Predict bool   // its question is answered here: where it can be run, and for the first time in the article
	Twin    bool   // the lab is the protected blog’s
	Form    string // the form's id
	Fields  []fieldView
	Back    string // the article, for a browser without a script
	Command string // to run it without a browser
}

// viewExperiment takes its ids from the place in the article: an experiment may stand in it more than once, each time
// with other parameters.
func (s *Server) viewExperiment(at spot, e *lab.Experiment, given url.Values) experimentEmbed {
	on := s.Lab != nil && s.Runner != nil
	view := experimentEmbed{
		E: e, On: on, Predict: on && !at.again && len(e.Choices) > 0, Twin: s.isTwin(),
		Form: fmt.Sprintf("try-%d", at.place), Back: postURL(at.slug), Command: command(e, given),
	}
	for _, p := range e.Params {
		f := viewField(p, given)
		f.ID = fmt.Sprintf("%d-%s", at.place, f.Name)
		view.Fields = append(view.Fields, f)
	}
	return view
}

// figureEmbed is a drawing.
type figureEmbed struct {
	figures.Figure
	HTML template.HTML
}

// predictEmbed is a question to answer before reading on.
type predictEmbed struct {
	content.Prediction
	ID string // of its parts, and the name of its choices
}
