package web

import (
	"errors"
	"fmt"
	gohtml "html"
	"html/template"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"

	"afloat/internal/content"
	"afloat/internal/figures"
	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
	"afloat/internal/source"
	"afloat/internal/store"
)

// An article says what it embeds, see content.Embed; this is where it is put
// in. It is done when the article is shown, and not when it is published: the
// code in an article is that of the server that sends it. So are its links to
// the glossary.

// embedded is an article's body with everything in its place.
type embedded struct {
	html template.HTML
	lab  bool // it holds what needs the lab's style sheets and script
}

// bodies keeps what was put together, since it is the same for all readers.
// Who asks first puts it together; after a start, all who ask meanwhile wait for that.
type bodies = otter.Cache[string, func() embedded]

// CheckEmbed tells whoever publishes what could not be shown.
func CheckEmbed(tree *source.Tree) content.Check {
	return func(kind, of string) error {
		var err error
		switch kind {
		case content.EmbedSource:
			var excerpt source.Excerpt
			if excerpt, err = excerptOf(tree, of); err == nil && excerpt.Last-excerpt.Line >= longestExcerpt {
				err = fmt.Errorf("it has %d lines, and at most %d are shown", excerpt.Last-excerpt.Line+1, longestExcerpt)
			}
		case content.EmbedExperiment:
			_, _, err = experimentOf(of)
		case content.EmbedFigure:
			_, err = figureOf(of)
		}
		return err
	}
}

// longestExcerpt is how many lines of code stand in an article at once: as many as can be kept in mind while the text
// speaks of them.
const longestExcerpt = 20

// excerptOf finds what `internal/resilience/retry.go Retry` means.
func excerptOf(tree *source.Tree, of string) (source.Excerpt, error) {
	path, what, _ := strings.Cut(of, " ")
	return tree.Excerpt(path, strings.TrimSpace(what))
}

// experimentOf finds what `jitter clients=100` means.
func experimentOf(of string) (*lab.Experiment, url.Values, error) {
	words := strings.Fields(of)
	e := experiments.Find(words[0])
	if e == nil {
		return nil, nil, fmt.Errorf("there is no experiment %q", words[0])
	}
	given := url.Values{}
	for _, w := range words[1:] {
		name, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, nil, fmt.Errorf("%q is not name=value", w)
		}
		given.Add(name, value)
	}
	_, err := lab.ParseValues(e.Params, given)
	return e, given, err
}

// figureOf finds a drawing by its name.
func figureOf(name string) (figures.Figure, error) {
	f, ok := figures.Find(name)
	if !ok {
		return f, fmt.Errorf("there is no figure %q", name)
	}
	return f, nil
}

// navOf has the page's head bring what the body needs.
func navOf(b embedded) string {
	if b.lab {
		return "lesson"
	}
	return ""
}

var embedElement = regexp.MustCompile(`<div data-embed="(\w+)" data-of="([^"]*)"></div>`)

// body is an article's text with what it embeds, and links to the glossary.
func (s *Server) body(p store.Post) embedded {
	key := fmt.Sprintf("%s %d", p.Slug, p.Version)
	if made, ok := s.bodies.GetIfPresent(key); ok {
		return made()
	}
	made, _ := s.bodies.SetIfAbsent(key, sync.OnceValue(func() embedded { return s.makeBody(p) }))
	return made()
}

func (s *Server) makeBody(p store.Post) (b embedded) {
	p.HTML = s.terms.Mark(p.HTML, p.Slug)
	at := spot{slug: p.Slug}
	asked := map[string]bool{} // experiments whose question stands further up
	b.html = template.HTML(embedElement.ReplaceAllStringFunc(p.HTML, func(element string) string {
		m := embedElement.FindStringSubmatch(element)
		at.place++
		of := gohtml.UnescapeString(m[2])
		if m[1] == content.EmbedExperiment {
			name, _, _ := strings.Cut(of, " ")
			at.again, asked[name] = asked[name], true
		}
		part, err := s.embed(at, m[1], of)
		if err != nil { // it was published by another release of the program
			s.Log.Warn("an article embeds what this server has not got", "article", p.Slug, "err", err)
			return `<p class="hint">Something stood here that this server’s release has not got.</p>`
		}
		b.lab = b.lab || m[1] != content.EmbedSource
		return string(part)
	}))
	return b
}

// spot is where in an article something is embedded.
type spot struct {
	slug  string
	place int  // counted from 1: it makes ids of which a page has one
	again bool // the same experiment stands further up, and has asked for a prediction
}

// embed renders what an article embeds.
func (s *Server) embed(at spot, kind, of string) ([]byte, error) {
	switch kind {
	case content.EmbedSource:
		excerpt, err := excerptOf(s.Source, of)
		if err != nil {
			return nil, err
		}
		return s.pages.render("embed-source", viewExcerpt(excerpt))
	case content.EmbedExperiment:
		e, given, err := experimentOf(of)
		if err != nil {
			return nil, err
		}
		return s.pages.render("embed-experiment", s.viewExperiment(at, e, given))
	case content.EmbedFigure:
		f, err := figureOf(of)
		if err != nil {
			return nil, err
		}
		return s.pages.render("embed-figure", figureEmbed{Figure: f, HTML: f.HTML(fmt.Sprintf("figure-%d", at.place))})
	case content.EmbedPredict:
		p, err := content.ParsePrediction(of)
		if err != nil {
			return nil, err
		}
		return s.pages.render("embed-predict", predictEmbed{Prediction: p, ID: fmt.Sprintf("predict-%d", at.place)})
	}
	return nil, errors.New("unknown kind " + kind)
}
