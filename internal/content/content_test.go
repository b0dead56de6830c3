package content

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var update = flag.Bool("update", false, "rewrite the files that tests compare with")

// file returns an article's source with the given header lines and body.
func file(header, body string) []byte { return []byte("---\n" + header + "---\n" + body) }

const validHeader = "title: A title\nsummary: A summary.\ntags: [caching]\npublished: 2026-11-02\n"

func TestParse(t *testing.T) {
	src, err := os.ReadFile("testdata/golden.md")
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse("04-retries.md", src, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("front matter", func(t *testing.T) {
		if a.Slug != "retries" || a.Title != "Retries: when & why" || a.Summary != "Try again, but not for ever." {
			t.Errorf("slug %q, title %q, summary %q", a.Slug, a.Title, a.Summary)
		}
		if got := fmt.Sprint(a.Tags); got != "[retries backoff]" {
			t.Errorf("tags %s", got)
		}
		if want := time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC); !a.Published.Equal(want) {
			t.Errorf("published %v, want %v", a.Published, want)
		}
		if want := time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC); !a.Updated.Equal(want) {
			t.Errorf("updated %v, want %v", a.Updated, want)
		}
	})
	t.Run("HTML", func(t *testing.T) {
		const golden = "testdata/golden.html"
		rendered := "<!-- renderer version " + rendererVersion + " -->\n" + a.HTML
		if *update {
			if err := os.WriteFile(golden, []byte(rendered), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if rendered != string(want) {
			t.Errorf("the HTML has changed. If that is meant, raise rendererVersion, so that published articles are rendered again, "+
				"then go test ./internal/content -run TestParse -update\ngot:\n%s", rendered)
		}
		for _, forbidden := range []string{"style=", "<h1", "<script"} {
			if strings.Contains(a.HTML, forbidden) {
				t.Errorf("HTML holds %s", forbidden)
			}
		}
		if blocks, focusable := strings.Count(a.HTML, "<pre"), strings.Count(a.HTML, `<pre tabindex="0"`); blocks != 3 || focusable != blocks {
			t.Errorf("%d code blocks, %d focusable; want all 3", blocks, focusable)
		}
	})
	t.Run("table of contents", func(t *testing.T) {
		want := []Heading{{2, "full-jitter", "Full jitter"}, {3, "what-it-costs", "What it costs"}, {2, "full-jitter-1", "Full jitter"}}
		if fmt.Sprint(a.TOC) != fmt.Sprint(want) {
			t.Errorf("TOC %v, want %v", a.TOC, want)
		}
		for _, h := range a.TOC {
			if !strings.Contains(a.HTML, fmt.Sprintf(`<h%d id="%s">`, h.Level, h.ID)) {
				t.Errorf("no heading in the HTML for %v", h)
			}
		}
	})
	t.Run("text", func(t *testing.T) {
		for _, want := range []string{
			"after the commit.", "https://example.org/a?b=1&c=2", "v = min(cap, base·2^n)", "1 < n * 2",
			`// <b> & "quotes"`, "an indented block", "attempts\nload\n", "no language", "one", "Then a retry repeats",
		} {
			if !strings.Contains(a.Text, want) {
				t.Errorf("text lacks %q:\n%s", want, a.Text)
			}
		}
	})
}

func TestParseDefaults(t *testing.T) {
	a, err := Parse("some-words.md", file(validHeader, "Hello\r\nthere.\r\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.Slug != "some-words" || !a.Updated.Equal(a.Published) || a.Minutes != 1 || a.HTML != "<p>Hello\nthere.</p>\n" {
		t.Errorf("%+v", a)
	}
}

func TestSlugFromFrontMatter(t *testing.T) {
	a, err := Parse("01-x.md", file(validHeader+"slug: other\n", "Hello.\n"), nil)
	if err != nil || a.Slug != "other" {
		t.Errorf("slug %q, %v; want other", a.Slug, err)
	}
}

func TestMinutes(t *testing.T) {
	for words, want := range map[int]int{1: 1, 220: 1, 221: 2, 660: 3} {
		a, err := Parse("x.md", file(validHeader, strings.Repeat("word ", words)), nil)
		if err != nil || a.Minutes != want {
			t.Errorf("%d words: %d minutes, %v; want %d", words, a.Minutes, err, want)
		}
	}
}

func TestHash(t *testing.T) {
	parse := func(body string) string {
		a, err := Parse("x.md", file(validHeader, body), nil)
		if err != nil {
			t.Fatal(err)
		}
		return a.Hash
	}
	if first, again := parse("one"), parse("one"); first != again || len(first) != 64 {
		t.Error("the same file must give the same 64 hex digits")
	}
	if parse("one") == parse("two") {
		t.Error("another file must give another hash")
	}
}

func TestProblems(t *testing.T) {
	long := func(n int) string { return strings.Repeat("é", n) }
	tests := map[string]struct {
		name string
		src  []byte
		want []string // "line: part of what", in order
	}{
		"no front matter":        {src: []byte("# Hello\n"), want: []string{"1: no front matter"}},
		"unclosed front matter":  {src: []byte("---\ntitle: x\n"), want: []string{"1: no front matter"}},
		"empty file":             {src: nil, want: []string{"1: no front matter"}},
		"empty front matter":     {src: file("", "x"), want: []string{"1: title is missing", "1: summary is missing", "1: 0 tags", "1: published is missing"}},
		"broken YAML":            {src: file("title: x\nsummary: [\n", "x"), want: []string{"3: front matter is not valid YAML"}},
		"YAML that is no map":    {src: file("- title\n", "x"), want: []string{"1: title is missing", "1: summary", "1: 0 tags", "1: published"}},
		"field given twice":      {src: file(validHeader+"title: B\n", "x"), want: []string{"6: front matter is not valid YAML"}},
		"unknown field":          {src: file(validHeader+"author: me\n", "x"), want: []string{`6: unknown field "author"`}},
		"several at once":        {src: file("titel: x\nsummary: s\ntags: [a]\npublished: soon\n", "# x\n"), want: []string{`2: unknown field "titel"`, "1: title is missing", `5: published "soon"`, "7: a level 1 heading"}},
		"blank title":            {src: file("title: '  '\nsummary: s\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"2: title is missing"}},
		"long title":             {src: file("title: "+long(121)+"\nsummary: s\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"2: title has 121 characters"}},
		"long summary":           {src: file("title: t\nsummary: "+long(301)+"\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"3: summary has 301 characters"}},
		"title of two lines":     {src: file("title: \"a\\nb\"\nsummary: s\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"2: title has control characters"}},
		"NUL by escape":          {src: file("title: \"a\\0b\"\nsummary: s\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"2: title has control characters"}},
		"tags as text":           {src: file("title: t\nsummary: s\ntags: a\npublished: 2026-01-02\n", "x"), want: []string{"4: tags has the wrong type", "4: 0 tags"}},
		"title as list":          {src: file("title: [t]\nsummary: s\ntags: [a]\npublished: 2026-01-02\n", "x"), want: []string{"2: title has the wrong type", "2: title is missing"}},
		"seven tags":             {src: file("title: t\nsummary: s\ntags: [a, b, c, d, e, f, g]\npublished: 2026-01-02\n", "x"), want: []string{"4: 7 tags"}},
		"bad tags":               {src: file("title: t\nsummary: s\ntags:\n  - Big\n  - a b\n  - c\n  - c\npublished: 2026-01-02\n", "x"), want: []string{`4: tag "Big"`, `4: tag "a b"`, `4: tag "c" is given twice`}},
		"impossible day":         {src: file("title: t\nsummary: s\ntags: [a]\npublished: 2026-02-30\n", "x"), want: []string{"5: published \"2026-02-30\""}},
		"updated first":          {src: file(validHeader+"updated: 2026-11-01\n", "x"), want: []string{"6: updated is before published"}},
		"bad slug":               {src: file(validHeader+"slug: Über uns\n", "x"), want: []string{`6: slug "Über uns"`}},
		"slug with slashes":      {src: file(validHeader+"slug: ../admin\n", "x"), want: []string{`6: slug "../admin"`}},
		"file name without slug": {name: "01-.md", src: file(validHeader, "x"), want: []string{"1: the file's name gives no slug"}},
		"h1":                     {src: file(validHeader, "Text.\n\n## Fine\n\n# Not fine\n"), want: []string{"11: a level 1 heading"}},
		"underlined h1":          {src: file(validHeader, "Text.\n\nNot fine\n========\n"), want: []string{"9: a level 1 heading"}},
		"raw HTML block":         {src: file(validHeader, "Text.\n\n<div>\nx\n</div>\n"), want: []string{"9: raw HTML"}},
		"raw HTML inline":        {src: file(validHeader, "Text.\n\nMore\n<b>x\n"), want: []string{"10: raw HTML"}},
		"empty body":             {src: file(validHeader, "\n"), want: []string{"6: no text"}},
		"not UTF-8":              {src: file(validHeader, "Text.\n\xff\n"), want: []string{"8: not valid UTF-8"}},
		"NUL":                    {src: file(validHeader, "Text.\n\x00\n"), want: []string{"8: not valid UTF-8"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.name == "" {
				tt.name = "01-x.md"
			}
			a, err := Parse(tt.name, tt.src, nil)
			found := problemsOf(err)
			if len(found) != len(tt.want) {
				t.Fatalf("problems:\n%v\nwant %q", err, tt.want)
			}
			for i, p := range found {
				if got := fmt.Sprintf("%d: %s", p.Line, p.What); !strings.HasPrefix(got, tt.want[i]) {
					t.Errorf("problem %q, want %q", got, tt.want[i])
				}
				if p.File != tt.name || p.Remedy == "" || strings.Contains(p.Error(), "\n") {
					t.Errorf("problem %+v needs file, remedy and a single line", p)
				}
			}
			if a.HTML != "" {
				t.Error("an article came with the problems")
			}
		})
	}
}

func problemsOf(err error) (found []*Problem) {
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, err := range joined.Unwrap() {
			found = append(found, problemsOf(err)...)
		}
		return found
	}
	var p *Problem
	if errors.As(err, &p) {
		return []*Problem{p}
	}
	return nil
}

func TestLoad(t *testing.T) {
	good := &fstest.MapFile{Data: file(validHeader, "Hello.\n")}
	t.Run("in order of file name", func(t *testing.T) {
		articles, err := Load(fstest.MapFS{
			"02-b.md": good, "01-a.md": good, "README.md": {Data: []byte("# Not an article")},
			"notes.txt": good, "drafts/c.md": good, "dir.md/d.md": good,
		}, nil)
		if err != nil || len(articles) != 2 || articles[0].Slug != "a" || articles[1].Slug != "b" {
			t.Errorf("%v, %v; want a and b", articles, err)
		}
	})
	t.Run("all problems at once", func(t *testing.T) {
		articles, err := Load(fstest.MapFS{
			"01-a.md": good, "02-a.md": good,
			"03-b.md": {Data: file(validHeader, "# One\n\n# Two\n")}, "04-c.md": {Data: []byte("x")},
		}, nil)
		want := []string{"02-a.md:1: slug \"a\" is already used by 01-a.md", "03-b.md:7: a level 1", "03-b.md:9: a level 1", "04-c.md:1: no front"}
		found := problemsOf(err)
		if articles != nil || len(found) != len(want) {
			t.Fatalf("%d articles, problems:\n%v", len(articles), err)
		}
		for i, p := range found {
			if !strings.HasPrefix(p.Error(), want[i]) {
				t.Errorf("problem %q, want %q", p, want[i])
			}
		}
	})
	t.Run("nothing there", func(t *testing.T) {
		if _, err := Load(fstest.MapFS{"README.md": good}, nil); len(problemsOf(err)) != 1 {
			t.Errorf("error %v, want one problem", err)
		}
	})
	t.Run("directory gone", func(t *testing.T) {
		if _, err := Load(os.DirFS(t.TempDir()+"/gone"), nil); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("error %v, want one that says that it doesn't exist", err)
		}
	})
}

func ExampleParse() {
	_, err := Parse("01-availability.md", []byte("---\ntitle: Availability\ntags: [math]\npublished: 2026-11-02\n---\n# Availability\n"), nil)
	fmt.Println(err)
	// Output:
	// 01-availability.md:1: summary is missing; add summary: and at most 300 characters
	// 01-availability.md:6: a level 1 heading in the body; the title is the page's only one: start at ##
}

func TestEmbeds(t *testing.T) {
	check := func(kind, of string) error {
		if kind == EmbedExperiment && of == "gone" {
			return errors.New("there is none")
		}
		return nil
	}
	a, err := Parse("x.md", file(validHeader, "Look:\n\n```source\ninternal/a.go \"<b>\" \"&\"\n```\n\n```experiment\njitter n=1\n```\n"), check)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{Embed(EmbedSource, `internal/a.go "<b>" "&"`), Embed(EmbedExperiment, "jitter n=1")} {
		if !strings.Contains(a.HTML, want) {
			t.Errorf("%s is missing in\n%s", want, a.HTML)
		}
	}
	if a.Text != "Look:" || strings.Contains(a.HTML, "<b>") {
		t.Errorf("text %q, HTML\n%s", a.Text, a.HTML)
	}
	for _, body := range []string{"```experiment\ngone\n```\n", "```source\n```\n", "```source\na\nb\n```\n"} {
		if _, err := Parse("x.md", file(validHeader, "Look:\n\n"+body), check); len(problemsOf(err)) != 1 {
			t.Errorf("%q: %v", body, err)
		}
	}
}
