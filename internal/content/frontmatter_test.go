package content

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse checks that no file breaks the parser, and that every article it
// lets through keeps what Article promises.
func FuzzParse(f *testing.F) {
	f.Add("01-x.md", file(validHeader, "## Hello\n\nthere[^1]\n\n[^1]: you\n"))
	f.Add("x.md", file("title: &a x\nsummary: *a\ntags: [a]\npublished: 2026-11-02\n", "x"))
	f.Add("x.md", file("<<: {title: x}\n? [a]\n: b\n", "x"))
	f.Add("x.md", file("title: \"\\uD800\\0\"\nsummary: |\n  a\n  b\ntags:\n- a\npublished: 2026-11-02", "x"))
	f.Add("README", []byte("---\n---\n"))
	f.Fuzz(func(t *testing.T, name string, src []byte) {
		a, err := Parse(name, src, nil)
		if err != nil {
			for _, p := range problemsOf(err) {
				if p.Line < 1 || p.Line > strings.Count(string(src), "\n")+1 {
					t.Errorf("line %d of a file of %d: %v", p.Line, strings.Count(string(src), "\n")+1, p)
				}
			}
			if len(problemsOf(err)) == 0 {
				t.Errorf("an error without a problem: %v", err)
			}
			return
		}
		for field, value := range map[string]string{"title": a.Title, "summary": a.Summary, "HTML": a.HTML, "text": a.Text} {
			if value == "" || !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
				t.Errorf("%s %q can't be stored", field, value)
			}
		}
		if !slugPattern.MatchString(a.Slug) || len(a.Tags) < 1 || len(a.Tags) > 6 ||
			utf8.RuneCountInString(a.Title) > 120 || utf8.RuneCountInString(a.Summary) > 300 ||
			a.Published.IsZero() || a.Updated.Before(a.Published) || a.Minutes < 1 {
			t.Errorf("a broken promise: %+v", a)
		}
		if strings.Contains(a.HTML, "<h1") || strings.Contains(a.HTML, "<script") {
			t.Errorf("forbidden HTML: %s", a.HTML)
		}
	})
}
