package content

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Prediction is a question that a reader answers before reading on, what there
// is to choose from, and what is shown after that. All of it is rendered.
type Prediction struct {
	Question template.HTML // inline
	Choices  []Choice      // three, one of them right
	Reveal   template.HTML // paragraphs
	Text     string        // all of it without markup, for full-text search
}

// Choice is one of a prediction's answers.
type Choice struct {
	HTML  template.HTML // inline
	Text  string
	Right bool
}

// Right is the answer that is right.
func (p Prediction) Right() Choice {
	for _, c := range p.Choices {
		if c.Right {
			return c
		}
	}
	return Choice{}
}

const choices = 3

// predictionMarkdown has no footnotes: an article's are numbered for the whole of it.
var predictionMarkdown = goldmark.New(goldmark.WithExtensions(
	extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
	extension.Strikethrough, extension.Linkify, highlighting{},
))

// lineError is what is wrong with a line of a block, counted from 1 for the
// first below its fence.
type lineError struct {
	line int
	error
}

func at(line int, format string, args ...any) error {
	return &lineError{line, fmt.Errorf(format, args...)}
}

// ParsePrediction reads a prediction: first the question, in one line or more,
// then three choices, and after an empty line what is revealed.
//
//	Postgres hangs. What does a reader of this page get?
//	- An error page
//	- [x] The article, with the comments missing or old
//	- Nothing, until the browser gives up
//
//	The article comes from memory.
//
// [x] marks the choice that is right.
func ParsePrediction(of string) (Prediction, error) {
	question, marked, reveal, line := divide(strings.Split(of, "\n"))
	if question == "" {
		return Prediction{}, at(1, "it begins with the question, in a line of its own")
	}
	var p Prediction
	right := 0
	for i, c := range marked {
		plain, isRight := strings.CutPrefix(strings.TrimSpace(c), "[x] ")
		rendered, said, err := inline(plain)
		if err != nil {
			return Prediction{}, at(line.choices+i, "choice %d: %w", i+1, err)
		}
		if isRight {
			right++
		}
		p.Choices = append(p.Choices, Choice{HTML: rendered, Text: said, Right: isRight})
	}
	switch {
	case len(marked) != choices:
		return Prediction{}, at(line.choices, "it has %d choices, each a line that begins with \"- \", and needs %d", len(marked), choices)
	case right != 1:
		return Prediction{}, at(line.choices, "%d choices are marked with [x], and one is right", right)
	case reveal == "":
		return Prediction{}, at(line.reveal, "it does not say, below an empty line, what happens")
	}
	var said string
	var err error
	if p.Question, said, err = inline(question); err != nil {
		return Prediction{}, at(1, "question: %w", err)
	}
	p.Text = said
	for _, c := range p.Choices {
		p.Text += "\n" + c.Text
	}
	if p.Reveal, said, err = blocks(reveal); err != nil {
		return Prediction{}, at(line.reveal, "what happens: %w", err)
	}
	p.Text += "\n" + said
	return p, nil
}

// places are the lines where the parts of a prediction begin, from 1.
type places struct{ choices, reveal int }

func divide(lines []string) (question string, choices []string, reveal string, line places) {
	i := 0
	isChoice := func() bool { return strings.HasPrefix(lines[i], "- ") }
	for ; i < len(lines) && !isChoice() && strings.TrimSpace(lines[i]) != ""; i++ {
		question = strings.TrimSpace(question + " " + strings.TrimSpace(lines[i]))
	}
	skipBlank := func() {
		for i < len(lines) && strings.TrimSpace(lines[i]) == "" {
			i++
		}
	}
	skipBlank()
	for line.choices = i + 1; i < len(lines) && isChoice(); i++ {
		choices = append(choices, lines[i][len("- "):])
	}
	skipBlank()
	line.reveal = i + 1
	return question, choices, strings.TrimSpace(strings.Join(lines[i:], "\n")), line
}

// inline renders what stands within a line.
func inline(src string) (template.HTML, string, error) {
	rendered, said, err := blocks(src)
	if err != nil {
		return "", "", err
	}
	body, isParagraph := strings.CutPrefix(string(rendered), "<p>")
	body, closed := strings.CutSuffix(body, "</p>")
	if !isParagraph || !closed || strings.Contains(body, "<p>") {
		return "", "", errors.New("it is more than a line of text")
	}
	return template.HTML(body), said, nil
}

// blocks renders Markdown without headings, which would not be in the table of
// contents, and without HTML.
func blocks(src string) (template.HTML, string, error) {
	b := []byte(src)
	doc := predictionMarkdown.Parser().Parse(text.NewReader(b))
	var refused error
	_ = ast.Walk(doc, func(node ast.Node, entering bool) (ast.WalkStatus, error) { // its function returns no error
		switch node.(type) {
		case *ast.Heading:
			refused = errors.New("a heading stands in it")
		case *ast.HTMLBlock, *ast.RawHTML:
			refused = errors.New("raw HTML stands in it, which is not rendered")
		}
		return ast.WalkContinue, nil
	})
	if refused != nil {
		return "", "", refused
	}
	var out bytes.Buffer
	if err := predictionMarkdown.Renderer().Render(&out, b, doc); err != nil {
		return "", "", err
	}
	return template.HTML(focusable(strings.TrimSpace(out.String()))), strings.TrimSpace(plainText(doc, b)), nil // goldmark escapes text, and raw HTML was refused
}
