package web

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"afloat/internal/resilience"
)

// An action of a template takes about a microsecond, most of it reflection, and
// a page has hundreds. What is the same on many pages need not be made on each.

// fixedKey names a fragment that is rendered once: a template, and the one
// thing that it depends on.
type fixedKey struct {
	name string
	arg  any // comparable, and one of a few: a copy is kept for each
}

// once renders a template once for each arg, and returns copies from then on.
// It is the templates' function "fixed". The template escapes what it shows as
// text between tags, so that is where its HTML may be put.
func (r *renderer) once(name string, arg any) (template.HTML, error) {
	key := fixedKey{name, arg}
	if html, ok := r.fixed.Load(key); ok {
		return html.(template.HTML), nil
	}
	b, err := r.render(name, arg)
	if err == nil {
		r.fixed.Store(key, template.HTML(b))
	}
	return template.HTML(b), err
}

// The functions below write HTML for the templates, between tags: of what
// readers or authors wrote, nothing gets into it unescaped.

// timeTag writes an instant for people, in a layout without markup, and for
// programs.
func timeTag(t time.Time, layout string) template.HTML {
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(layout) + `</time>`)
}

// postLink is a link to an article, as text between tags.
func postLink(slug, title string) template.HTML {
	return template.HTML(`<a href="` + template.HTMLEscapeString(postURL(slug)) + `">` + template.HTMLEscapeString(title) + `</a>`)
}

// tocList is an article's table of contents. A page shows it twice.
func tocList(headings []heading) template.HTML {
	var b strings.Builder
	b.WriteString("<ul>")
	for _, h := range headings {
		href := (&url.URL{Fragment: h.ID}).String()
		fmt.Fprintf(&b, `<li class="l%d"><a href="%s">%s</a></li>`, h.Level, template.HTMLEscapeString(href), template.HTMLEscapeString(h.Text))
	}
	b.WriteString("</ul>")
	return template.HTML(b.String())
}

// A memo is the last rendering of a part that all pages share. The zero value
// holds none; it is safe for concurrent use.
type memo struct{ last atomic.Pointer[rendered] }

type rendered struct {
	rendering
	html []byte
}

// rendering is what tells a part's renderings apart: when its value was read
// at its origin, its state, and where it stands.
type rendering struct {
	at       time.Time
	state    resilience.State
	streamed bool
}

// html returns the last rendering if it is r, else makes r. The bytes are
// shared: nobody may change them.
func (m *memo) html(r rendering, make func() ([]byte, error)) ([]byte, error) {
	if last := m.last.Load(); last != nil && last.rendering == r {
		return last.html, nil
	}
	html, err := make()
	if err == nil {
		m.last.Store(&rendered{r, html})
	}
	return html, err
}
