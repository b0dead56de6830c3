package source_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"afloat"
	"afloat/internal/source"
)

const shelf = `package shelf

// Shelf holds things.
type Shelf struct {
	n int
}

// Put is told of one of several.
func (s *Shelf) Put(v int) (before int) {
	if v > 0 {
		// why
		s.n = v
	}
	return s.n
}

func Put[T any](v T) { println(v) }

const (
	one = 1

	two = 2
)

var list = []int{
	1,
}
`

func TestExcerpt(t *testing.T) {
	tree := source.New(fstest.MapFS{
		"shelf.go":  {Data: []byte(shelf)},
		"plain.cfg": {Data: []byte("defaults\n    timeout 1s\n    retries 3\n\nbackend a\n    server <x>\n")},
	})
	for _, tt := range []struct {
		path, what, first, last string
		line, to                int
	}{
		{"shelf.go", "Shelf", "type Shelf struct {", "}", 4, 6},
		{"shelf.go", "Shelf.Put", "func (s *Shelf) Put(v int) (before int) {", "}", 9, 15},
		{"shelf.go", "Put", "func Put[T any](v T) { println(v) }", "func Put[T any](v T) { println(v) }", 17, 17},
		{"shelf.go", "list", "var list = []int{", "}", 25, 27},
		{"shelf.go", `"if v > 0"`, "if v > 0 {", "}", 10, 13},
		{"shelf.go", `"s.n = v" "return"`, "	s.n = v", "return s.n", 12, 14},
		{"shelf.go", `"const ("`, "const (", ")", 19, 23},
		{"plain.cfg", `"defaults"`, "defaults", "    retries 3", 1, 3},
		{"plain.cfg", `"backend a"`, "backend a", "    server <x>", 5, 6},
	} {
		e, err := tree.Excerpt(tt.path, tt.what)
		lines := strings.Split(strings.TrimSuffix(e.Text, "\n"), "\n")
		if err != nil || lines[0] != tt.first || lines[len(lines)-1] != tt.last || e.Line != tt.line || e.Last != tt.to || len(lines) != tt.to-tt.line+1 {
			t.Errorf("%s %s: %v, lines %d to %d:\n%s", tt.path, tt.what, err, e.Line, e.Last, e.Text)
		}
		if strings.Contains(string(e.HTML), "<x>") || !strings.Contains(string(e.HTML), "<pre") {
			t.Errorf("%s %s as HTML:\n%s", tt.path, tt.what, e.HTML)
		}
	}
	for path, what := range map[string]string{"shelf.go": "Shelf.Take", "plain.cfg": `"nothing"`, "gone.go": "Shelf"} {
		if _, err := tree.Excerpt(path, what); !errors.Is(err, source.ErrNotFound) {
			t.Errorf("%s %s: %v", path, what, err)
		}
	}
	for _, what := range []string{"", `"`, `"one" "gone"`, "a b", "Put("} {
		if e, err := tree.Excerpt("shelf.go", what); err == nil {
			t.Errorf("%s was found: %q", what, e.Text)
		}
	}
}

func ExampleTree_Excerpt() {
	tree := source.New(afloat.Source())
	if _, err := tree.Excerpt("internal/resilience/retry.go", "Retry"); err != nil {
		panic(err)
	}
	// Output:
}
