package content

import (
	"bytes"
	"regexp"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// commentRel tells search engines not to trust a reader's link, and browsers
// not to hand the linked page a reference to this one.
const commentRel = "nofollow ugc noopener"

// Comment renders a reader's Markdown as HTML that is safe to place in a page:
// paragraphs, line breaks, emphasis, strong, code, fenced and indented code, lists,
// blockquotes and links. Anything else a reader writes, HTML included, shows as
// the text it is. There is no input that it refuses; the caller bounds the
// length.
//
// A sanitiser with a short allow-list makes it safe, whatever comes before it. The
// parser knows no more of Markdown than that, so that nothing a reader writes is
// silently removed.
func Comment(markdown string) string {
	var out bytes.Buffer
	// Writing to a bytes.Buffer can't fail, and the renderer has no other error.
	_ = commentMarkdown.Convert([]byte(markdown), &out)
	return commentPolicy.Sanitize(focusable(out.String()))
}

// commentMarkdown lists what it parses, rather than starting from the default
// and removing: what a later version of the library adds stays out.
var commentMarkdown = goldmark.New(
	goldmark.WithParser(parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewListParser(), 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500), // without it the parser stops at a line with four blanks in front
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(parser.NewBlockquoteParser(), 800),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithInlineParsers(
			util.Prioritized(parser.NewCodeSpanParser(), 100),
			util.Prioritized(parser.NewLinkParser(), 200),
			util.Prioritized(parser.NewAutoLinkParser(), 300),
			util.Prioritized(parser.NewEmphasisParser(), 500),
			util.Prioritized(extension.NewLinkifyParser(), 999),
		),
		parser.WithASTTransformers(util.Prioritized(markLinks{}, 100)),
	)),
	goldmark.WithRendererOptions(
		html.WithHardWraps(),
		renderer.WithNodeRenderers(util.Prioritized(imageAsText{}, 100)),
	),
)

var commentPolicy = func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "em", "strong", "code", "ul", "ol", "li", "blockquote")
	p.AllowAttrs("tabindex").Matching(regexp.MustCompile(`^0$`)).OnElements("pre")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("href").OnElements("a")
	p.AllowAttrs("rel").Matching(regexp.MustCompile(`^` + commentRel + `$`)).OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	return p
}()

// markLinks gives every link its rel attribute.
type markLinks struct{}

// Transform implements parser.ASTTransformer.
func (markLinks) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if kind := n.Kind(); entering && (kind == ast.KindLink || kind == ast.KindAutoLink) {
			n.SetAttributeString("rel", []byte(commentRel))
		}
		return ast.WalkContinue, nil
	})
}

// imageAsText renders an image's description, so that its words aren't lost.
type imageAsText struct{}

// RegisterFuncs implements renderer.NodeRenderer.
func (imageAsText) RegisterFuncs(reg renderer.NodeRendererFuncRegisterer) {
	reg.Register(ast.KindImage, func(util.BufWriter, []byte, ast.Node, bool) (ast.WalkStatus, error) {
		return ast.WalkContinue, nil
	})
}
