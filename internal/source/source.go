// Package source shows the blog's own code, so that the X-ray can lead from a
// part of a page to the lines that kept it afloat. It serves the files it was
// given and nothing else: a path is looked up in that list, never on a disk.
package source

import (
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/lexers"
)

// ErrNotFound is returned for a path that is not in the tree, and for a line
// that is not in its file.
var ErrNotFound = errors.New("no such source")

// Tree is a fixed set of source files. It is safe for concurrent use.
type Tree struct {
	files    map[string]file
	excerpts sync.Map // path and what of it → Excerpt: highlighting costs more than the rest of an article
}

type file struct {
	text string
	html func() (template.HTML, error) // computed once, when first asked for
}

// Ref is a place in the source, printed as path:line.
type Ref struct {
	Path string
	Line int // from 1; 0 is the file as a whole
}

func (r Ref) String() string {
	if r.Line == 0 {
		return r.Path
	}
	return fmt.Sprintf("%s:%d", r.Path, r.Line)
}

// New reads every file of fsys, usually [afloat.Source]. It panics when one
// can't be read, which an embedded file always can.
func New(fsys fs.FS) *Tree {
	t := &Tree{files: map[string]file{}}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		t.files[name] = file{
			text: string(text),
			html: sync.OnceValues(func() (template.HTML, error) { return highlight(name, string(text)) }),
		}
		return err
	})
	if err != nil {
		panic(fmt.Errorf("source: %w", err))
	}
	return t
}

// Files returns the path of every file, sorted.
func (t *Tree) Files() []string { return slices.Sorted(maps.Keys(t.files)) }

// Text returns a file as it is. The error is [ErrNotFound] for every path that
// Files does not list.
func (t *Tree) Text(path string) (string, error) {
	f, ok := t.files[path]
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrNotFound, path)
	}
	return f.text, nil
}

// Highlight returns a file as a <pre> with chroma's classes. Line 38 has the
// id L38, and its number is a link there. The error is [ErrNotFound] for
// every path that Files does not list.
func (t *Tree) Highlight(path string) (template.HTML, error) {
	f, ok := t.files[path]
	if !ok {
		return "", fmt.Errorf("%w: %q", ErrNotFound, path)
	}
	return f.html()
}

// Line returns the number, from 1, of the first line of a file that contains
// needle, or [ErrNotFound].
func (t *Tree) Line(path, needle string) (int, error) {
	f, ok := t.files[path]
	if !ok {
		return 0, fmt.Errorf("%w: %q", ErrNotFound, path)
	}
	at := strings.Index(f.text, needle)
	if at < 0 {
		return 0, fmt.Errorf("%w: %q has no line with %q", ErrNotFound, path, needle)
	}
	return 1 + strings.Count(f.text[:at], "\n"), nil
}

// Find is [Tree.Line] for a link that should rather lead to the file as a
// whole, or nowhere (the zero Ref), than fail.
func (t *Tree) Find(path, needle string) Ref {
	if _, ok := t.files[path]; !ok {
		return Ref{}
	}
	line, _ := t.Line(path, needle)
	return Ref{Path: path, Line: line}
}

// formatter is safe for concurrent use. It writes no table, so that a screen
// reader reads code and not cells.
var formatter = html.New(html.WithClasses(true), html.WithLineNumbers(true), html.WithLinkableLineNumbers(true, "L"))

// noStyle is of no account: with classes, colours are the style sheet's. Those
// of chroma's own styles package would be parsed at each start.
var noStyle = chroma.MustNewStyle("none", nil)

func highlight(name, text string) (template.HTML, error) {
	tokens, err := chroma.Coalesce(lexer(name)).Tokenise(nil, text)
	if err != nil {
		return "", fmt.Errorf("source: highlight %s: %w", name, err)
	}
	var b strings.Builder
	if err := formatter.Format(&b, noStyle, tokens); err != nil {
		return "", fmt.Errorf("source: highlight %s: %w", name, err)
	}
	return template.HTML(b.String()), nil // chroma escapes the text
}

// lexer goes by the file's name, and by what Afloat means by two of them. To
// find one by name tries some hundred patterns, so Go, which most of it is, is
// not looked for.
func lexer(name string) chroma.Lexer {
	var l chroma.Lexer
	switch path.Ext(name) {
	case ".go":
		l = lexers.Get("go")
	case ".html":
		l = lexers.Get("go-html-template")
	case ".sql":
		l = lexers.Get("postgresql")
	default:
		l = lexers.Match(path.Base(name))
	}
	if l == nil {
		return lexers.Fallback
	}
	return l
}
