package content

import (
	"errors"
	"fmt"
	"html"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/util"
)

// Embeds are what an article can hold beside text. Each is a fenced block whose
// language is the kind, and whose one line says which:
//
//	```source
//	internal/resilience/retry.go Retry
//	```
//
// The article keeps that line alone, as <div data-embed="source" data-of="…">;
// whoever shows the article puts in what it means. So code in an article is
// that of the server that shows it, and never a copy that has aged. A
// prediction has all its lines kept: see [ParsePrediction].
const (
	EmbedSource     = "source"     // a piece of this program: a file, and what of it
	EmbedExperiment = "experiment" // an experiment of the lab, to be run on the page: its name, and name=value for what differs from its defaults
	EmbedFigure     = "figure"     // a drawing by its name
	EmbedPredict    = "predict"    // a question with three answers, and what happens
)

var embeds = []string{EmbedSource, EmbedExperiment, EmbedFigure, EmbedPredict}

// Check says what is wrong with an embed: that there is no such thing to show.
type Check func(kind, of string) error

// embedOf is what a node embeds; kind is "" where it embeds nothing.
func embedOf(node ast.Node, src []byte) (kind, of string) {
	code, ok := node.(*ast.FencedCodeBlock)
	if !ok || !slices.Contains(embeds, string(code.Language(src))) {
		return "", ""
	}
	of = strings.TrimLeft(string(code.Lines().Value(src)), " \t")
	return string(code.Language(src)), strings.TrimRight(of, " \t\n")
}

// checkEmbed adds to the problems what would not be shown. line is the fence's.
func (p *problems) checkEmbed(line int, kind, of string, check Check) {
	remedy := "name what there is; docs/design.md lists the kinds"
	var err error
	if kind == EmbedPredict {
		remedy = "write it as content/README.md says"
		_, err = ParsePrediction(of)
	} else if of == "" || strings.Contains(of, "\n") {
		err = errors.New("it needs one line, no more and no less")
	} else if check != nil {
		err = check(kind, of)
	}
	if err == nil {
		return
	}
	if inside := (*lineError)(nil); errors.As(err, &inside) {
		line += inside.line
	}
	p.add(line, fmt.Sprintf("nothing to show for this block of kind %s: %v", kind, err), remedy)
}

// Embed is the element that stands in an article for what it embeds.
func Embed(kind, of string) string {
	return fmt.Sprintf(`<div data-embed="%s" data-of="%s"></div>`, kind, html.EscapeString(of))
}

func renderEmbed(w util.BufWriter, kind, of string) {
	_, _ = w.WriteString(Embed(kind, of) + "\n") // a failed write stays with the writer, and whoever flushes it hears of it
}

// embedText is what a reader sees of an embed in any case.
func embedText(kind, of string) string {
	if kind != EmbedPredict {
		return "" // its line is no text
	}
	prediction, _ := ParsePrediction(of) // what is wrong with it was said by checkEmbed
	return prediction.Text
}
