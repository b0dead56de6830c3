package content

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

const (
	maxTitle   = 120 // characters
	maxSummary = 300 // characters
	maxTags    = 6
	maxSlug    = 80 // characters
)

const headerRemedy = "between the lines ---, write one field: value a line"

// frontMatter is the header of an article's file.
type frontMatter struct {
	Title, Summary, Slug string
	Tags                 []string
	published, updated   time.Time
}

// splitFrontMatter cuts the YAML between the first two lines that are exactly
// "---" from the body. Both keep their line breaks.
func splitFrontMatter(src []byte) (header, body []byte, ok bool) {
	rest, ok := bytes.CutPrefix(src, []byte("---\n"))
	if !ok {
		return nil, nil, false
	}
	for offset := 0; offset < len(rest); {
		line, _, _ := bytes.Cut(rest[offset:], []byte("\n"))
		next := min(offset+len(line)+1, len(rest))
		if string(line) == "---" {
			return rest[:offset], rest[next:], true
		}
		offset = next
	}
	return nil, nil, false
}

// parseFrontMatter reads and checks the header. It walks the YAML tree rather
// than decoding into a struct, since only the tree knows each field's line and
// a decoder stops at the first problem.
func parseFrontMatter(p *problems, header []byte) frontMatter {
	var m frontMatter
	var published, updated string
	fields := map[string]any{
		"title": &m.Title, "summary": &m.Summary, "tags": &m.Tags,
		"published": &published, "updated": &updated, "slug": &m.Slug,
	}
	lines := map[string]int{}
	file, err := parser.ParseBytes(header, 0)
	if err != nil {
		// The library counts some odd line breaks that others don't.
		p.add(min(yamlLine(err), headerLine(bytes.Count(header, []byte("\n"))+1)), "front matter is not valid YAML: "+yamlMessage(err), headerRemedy)
		return m
	}
	for _, doc := range file.Docs {
		mapping, ok := doc.Body.(ast.MapNode)
		if !ok {
			continue // an empty document: the missing fields are reported below
		}
		for pair := mapping.MapRange(); pair.Next(); {
			key := pair.Key().GetToken()
			line := headerLine(key.Position.Line)
			target, known := fields[key.Value]
			if !known {
				p.add(line, fmt.Sprintf("unknown field %q", key.Value),
					"use only title, summary, tags, published, updated and slug")
				continue
			}
			lines[key.Value] = line
			if err := yaml.NodeToValue(pair.Value(), target); err != nil {
				p.add(line, fmt.Sprintf("%s has the wrong type: %s", key.Value, yamlMessage(err)),
					"tags is a list like [caching, retries]; every other field is plain text")
			}
		}
	}
	line := func(field string) int { return max(1, lines[field]) }
	m.Title = p.text(line("title"), "title", m.Title, maxTitle)
	m.Summary = p.text(line("summary"), "summary", m.Summary, maxSummary)
	p.tags(line("tags"), m.Tags)
	if m.Slug != "" && (!slugPattern.MatchString(m.Slug) || len(m.Slug) > maxSlug) {
		p.add(line("slug"), fmt.Sprintf("slug %q is not a slug", m.Slug),
			fmt.Sprintf("use lower-case letters, digits and single hyphens, at most %d", maxSlug))
		m.Slug = "refused" // so that the file's name is not blamed as well
	}
	m.published = p.date(line("published"), "published", published)
	m.updated = m.published
	if updated != "" {
		m.updated = p.date(line("updated"), "updated", updated)
		if !m.updated.IsZero() && m.updated.Before(m.published) {
			p.add(line("updated"), "updated is before published", "give the day of the last change, or leave updated out")
		}
	}
	return m
}

// text checks a required field of one line and at most limit characters.
func (p *problems) text(line int, field, value string, limit int) string {
	value = strings.TrimSpace(value)
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		p.add(line, field+" is missing", fmt.Sprintf("add %s: and at most %d characters", field, limit))
	case n > limit:
		p.add(line, fmt.Sprintf("%s has %d characters", field, n), fmt.Sprintf("use at most %d", limit))
	case strings.ContainsFunc(value, unicode.IsControl) || !utf8.ValidString(value):
		p.add(line, field+" has control characters or line breaks", "write it as plain text on one line")
	}
	return value
}

func (p *problems) tags(line int, tags []string) {
	if len(tags) < 1 || len(tags) > maxTags {
		p.add(line, fmt.Sprintf("%d tags", len(tags)), fmt.Sprintf("give 1 to %d, like tags: [caching, retries]", maxTags))
	}
	seen := map[string]bool{}
	for _, tag := range tags {
		switch {
		case !slugPattern.MatchString(tag) || len(tag) > maxSlug:
			p.add(line, fmt.Sprintf("tag %q is not a slug", tag), "use lower-case letters, digits and single hyphens")
		case seen[tag]:
			p.add(line, fmt.Sprintf("tag %q is given twice", tag), "remove one")
		}
		seen[tag] = true
	}
}

// date checks a required field of the form 2006-01-02 and returns midnight UTC,
// or the zero time.
func (p *problems) date(line int, field, value string) time.Time {
	day, err := time.Parse(time.DateOnly, value)
	switch {
	case value == "":
		p.add(line, field+" is missing", "add "+field+": YYYY-MM-DD")
	case err != nil:
		p.add(line, fmt.Sprintf("%s %q is not a date", field, value), "write it as YYYY-MM-DD")
	}
	return day
}

// headerLine turns a line of the YAML into a line of the file, which begins
// with one line ---.
func headerLine(yamlLine int) int { return yamlLine + 1 }

func yamlLine(err error) int {
	var located yaml.Error
	if errors.As(err, &located) && located.GetToken() != nil {
		return headerLine(located.GetToken().Position.Line)
	}
	return 1
}

// yamlMessage returns the library's message without its excerpt of the source,
// which would break the rule of one line a problem.
func yamlMessage(err error) string {
	var located yaml.Error
	if errors.As(err, &located) {
		return located.GetMessage()
	}
	return err.Error()
}
