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
// The article keeps the line alone, as <div data-embed="source" data-of="…">;
// whoever shows the article puts in what it means. So code in an article is
// that of the server that shows it, and never a copy that has aged.
const (
	EmbedSource     = "source"     // a piece of this program: a file, and what of it
	EmbedExperiment = "experiment" // an experiment of the lab, to be run on the page: its name, and name=value for what differs from its defaults
)

var embeds = []string{EmbedSource, EmbedExperiment}

// Check says what is wrong with an embed: that there is no such thing to show.
type Check func(kind, of string) error

// embedOf is what a node embeds; kind is "" where it embeds nothing.
func embedOf(node ast.Node, src []byte) (kind, of string) {
	code, ok := node.(*ast.FencedCodeBlock)
	if !ok || !slices.Contains(embeds, string(code.Language(src))) {
		return "", ""
	}
	return string(code.Language(src)), strings.TrimSpace(string(code.Lines().Value(src)))
}

// checkEmbed reports what would not be shown.
func checkEmbed(kind, of string, check Check) (err error) {
	switch {
	case of == "" || strings.Contains(of, "\n"):
		return errors.New("it needs one line, no more and no less")
	case check == nil:
		return nil
	}
	return check(kind, of)
}

// Embed is the element that stands in an article for what it embeds.
func Embed(kind, of string) string {
	return fmt.Sprintf(`<div data-embed="%s" data-of="%s"></div>`, kind, html.EscapeString(of))
}

func renderEmbed(w util.BufWriter, kind, of string) {
	_, _ = w.WriteString(Embed(kind, of) + "\n") // a failed write stays with the writer, and whoever flushes it hears of it
}
