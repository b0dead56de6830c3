package lessons

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Marker links terms to the glossary. It is safe for concurrent use.
type Marker struct {
	byWord map[string][]form // by the first word; the longest form first
}

// form is one way to write a term, in lower case and with single spaces.
type form struct {
	text string
	term Term
}

// NewMarker makes a marker of terms. Unmarked ones are left out.
func NewMarker(terms []Term) *Marker {
	m := &Marker{byWord: map[string][]form{}}
	for _, t := range terms {
		if t.Unmarked {
			continue
		}
		for _, text := range t.forms() {
			text = strings.ToLower(text)
			first := text[:wordEnd(text)]
			m.byWord[first] = append(m.byWord[first], form{text, t})
		}
	}
	for _, forms := range m.byWord {
		slices.SortStableFunc(forms, func(a, b form) int { return len(b.text) - len(a.text) })
	}
	return m
}

// Mark links each term to the glossary where running text uses it first: as a
// whole word, in any case, and as the longest term that fits. Headings, links,
// code, the heads of tables and footnotes are left as they are. So are the
// terms that the article itself explains, slug being its own: who reads that
// needs no way out.
//
// text is HTML as articles have it, well-formed, with every < and > of its text
// escaped. What was put between its bytes are links alone.
func (m *Marker) Mark(text, slug string) string {
	var out strings.Builder
	seen := map[string]bool{}
	skip := 0 // open elements in which nothing is linked
	for text != "" {
		run, tag := cutTag(text)
		if skip == 0 {
			m.markRun(&out, run, slug, seen)
		} else {
			out.WriteString(run)
		}
		if strings.HasPrefix(tag, `<div class="footnotes"`) {
			out.WriteString(text[len(run):])
			break
		}
		if name, closing := element(tag); slices.Contains(unlinked, name) {
			if closing {
				skip--
			} else {
				skip++
			}
		}
		out.WriteString(tag)
		text = text[len(run)+len(tag):]
	}
	return out.String()
}

// unlinked are the elements whose text is not running text, or has a link already.
var unlinked = []string{"a", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "th"}

// cutTag returns what is before the next tag, and the tag. Either may be "".
func cutTag(text string) (run, tag string) {
	start := strings.IndexByte(text, '<')
	if start < 0 {
		return text, ""
	}
	end := strings.IndexByte(text[start:], '>')
	if end < 0 {
		return text, ""
	}
	return text[:start], text[start : start+end+1]
}

// element is a tag's name, and whether the tag closes it.
func element(tag string) (name string, closing bool) {
	name, closing = strings.CutPrefix(strings.Trim(tag, "<>"), "/")
	return name[:wordEnd(name)], closing
}

// markRun writes text that has no tags in it, with links.
func (m *Marker) markRun(out *strings.Builder, text, slug string, seen map[string]bool) {
	for text != "" {
		word := wordEnd(text)
		if word == 0 {
			_, size := utf8.DecodeRuneInString(text)
			out.WriteString(text[:size])
			text = text[size:]
			continue
		}
		f, length := m.match(text, word)
		switch {
		case length == 0:
			length = word
			out.WriteString(text[:length])
		case seen[f.term.ID] || f.term.Lesson == slug:
			out.WriteString(text[:length])
		default:
			seen[f.term.ID] = true
			out.WriteString(`<a class="term" href="/glossary#` + f.term.ID + `">` + text[:length] + `</a>`)
		}
		text = text[length:]
	}
}

// match finds the longest form that text, which begins with a word, begins
// with, and how many bytes of text that is; 0 for none.
func (m *Marker) match(text string, word int) (form, int) {
	for _, f := range m.byWord[strings.ToLower(text[:word])] {
		if n := prefix(text, f.text); n > 0 && !continues(text, n) {
			return f, n
		}
	}
	return form{}, 0
}

// prefix is how many bytes of text a form takes up, in any case and with any
// space between its words; 0 where text begins otherwise.
func prefix(text, want string) int {
	n := 0
	for _, w := range want {
		if w == ' ' {
			rest := strings.TrimLeftFunc(text[n:], unicode.IsSpace)
			if len(rest) == len(text)-n {
				return 0
			}
			n = len(text) - len(rest)
			continue
		}
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || unicode.ToLower(r) != w {
			return 0
		}
		n += size
	}
	return n
}

// wordEnd is the length of the word that text begins with.
func wordEnd(text string) int {
	for i := range text {
		if i == 0 && !inWord(text) || i > 0 && !continues(text, i) {
			return i
		}
	}
	return len(text)
}

// continues reports whether the word before text[at:] goes on there. Hyphens
// hold words together, and a point does so between digits: neither “open” in
// “half-open” nor “p99” in “p99.9” is a word.
func continues(text string, at int) bool {
	rest := text[at:]
	switch {
	case inWord(rest):
		return true
	case strings.HasPrefix(rest, "-"):
		return inWord(rest[1:])
	case strings.HasPrefix(rest, "."):
		return isDigit(text[at-1]) && len(rest) > 1 && isDigit(rest[1])
	}
	return false
}

// inWord reports whether text begins with what words are made of.
func inWord(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }
