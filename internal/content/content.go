// Package content turns Markdown files with front matter into articles, and
// readers' comments into safe HTML.
//
// An article is written by whoever runs the blog, so bad input is refused with
// the file, the line and a remedy. A comment is written by anyone, so bad input
// is made harmless instead.
package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// rendererVersion is part of every article's hash. Raising it makes the next
// publish render every article again; do so whenever the HTML changes for the
// same Markdown (a golden test notices).
const rendererVersion = "4"

const wordsPerMinute = 220

// Article is one rendered article. HTML holds no scripts, no inline styles and
// no h1; the page supplies the h1 from Title.
type Article struct {
	Slug      string
	Title     string // at most 120 characters
	Summary   string // at most 300 characters
	Tags      []string
	Published time.Time // midnight UTC
	Updated   time.Time // midnight UTC; equal to Published if never updated
	HTML      string
	TOC       []Heading // h2 and below, in order
	Text      string    // the body without markup, for full-text search
	Minutes   int       // reading time at 220 words a minute, at least 1
	Hash      string    // SHA-256 in hex over the file's bytes and the renderer's version
}

// Heading is one entry of an article's table of contents. ID is the fragment
// to link to.
type Heading struct {
	Level int
	ID    string
	Text  string
}

// Problem is one mistake in an article's file. Line counts from 1.
type Problem struct {
	File   string
	Line   int
	What   string
	Remedy string
}

// Error returns "file:line: what; remedy".
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d: %s; %s", p.File, p.Line, p.What, p.Remedy)
}

// problems collects the mistakes of one file, so that its author sees all of
// them at once.
type problems struct {
	file string
	list []error
}

func (p *problems) add(line int, what, remedy string) {
	p.list = append(p.list, &Problem{File: p.file, Line: line, What: what, Remedy: remedy})
}

// Parse turns one file into an Article. The slug comes from the front matter,
// or from the file's name without its leading number: 01-availability.md is
// "availability". check, which may be nil, looks at what it embeds. The error
// joins every *Problem found.
func Parse(name string, src []byte, check Check) (Article, error) {
	p := &problems{file: name}
	if line := unstorableLine(src); line > 0 {
		p.add(line, "not valid UTF-8 text", "save the file as UTF-8, without NUL bytes")
		return Article{}, errors.Join(p.list...)
	}
	header, body, ok := splitFrontMatter(normalised(src))
	if !ok {
		p.add(1, "no front matter", "start the file with a line ---, then title, summary, tags and published, then another line ---")
		return Article{}, errors.Join(p.list...)
	}
	meta := parseFrontMatter(p, header)
	if meta.Slug == "" {
		meta.Slug = slugFromName(name)
	}
	if !slugPattern.MatchString(meta.Slug) {
		p.add(1, fmt.Sprintf("the file's name gives no slug (%q)", meta.Slug),
			"name the file like 01-some-words.md, or add slug: some-words")
	}
	const fences = 2 // the two lines --- around the header
	page := renderArticle(p, body, bytes.Count(header, []byte("\n"))+fences, check)
	if len(p.list) > 0 {
		return Article{}, errors.Join(p.list...)
	}
	return Article{
		Slug: meta.Slug, Title: meta.Title, Summary: meta.Summary, Tags: meta.Tags,
		Published: meta.published, Updated: meta.updated,
		HTML: page.html, TOC: page.toc, Text: page.text,
		Minutes: max(1, (len(strings.Fields(page.text))+wordsPerMinute-1)/wordsPerMinute),
		Hash:    hashOf(src),
	}, nil
}

// normalised has line breaks as Unix has them, and no byte order mark.
func normalised(src []byte) []byte {
	return bytes.ReplaceAll(bytes.TrimPrefix(src, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
}

func hashOf(src []byte) string {
	sum := sha256.New()
	sum.Write([]byte(rendererVersion + "\n"))
	sum.Write(src)
	return hex.EncodeToString(sum.Sum(nil))
}

var (
	slugPattern  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	leadingIndex = regexp.MustCompile(`^[0-9]+-`)
)

func slugFromName(name string) string {
	return leadingIndex.ReplaceAllString(strings.TrimSuffix(path.Base(name), ".md"), "")
}

// unstorableLine returns the first line with bytes that PostgreSQL's text type
// refuses, or 0.
func unstorableLine(src []byte) int {
	line := 0
	for row := range bytes.Lines(src) {
		line++
		if !utf8.Valid(row) || bytes.IndexByte(row, 0) >= 0 {
			return line
		}
	}
	return 0
}
