package content

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// articleMarkdown renders without inline styles, since the pages' content
// security policy forbids them: code gets classes, table cells get align.
var articleMarkdown = goldmark.New(
	goldmark.WithExtensions(
		extension.NewTable(extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute)),
		extension.Strikethrough,
		extension.Linkify,
		extension.NewFootnote(extension.WithFootnoteBacklinkTitle("Back to the text")),
		highlighting{},
	),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
)

type renderedArticle struct {
	html string
	toc  []Heading
	text string
}

// renderArticle renders the body and reports what it may not hold. before is
// the number of lines of the file that precede the body.
func renderArticle(p *problems, body []byte, before int, check Check) renderedArticle {
	lineOf := func(n ast.Node) int {
		return before + 1 + bytes.Count(body[:max(0, min(n.Pos(), len(body)))], []byte("\n"))
	}
	doc := articleMarkdown.Parser().Parse(text.NewReader(body))
	var page renderedArticle
	// The walk function below never returns an error, and neither can the walk.
	_ = ast.Walk(doc, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Heading:
			if n.Level == 1 {
				p.add(lineOf(n), "a level 1 heading in the body", "the title is the page's only one: start at ##")
			}
			page.toc = append(page.toc, Heading{Level: n.Level, ID: headingID(n), Text: strings.TrimSpace(plainText(n, body))})
		case *ast.FencedCodeBlock:
			if kind, of := embedOf(n, body); kind != "" {
				p.checkEmbed(lineOf(n), kind, of, check)
			}
		case *ast.HTMLBlock, *ast.RawHTML:
			p.add(lineOf(n), "raw HTML, which is not rendered", "write it as Markdown, or as code between backticks")
		}
		return ast.WalkContinue, nil
	})
	if plain := strings.TrimSpace(plainText(doc, body)); plain == "" {
		p.add(before, "no text below the front matter", "write the article")
	} else {
		page.text = plain
	}
	var out bytes.Buffer
	if err := articleMarkdown.Renderer().Render(&out, body, doc); err != nil {
		p.add(before+1, fmt.Sprintf("the body can't be rendered: %v", err), "simplify the Markdown")
	}
	page.html = focusable(out.String())
	return page
}

func headingID(n *ast.Heading) string {
	id, _ := n.AttributeString("id")
	b, _ := id.([]byte)
	return string(b)
}

// focusable lets a keyboard scroll code and tables that are wider than the
// page. In rendered Markdown every literal < is escaped, so "<pre" can only
// open an element.
func focusable(html string) string {
	return strings.NewReplacer("<pre", `<pre tabindex="0"`, "<table", `<table tabindex="0"`).Replace(html)
}

// plainText returns what a reader sees of the node, without markup and with a
// line break after each block.
func plainText(root ast.Node, src []byte) string {
	var b strings.Builder
	_ = ast.Walk(root, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			if node.Type() == ast.TypeBlock {
				b.WriteByte('\n')
			}
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Text:
			value := n.Value(src)
			if n.Parent().Kind() != ast.KindCodeSpan {
				value = unescape(value)
			}
			b.Write(value)
			if n.SoftLineBreak() || n.HardLineBreak() {
				b.WriteByte('\n')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(src))
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			if kind, of := embedOf(n, src); kind != "" {
				b.WriteString(embedText(kind, of))
			} else {
				b.Write(n.Lines().Value(src))
			}
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// unescape resolves backslash escapes and character references, as rendering
// does.
func unescape(s []byte) []byte {
	return util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(s)))
}
