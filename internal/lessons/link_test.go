package lessons

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMark(t *testing.T) {
	link := func(id, text string) string { return `<a class="term" href="/glossary#` + id + `">` + text + `</a>` }
	m := NewMarker(Terms())
	for text, want := range map[string]string{
		"<p>A circuit breaker opens.</p>":                          "<p>A " + link("circuit-breaker", "circuit breaker") + " opens.</p>",
		"<p>Circuit\nBreakers open.</p>":                           "<p>" + link("circuit-breaker", "Circuit\nBreakers") + " open.</p>",
		"<p>Jitter, and full jitter; jitter.</p>":                  "<p>" + link("jitter", "Jitter") + ", and " + link("full-jitter", "full jitter") + "; jitter.</p>",
		"<p>An idempotency key, for idempotency.</p>":              "<p>An " + link("idempotency-key", "idempotency key") + ", for " + link("idempotency", "idempotency") + ".</p>",
		"<p>It is half-open: a half is open.</p>":                  "<p>It is " + link("half-open", "half-open") + ": a half is open.</p>",
		"<p>p99.9 is not p99.</p>":                                 "<p>p99.9 is not " + link("p99", "p99") + ".</p>",
		"<p>jitterbug, non-jitter, jitter-free, ujitter</p>":       "<p>jitterbug, non-jitter, jitter-free, ujitter</p>",
		"<p>circuit breaker-like</p>":                              "<p>circuit breaker-like</p>",
		"<p>circuit-free breaker</p>":                              "<p>circuit-free " + link("circuit-breaker", "breaker") + "</p>",
		"<h2 id=\"jitter\">Jitter</h2><p>Jitter.</p>":              "<h2 id=\"jitter\">Jitter</h2><p>" + link("jitter", "Jitter") + ".</p>",
		"<p><code>jitter</code> <strong>jitter</strong></p>":       "<p><code>jitter</code> <strong>" + link("jitter", "jitter") + "</strong></p>",
		"<p><a href=\"/x\">the <em>jitter</em> page</a></p>":       "<p><a href=\"/x\">the <em>jitter</em> page</a></p>",
		"<th>quorum</th><td>quorum</td>":                           "<th>quorum</th><td>" + link("quorum", "quorum") + "</td>",
		"<pre>quorum <span>quorum</span></pre>":                    "<pre>quorum <span>quorum</span></pre>",
		"<p>x</p><div class=\"footnotes\"><p>quorum</p></div>":     "<p>x</p><div class=\"footnotes\"><p>quorum</p></div>",
		"<div data-embed=\"experiment\" data-of=\"jitter\"></div>": "<div data-embed=\"experiment\" data-of=\"jitter\"></div>",
		"<p>Little’s law holds.</p>":                               "<p>" + link("little-s-law", "Little’s law") + " holds.</p>",
		"<p>replicas &amp; quorum&#39;s</p>":                       "<p>replicas &amp; " + link("quorum", "quorum") + "&#39;s</p>",
		"":                                                         "",
	} {
		if got := m.Mark(text, ""); got != want {
			t.Errorf("Mark(%q)\n got %q\nwant %q", text, got, want)
		}
	}
	own := "<p>Full jitter, and a quorum.</p>"
	if got, want := m.Mark(own, "why-randomness"), "<p>Full jitter, and a "+link("quorum", "quorum")+".</p>"; got != want {
		t.Errorf("in its own lesson: %q, want %q", got, want)
	}
}

var (
	anyLink  = regexp.MustCompile(`<a class="term" href="/glossary#([a-z0-9-]+)">([^<]*)</a>`)
	inHeads  = regexp.MustCompile(`(?s)<(h2|code|pre|th)>[^/]*<a class="term"`)
	insideAs = regexp.MustCompile(`<a href="/x">[^/]*<a `)
)

// drawArticle draws HTML as articles have it, full of terms and of what only
// looks like them.
func drawArticle(t *rapid.T) string {
	words := []string{"and", "the", "open", "x-", "-x", ".9", "é", "’s", "&amp;", ", ", "\n", "  ", "circuit", "retry", "budget"}
	for _, term := range Terms() {
		words = append(words, term.forms()...)
		words = append(words, strings.ToUpper(term.Name))
	}
	text := rapid.SliceOfN(rapid.SampledFrom(words), 0, 12)
	glue := rapid.SampledFrom([]string{" ", "", "\n", " "})
	var b strings.Builder
	for range rapid.IntRange(0, 8).Draw(t, "elements") {
		element := rapid.SampledFrom([]string{"p", "p", "li", "td", "em", "h2", "code", "pre", "th", `a href="/x"`}).Draw(t, "element")
		name, _, _ := strings.Cut(element, " ")
		b.WriteString("<" + element + ">")
		for _, w := range text.Draw(t, "text") {
			b.WriteString(w + glue.Draw(t, "glue"))
		}
		b.WriteString("</" + name + ">")
	}
	return b.String()
}

// TestMarkProperties: whatever the article, links are all that is added, a term
// has one at most, and none stands where there must be none.
func TestMarkProperties(t *testing.T) {
	m := NewMarker(Terms())
	forms := map[string]map[string]bool{} // by term
	for _, term := range Terms() {
		forms[term.ID] = map[string]bool{}
		for _, f := range term.forms() {
			forms[term.ID][strings.ToLower(f)] = true
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := drawArticle(t)
		slug := rapid.SampledFrom(append(Slugs(), "an-article")).Draw(t, "slug")
		got := m.Mark(text, slug)
		if plain := anyLink.ReplaceAllString(got, "$2"); plain != text {
			t.Fatalf("more than links was changed:\n%q\n%q", text, plain)
		}
		if inHeads.MatchString(got) || insideAs.MatchString(got) {
			t.Fatalf("a link where none may be: %q", got)
		}
		linked := map[string]bool{}
		for _, at := range anyLink.FindAllStringSubmatchIndex(got, -1) {
			id, said := got[at[2]:at[3]], got[at[4]:at[5]]
			if linked[id] {
				t.Fatalf("%s is linked twice in %q", id, got)
			}
			linked[id] = true
			if !forms[id][strings.ToLower(strings.Join(strings.Fields(said), " "))] {
				t.Fatalf("%q was linked as %s", said, id)
			}
			if inWord(got[at[1]:]) {
				t.Fatalf("%q is half a word in %q", said, got)
			}
		}
		for _, term := range Terms() {
			if term.Lesson == slug && linked[term.ID] {
				t.Fatalf("%s is linked in its own lesson", term.ID)
			}
		}
	})
}

// TestLongestTermWins: each form of each term, alone, is linked as that term.
func TestLongestTermWins(t *testing.T) {
	m := NewMarker(Terms())
	for _, term := range Terms() {
		for _, f := range term.forms() {
			got := anyLink.FindStringSubmatch(m.Mark("<p>So "+f+" it is.</p>", ""))
			switch {
			case term.Unmarked && got != nil && got[2] == f:
				t.Errorf("%q is linked, though it is too common", f)
			case !term.Unmarked && (got == nil || got[1] != term.ID || got[2] != f):
				t.Errorf("%q is linked as %q", f, got)
			}
		}
	}
}
