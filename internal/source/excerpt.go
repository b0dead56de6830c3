package source

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/formatters/html"
)

// Excerpt is a piece of a file.
type Excerpt struct {
	Ref         // its first line
	Last int    // its last line
	Text string // without the indentation that all its lines share
	HTML template.HTML
}

// Excerpt finds a piece of a file by what it says. What is one of:
//
//	Retry               a function, type, variable or constant of a Go file
//	Breaker.Allow       a method
//	"first" "last"      from the first line that holds first to the next that
//	                    holds last; of any file
//	"only"              the lines from the first that holds only to the end of
//	                    its paragraph, or of its block
//
// Doc comments are left out: they are prose, which the text around an excerpt
// has already. The error is [ErrNotFound] for what isn't there.
func (t *Tree) Excerpt(path, what string) (Excerpt, error) {
	key := path + " " + what
	if e, ok := t.excerpts.Load(key); ok {
		return e.(Excerpt), nil
	}
	e, err := t.excerpt(path, what)
	if err == nil {
		t.excerpts.Store(key, e)
	}
	return e, err
}

func (t *Tree) excerpt(path, what string) (Excerpt, error) {
	f, ok := t.files[path]
	if !ok {
		return Excerpt{}, fmt.Errorf("%w: %q", ErrNotFound, path)
	}
	lines := strings.Split(strings.TrimSuffix(f.text, "\n"), "\n")
	first, last, ok := cut(lines, what)
	if !ok {
		return Excerpt{}, fmt.Errorf("%w: %q has no %s", ErrNotFound, path, what)
	}
	text := strings.Join(dedented(lines[first:last+1]), "\n") + "\n"
	tokens, err := chroma.Coalesce(lexer(path)).Tokenise(nil, text)
	if err != nil {
		return Excerpt{}, fmt.Errorf("source: highlight %s: %w", path, err)
	}
	var b strings.Builder
	if err := plain.Format(&b, noStyle, tokens); err != nil {
		return Excerpt{}, fmt.Errorf("source: highlight %s: %w", path, err)
	}
	// chroma escapes the text, so this is the one <pre; a keyboard has to scroll what is wider than the page.
	focusable := strings.Replace(b.String(), "<pre", `<pre tabindex="0"`, 1)
	return Excerpt{Ref{path, first + 1}, last + 1, text, template.HTML(focusable)}, nil
}

var (
	plain  = html.New(html.WithClasses(true)) // the lines' numbers are told once, above them
	quoted = regexp.MustCompile(`^"([^"]+)"(?: "([^"]+)")?$`)
	symbol = regexp.MustCompile(`^(?:(\w+)\.)?(\w+)$`)
)

// cut returns the first and last of the lines that what means, from 0.
func cut(lines []string, what string) (first, last int, ok bool) {
	if m := quoted.FindStringSubmatch(what); m != nil {
		first, ok = find(lines, 0, func(l string) bool { return strings.Contains(l, m[1]) })
		if !ok {
			return 0, 0, false
		}
		if m[2] == "" {
			return first, endOfBlock(lines, first), true
		}
		last, ok = find(lines, first, func(l string) bool { return strings.Contains(l, m[2]) })
		return first, last, ok
	}
	m := symbol.FindStringSubmatch(what)
	if m == nil {
		return 0, 0, false
	}
	declares := regexp.MustCompile(`^(?:func|type|var|const) ` + m[2] + `\b`)
	if m[1] != "" {
		declares = regexp.MustCompile(`^func \((?:\w+ )?\*?` + m[1] + `(?:\[[\w, ]+\])?\) ` + m[2] + `\b`)
	}
	if first, ok = find(lines, 0, declares.MatchString); !ok {
		return 0, 0, false
	}
	return first, endOfBlock(lines, first), true
}

func find(lines []string, from int, is func(string) bool) (int, bool) {
	for i := from; i < len(lines); i++ {
		if is(lines[i]) {
			return i, true
		}
	}
	return 0, false
}

// endOfBlock is the line that closes what a line opens: gofmt, and whoever
// writes like it, indents a block and puts its end below its beginning. What
// opens nothing ends before the next empty line.
func endOfBlock(lines []string, first int) int {
	own := indent(lines[first])
	opens := strings.ContainsAny(lines[first][len(lines[first])-1:], "{([")
	for i := first + 1; i < len(lines); i++ {
		blank := strings.TrimSpace(lines[i]) == ""
		switch {
		case opens && !blank && len(indent(lines[i])) <= len(own):
			return i
		case !opens && blank, !opens && len(indent(lines[i])) < len(own):
			return i - 1
		}
	}
	return len(lines) - 1
}

func indent(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

func dedented(lines []string) []string {
	shared := indent(lines[0])
	for _, l := range lines {
		for strings.TrimSpace(l) != "" && !strings.HasPrefix(l, shared) {
			shared = shared[:len(shared)-1]
		}
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimPrefix(l, shared)
	}
	return out
}
