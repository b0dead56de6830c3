package content

import (
	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
	"github.com/yuin/goldmark/util"
)

// highlighting renders fenced code of a language that chroma knows. The
// goldmark extension for it needs chroma's styles, which are parsed whenever
// the program starts: 2 MB and 8 ms that no reader has any use for, since
// colours are the style sheet's.
type highlighting struct{}

// Extend makes fenced code ours. goldmark's own renderers have priority 1000.
func (highlighting) Extend(m goldmark.Markdown) {
	m.Renderer().AddOptions(renderer.WithNodeRenderers(util.Prioritized(highlighting{}, 200)))
}

func (highlighting) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindFencedCodeBlock, renderCode)
}

var (
	codeFormatter = chromahtml.New(chromahtml.WithClasses(true))
	noStyle       = chroma.MustNewStyle("none", nil)
)

func renderCode(w util.BufWriter, src []byte, node ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	if kind, of := embedOf(node, src); kind != "" {
		renderEmbed(w, kind, of)
		return ast.WalkContinue, nil
	}
	code := node.(*ast.FencedCodeBlock)
	language, text := code.Language(src), code.Lines().Value(src)
	if language != nil {
		if lexer := lexers.Get(string(language)); lexer != nil {
			tokens, err := chroma.Coalesce(lexer).Tokenise(nil, string(text))
			if err != nil {
				return ast.WalkStop, err
			}
			return ast.WalkContinue, codeFormatter.Format(w, noStyle, tokens)
		}
	}
	_, _ = w.WriteString("<pre><code") // a failed write stays with the writer, and whoever flushes it hears of it
	if language != nil {
		_, _ = w.WriteString(` class="language-`)
		html.DefaultWriter.Write(w, language)
		_ = w.WriteByte('"')
	}
	_ = w.WriteByte('>')
	html.DefaultWriter.RawWrite(w, text)
	_, _ = w.WriteString("</code></pre>\n")
	return ast.WalkContinue, nil
}
