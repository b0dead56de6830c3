package web

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"afloat/internal/content"
	"afloat/internal/fault"
	"afloat/internal/lessons"
)

// threeLessons are lessons 1, 4 and 9, and between them in time an article that is none.
func threeLessons(t *testing.T) []content.Article {
	t.Helper()
	files := fstest.MapFS{}
	for i, slug := range []string{"how-available-is-this-page", "no-lesson", "try-try-again", "is-old-good-enough"} {
		files[fmt.Sprintf("%d.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"---\ntitle: The title of %s\nslug: %s\nsummary: S.\ntags: [a]\npublished: 2026-01-0%d\n---\n\n## Full jitter\n\nFull jitter, a quorum, `quorum`, and a quorum.\n", slug, slug, i+1)}
	}
	return must(content.Load(files, nil))(t)
}

func TestLessonsIndex(t *testing.T) {
	w := newWorld(t, threeLessons(t)...)
	b := w.start(t)
	b.warm(t, "/lessons")
	got := b.get(t, "/lessons")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Cache-Control", kept, "Cache-Tag", "site lists")
	if parts := got.parts(); len(parts) != 1 || !good(parts["lessons"]) {
		t.Errorf("its parts are %v", parts)
	}
	published := map[string]bool{}
	for _, a := range w.articles {
		published[a.Slug] = true
	}
	for _, l := range lessons.All() {
		wants(t, got.body, `id="lesson-`+fmt.Sprint(l.Number)+`"`, l.Question, strings.ReplaceAll(l.Learn, "'", "&#39;"))
		if strings.Contains(got.body, `href="/posts/`+l.Slug+`"`) != published[l.Slug] {
			t.Errorf("lesson %d, published: %v, is linked otherwise", l.Number, published[l.Slug])
		}
	}
	if n := strings.Count(got.body, "<span>1 min</span>"); n != 3 {
		t.Errorf("%d lessons have a reading time, want 3", n)
	}
	if n := strings.Count(got.body, "not published here"); n != len(lessons.All())-3 {
		t.Errorf("%d lessons are said not to be published", n)
	}
	lacks(t, got.body, "None of the lessons")
	wants(t, b.get(t, "/lessons?xray=1").body, `class="xray"`)
}

// TestLessonsWithoutAnswer: where nobody can say what is published, the path is
// there all the same, and each lesson may be tried.
func TestLessonsWithoutAnswer(t *testing.T) {
	w := newWorld(t, threeLessons(t)...)
	b := w.start(t, func(s *setup) { s.table.Fallback = false })
	for _, d := range dependencies {
		b.breakLink(d, fault.Refuse)
	}
	got := b.get(t, "/lessons")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Cache-Control", notKept, "Etag", "")
	if got.parts()["lessons"] != "missing" {
		t.Errorf("its parts are %v", got.parts())
	}
	wants(t, got.body, "The lessons are not: follow any of them.")
	lacks(t, got.body, "not published here", "None of the lessons", " min</span>")
	for _, slug := range lessons.Slugs() {
		wants(t, got.body, `href="/posts/`+slug+`"`)
	}

	old := w.start(t)
	old.breakLink("postgres", fault.Refuse)
	old.breakLink("redis", fault.Refuse)
	got = old.get(t, "/lessons")
	if got.parts()["lessons"] != "fallback" || strings.Count(got.body, "<span>1 min</span>") != 3 {
		t.Errorf("from the snapshot its parts are %v", got.parts())
	}
	wants(t, got.body, "This list came from this server’s snapshot.")

	twin := w.start(t, naive)
	twin.breakLink("postgres", fault.Refuse)
	if got := twin.get(t, "/lessons"); got.status < 500 {
		t.Errorf("the naive twin, which isolates nothing, answers %d", got.status)
	}
}

func TestNoLessonPublished(t *testing.T) {
	got := newWorld(t, manyArticles(t, 1)...).start(t).get(t, "/lessons")
	got.wantStatus(t, 200)
	wants(t, got.body, "None of the lessons is published on this blog.")
	lacks(t, got.body, `href="/posts/`)
}

// TestLessonKnowsItsPlace: a lesson's page shows the path, what to read first,
// and the lessons around it, of those that can be read.
func TestLessonKnowsItsPlace(t *testing.T) {
	w := newWorld(t, threeLessons(t)...)
	b := w.start(t)
	first, middle, last := b.get(t, "/posts/how-available-is-this-page").body, b.get(t, "/posts/try-try-again").body, b.get(t, "/posts/is-old-good-enough").body
	path := func(page string) string {
		_, nav, _ := strings.Cut(page, `<nav class="path"`)
		nav, _, _ = strings.Cut(nav, "</nav>")
		return nav
	}
	wants(t, middle, `Lesson 4 of <a href="/lessons">14`, `data-done="try-try-again" hidden`)
	wants(t, path(middle), `href="/posts/try-try-again" aria-current="page"`, `href="/posts/how-available-is-this-page">1`, `<span>2<span class="vh"> What may fail? Not published here.`)
	if n := strings.Count(path(middle), "<li>"); n != len(lessons.All()) {
		t.Errorf("the path has %d steps", n)
	}
	lacks(t, middle, "Read first", `href="/posts/no-lesson" rel=`) // of what it needs nothing is published
	wants(t, middle, `href="/posts/how-available-is-this-page" rel="prev"><small>Previous</small>How available is this page?`, `href="/posts/is-old-good-enough" rel="next"`)
	lacks(t, first, `rel="prev"`)
	wants(t, first, `href="/posts/try-try-again" rel="next"`)
	lacks(t, last, `rel="next"`)

	other := b.get(t, "/posts/no-lesson").body
	lacks(t, other, `class="path"`, "data-done", "lessons.js")
	wants(t, other, `href="/posts/how-available-is-this-page" rel="prev"`, `href="/posts/try-try-again" rel="next"`)
}

func TestNeedsAreNamed(t *testing.T) {
	w := newWorld(t)
	got := w.start(t).get(t, "/posts/what-may-fail")
	wants(t, got.body, `Read first: <a href="/posts/how-available-is-this-page">How available is this page?</a></p>`)
}

// TestTermsLeadToTheGlossary: once in an article, but for the lesson that
// explains them.
func TestTermsLeadToTheGlossary(t *testing.T) {
	w := newWorld(t, threeLessons(t)...)
	b := w.start(t)
	const jitter, quorum = `<a class="term" href="/glossary#full-jitter">Full jitter</a>`, `<a class="term" href="/glossary#quorum">quorum</a>`
	got := b.get(t, "/posts/no-lesson").body
	wants(t, got, ">Full jitter</h2>\n<p>"+jitter+", a "+quorum+", <code>quorum</code>, and a quorum.</p>")
	if n := strings.Count(got, quorum); n != 1 {
		t.Errorf("a term is linked %d times", n)
	}
	glossary := b.get(t, "/glossary")
	glossary.wantStatus(t, 200)
	for _, term := range lessons.Terms() {
		wants(t, glossary.body, `id="`+term.ID+`"`)
	}
	for slug, linked := range map[string]bool{"try-try-again": true, "what-may-fail": false} { // what is not published is not linked
		if strings.Contains(glossary.body, `href="/posts/`+slug+`"`) != linked {
			t.Errorf("the glossary links to %s: %v", slug, !linked)
		}
	}
}

// TestTeachersGuide: it has both plans, and stands while everything is down.
func TestTeachersGuide(t *testing.T) {
	w := newWorld(t, threeLessons(t)...)
	b := w.start(t)
	for _, d := range dependencies {
		b.breakLink(d, fault.Hang)
	}
	for _, path := range []string{"/teach", "/glossary"} {
		got := b.get(t, path)
		got.wantStatus(t, 200)
		if got.took > pageBound {
			t.Errorf("%s took %v", path, got.took)
		}
	}
	got := b.get(t, "/teach").body
	wants(t, got, "45 minutes", "90 minutes", "make demo-failover", "Make everything healthy", `href="/posts/how-available-is-this-page"`, "<th scope=\"row\">0 to 5</th>")
	lacks(t, got, `href="/posts/what-may-fail"`)
}

// TestMapOfLessons: every direct need is an arrow in each drawing, and everything is
// inside it.
func TestMapOfLessons(t *testing.T) {
	needs := 0
	for _, l := range lessons.All() {
		needs += len(l.Direct())
	}
	for _, m := range lessonMaps() {
		if len(m.Boxes) != len(lessons.All()) || len(m.Ways) != needs {
			t.Errorf("%s: %d boxes and %d ways, want %d and %d", m.Class, len(m.Boxes), len(m.Ways), len(lessons.All()), needs)
		}
		for i, b := range m.Boxes {
			if b.X < 0 || b.Y < 0 || b.X+b.W > m.Width || b.Y+b.H > m.Height {
				t.Errorf("%s: lesson %d is outside", m.Class, b.Number)
			}
			for _, other := range m.Boxes[:i] {
				if b.X < other.X+other.W && other.X < b.X+b.W && b.Y < other.Y+other.H && other.Y < b.Y+b.H {
					t.Errorf("%s: lessons %d and %d overlap", m.Class, other.Number, b.Number)
				}
			}
		}
	}
}
