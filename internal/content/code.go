package content

import (
	"fmt"
	"strings"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/styles"
)

// CodeCSS returns the style sheet of highlighted code: light, and dark for
// readers who prefer it. static/code.css holds its output; after a change run
//
//	go test ./internal/content -run CodeCSS -update
func CodeCSS() string {
	return "/* Highlighted code. Generated: go test ./internal/content -run CodeCSS -update */\n" +
		styleSheet("modus-operandi", "#595959") +
		"@media (prefers-color-scheme: dark) {\n" + styleSheet("modus-vivendi", "#989898") + "}\n"
}

// styleSheet returns the rules of one style. Both Modus styles are made for a
// contrast of 7:1, but colour no line numbers, and chroma's own grey is too
// faint on white. Tests hold every colour to at least 4.5:1 (WCAG 2.2, AA), and
// the dark style to overriding whatever the light one sets.
func styleSheet(name, lineNumbers string) string {
	style, err := styles.Get(name).Builder().
		Add(chroma.LineNumbers, lineNumbers).
		Add(chroma.LineNumbersTable, lineNumbers).
		Build()
	if err != nil {
		panic(fmt.Sprintf("content: style %s: %v", name, err)) // both colours are constants above
	}
	formatter := chromahtml.New(chromahtml.WithClasses(true), chromahtml.WithCSSComments(false))
	var css strings.Builder
	if err := formatter.WriteCSS(&css, style); err != nil {
		panic(fmt.Sprintf("content: style %s: %v", name, err)) // a strings.Builder never fails to write
	}
	return css.String()
}
