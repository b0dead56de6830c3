package web

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jba/templatecheck"

	"afloat/internal/lessons"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

func testRenderer(t *testing.T) *renderer {
	t.Helper()
	r, err := newRenderer(os.DirFS("../../templates"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTemplatesMatchTheirPages type-checks every template against the struct
// it is rendered with, on all its branches.
func TestTemplatesMatchTheirPages(t *testing.T) {
	r := testRenderer(t)
	pages := map[string]any{
		"home":                 listPage{},
		"post-head":            postPage{},
		"part-comments":        part[commentsView]{},
		"part-recommendations": part[[]suggestionView]{},
		"part-popular":         part[[]popularView]{},
		"part-broken":          part[struct{}]{},
		"post-foot":            postPage{},
		"archive":              archivePage{},
		"lessons":              lessonsPage{},
		"glossary":             glossaryPage{},
		"teach":                teachPage{},
		"search":               searchPage{},
		"about":                aboutPage{},
		"error":                errorPage{},
		"comment":              commentPage{},
		"comment-fragment":     commentPage{},
		"faultbar":             faultBar{},
		"faultbar-fragment":    faultBar{},
		"source":               sourcePage{},
		"source-index":         sourcePage{},
		"lab-experiments":      experimentsPage{},
		"lab-experiment":       experimentPage{},
		"lab-twin":             twinPage{},
		"lab-protections":      protectionsPage{},
		"lab-capstone":         capstonePage{},
		"lab-availability":     availabilityPage{},
		"lab-claims":           []claimView{},
		"lab-live":             livePage{},
		"lab-live-fragment":    liveView{},
		"lab-part":             partPage{},
		"lab-fleet":            fleetPage{},
		"lab-fleet-fragment":   fleetView{},
		"embed-source":         excerptEmbed{},
		"embed-experiment":     experimentEmbed{},
		"embed-figure":         figureEmbed{},
		"embed-predict":        predictEmbed{},

		// Those that others render by name (fragments.go).
		"links": "",
		"deck":  deck{},
		"buoy":  resilience.Fresh,

		"lesson-path":  lessonPath{},
		"lesson-needs": lessonPath{},
		"lesson-done":  "",
	}
	for name, page := range pages {
		tmpl := r.templates.Lookup(name)
		if tmpl == nil {
			t.Errorf("no template called %q", name)
			continue
		}
		if err := templatecheck.CheckHTML(tmpl, page); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Samples of each page, in each state.

var (
	sampleNow    = time.Now()
	sampleStates = states()
)

func sampleFrame() frame {
	return frame{
		Title: "A title", Description: "About it", Nav: "home",
		Lab: true, XRayURL: "/posts/a?xray=1", Here: "/posts/a",
		OtherName: "the naive twin", OtherURL: "http://127.0.0.1:8081/posts/a",
	}
}

func samplePart[V any](name string, s resilience.State, v V) part[V] {
	p := part[V]{Name: name, Title: strings.ToUpper(name[:1]) + name[1:], V: v}
	p.Provenance = resilience.Provenance{Source: resilience.FromMemory, State: s, At: time.Now().Add(-41 * time.Second)}
	if s.Degraded() {
		p.Note = "Postgres is out of reach; " + name + " came from elsewhere."
	}
	if s == resilience.Missing {
		p.At = time.Time{}
	}
	return p
}

func sampleXRay() *xray {
	return &xray{
		Source: "redis", State: "stale", Age: "41 s", Tries: "3 tries", Took: "212 ms", Breaker: "open", ErrorClass: "timeout",
		Code:   sourceRef{"internal/widgets/comments.go:38", "/source/internal/widgets/comments.go#L38"},
		Policy: sourceRef{"internal/policy/policy.go:52", "/source/internal/policy/policy.go#L52"},
	}
}

func sampleEntries() []entry {
	return []entry{
		{Slug: "a", Title: "A <b>", Summary: "S", Tags: []string{"retries"}, Published: sampleNow, Minutes: 5, Comments: 1, HasCount: true},
		{Slug: "b", Title: "B", Summary: "S", Published: sampleNow, Minutes: 5},
	}
}

func sampleContents() store.Contents {
	return store.Contents{Total: 2, Years: []store.YearCount{{Year: 2026, N: 2}}, Tags: []store.TagCount{{Tag: "retries", N: 1}}}
}

func sampleLessons() []lessonEntry {
	return viewLessons(store.Listing{Items: []store.Summary{{Slug: "what-may-fail", Minutes: 5}}}, true, true)
}

func samplePost(s resilience.State) postPage {
	return postPage{frame: sampleFrame(), Post: samplePart("post", s, articleView{
		Slug: "a", Title: "A", Summary: "S", Tags: []string{"retries"}, Published: sampleNow, Updated: sampleNow.Add(time.Hour), Minutes: 4,
		TOC: []heading{{2, "one", "One"}}, Body: "<h2 id=\"one\">One</h2><p>Text</p>", Next: &articleRef{"b", "B"},
		Path: lessonPath{Slug: "try-try-again", Held: 0b1111},
	})}
}

func sampleComments(s resilience.State) part[commentsView] {
	v := commentsView{Slug: "a"}
	if s != resilience.Missing {
		v.Comments = []commentView{{Ref: "7", Author: "Ada <i>", Body: "<p>Hi</p>", At: sampleNow, Mine: true}}
	}
	return samplePart("comments", s, v)
}

func sampleBar() faultBar {
	kinds := []faultChoice{{Kind: "healthy", Label: "healthy"}, {Kind: "hang", Label: "hang", Hint: "accepts, never answers", On: true}}
	return faultBar{frame: sampleFrame(), AnyOn: true, Back: "/posts/a", Links: []faultLink{
		{Name: "postgres", Label: "Postgres", Kind: "hang", Verdict: "confirmed", Saw: "no answer within 1 s", LeftSeconds: 102, Kinds: kinds},
		{Name: "redis", Label: "Redis", Kind: "healthy", Verdict: "confirmed", Saw: "answered in 0.4 ms", Kinds: kinds},
	}}
}

// html renders a template of the sample renderer or fails the test.
func html(t *testing.T, name string, page any) string {
	t.Helper()
	b, err := testRenderer(t).render(name, page)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func wants(t *testing.T, got string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(got, want) {
			t.Errorf("want %q in:\n%s", want, got)
		}
	}
}

func lacks(t *testing.T, got string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(got, u) {
			t.Errorf("don't want %q in:\n%s", u, got)
		}
	}
}

// TestPartsSayTheirState holds every part, in every state, to its contract:
// data-part and then data-state in the same tag, the state in a word, an age
// and a note when it is degraded and neither when it is not.
func TestPartsSayTheirState(t *testing.T) {
	for _, s := range sampleStates {
		rendered := map[string]string{
			"comments":        html(t, "part-comments", sampleComments(s)),
			"recommendations": html(t, "part-recommendations", samplePart("recommendations", s, []suggestionView{{"b", "B"}})),
			"broken":          html(t, "part-broken", samplePart("broken", s, struct{}{})),
			"popular":         html(t, "part-popular", samplePart("popular", s, []popularView{{"b", "B", 1}})),
			"post":            html(t, "post-head", samplePost(s)),
			"list":            html(t, "home", listPage{frame: sampleFrame(), List: samplePart("list", s, sampleEntries())}),
			"lessons":         html(t, "lessons", lessonsPage{frame: sampleFrame(), Lessons: samplePart("lessons", s, sampleLessons())}),
			"contents":        html(t, "archive", archivePage{frame: sampleFrame(), Contents: samplePart("contents", s, sampleContents())}),
			"results":         html(t, "search", searchPage{frame: sampleFrame(), Asked: true, Query: "q", Results: samplePart("results", s, []searchResult{{Slug: "a", Title: "A"}})}),
		}
		counts := samplePart("counts", s, 2)
		rendered["counts"] = html(t, "home", listPage{frame: sampleFrame(), Counts: &counts})
		for name, got := range rendered {
			t.Run(name+"/"+string(s), func(t *testing.T) {
				wants(t, got, fmt.Sprintf(`data-part="%s" data-state="%s"`, name, s), fmt.Sprintf(`<span class="word">%s</span>`, s))
				if s.Degraded() {
					wants(t, got, "Postgres is out of reach; "+name)
				} else {
					lacks(t, got, "41 s old")
				}
				if s.Degraded() && s != resilience.Missing {
					wants(t, got, "41 s old</time>")
				}
			})
		}
	}
}

func TestXRayCaptions(t *testing.T) {
	p := sampleComments(resilience.Stale)
	lacks(t, html(t, "part-comments", p), "xray", "breaker")
	p.XRay = sampleXRay()
	wants(t, html(t, "part-comments", p),
		"comments · stale 41 s · 3 tries, 212 ms · breaker open · comments.go:38</summary>",
		`<a href="/source/internal/widgets/comments.go#L38">comments.go:38</a>`,
		`<a href="/source/internal/policy/policy.go#L52">policy.go:52</a>`,
		"<dt>error</dt><dd>timeout</dd>")

	page := samplePost(resilience.Fresh)
	lacks(t, html(t, "post-head", page), "data-xray>")
	page.XRay = true
	wants(t, html(t, "post-head", page), "data-xray>")
	wants(t, html(t, "post-foot", page), "X-ray off")
}

// What came from a replica says from which, and how far it was behind; too far, and the reader is told in words.
func TestReplicasAreShown(t *testing.T) {
	p := resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now(), Replica: "10.88.0.52", Lag: 300 * time.Millisecond}
	if got := behindNote(p); got != "" {
		t.Errorf("a fresh answer has the note %q", got)
	}
	header := http.Header{}
	provenanceHeaders(header, false, named{"post", p})
	if got, want := header.Get("Server-Timing"), `post;desc="fresh postgres, replica 10.88.0.52, 0.3 s behind";dur=0.0`; got != want {
		t.Errorf("Server-Timing is %q, want %q", got, want)
	}
	provenanceHeaders(header, true, named{"post", p})
	if got, want := header.Get("Server-Timing"), `post;desc="fresh postgres";dur=0.0`; got != want {
		t.Errorf("Server-Timing of a page that is kept is %q, want %q", got, want)
	}
	view := sampleComments(resilience.Fresh)
	view.XRay = &xray{Replica: replica(p)}
	wants(t, html(t, "part-comments", view), "<dt>replica</dt><dd>10.88.0.52, 0.3 s behind</dd>")

	p.State, p.Lag, p.Err = resilience.Stale, 12*time.Second, resilience.ErrBehind
	const want = "This was read from a replica of the database that is 12 s behind."
	for name, got := range map[string]string{"article": postNote(p), "list": postNoteList(p), "counts": noteIf(p, countsNote)} {
		if got != want {
			t.Errorf("%s: the note is %q, want %q", name, got, want)
		}
	}
}

// TestStreamedPost: streamed, each part is a light child of a declarative
// shadow root that holds its place; whole, there is neither root nor slot.
func TestStreamedPost(t *testing.T) {
	page := samplePost(resilience.Fresh)
	comments := sampleComments(resilience.Fresh)
	whole := html(t, "post-head", page) + html(t, "part-comments", comments) + html(t, "post-foot", page)
	lacks(t, whole, "shadowrootmode", "slot=", "on their way")

	page.Streams, comments.Slot = true, true
	head := html(t, "post-head", page)
	wants(t, head, `<template shadowrootmode="open">`, `<slot name="comments"><p part="loading comments">Comments are on their way…</p></slot>`, `slot="post"`)
	if root, _, _ := strings.Cut(head, "</template>"); strings.Contains(root, "data-part") {
		t.Error("a slot that is still loading must not claim a data-part")
	}
	wants(t, html(t, "part-comments", comments), `data-part="comments" data-state="fresh" slot="comments"`)
}

// TestCacheablePagesHoldNoAges: healthy pages are kept by caches, so they may
// state instants only.
func TestCacheablePagesHoldNoAges(t *testing.T) {
	for _, s := range []resilience.State{resilience.Fresh, resilience.Cached} {
		page := samplePost(s)
		got := html(t, "post-head", page) + html(t, "part-comments", sampleComments(s)) + html(t, "post-foot", page)
		if m := regexp.MustCompile(`\d+ (s|min|h|days) old`).FindString(got); m != "" {
			t.Errorf("%s: found an age: %q", s, m)
		}
	}
}

func TestEmptyLists(t *testing.T) {
	wants(t, html(t, "part-comments", samplePart("comments", resilience.Fresh, commentsView{Slug: "a"})), "No comments yet.", "/posts/a/comment")
	wants(t, html(t, "part-comments", samplePart("comments", resilience.Stale, commentsView{Slug: "a"})), "There were no comments then.")
	lacks(t, html(t, "part-comments", samplePart("comments", resilience.Missing, commentsView{Slug: "a"})), "no comments", "No comments")
	wants(t, html(t, "part-recommendations", samplePart("recommendations", resilience.Fresh, []suggestionView(nil))), "Nothing similar yet.")
	wants(t, html(t, "part-popular", samplePart("popular", resilience.Fresh, []popularView(nil))), "No views counted yet.")
	wants(t, html(t, "home", listPage{List: samplePart("list", resilience.Fresh, []entry(nil))}), "No articles here yet.")
	wants(t, html(t, "archive", archivePage{List: samplePart("list", resilience.Fresh, []archiveYear(nil))}), "No articles yet.")
	wants(t, html(t, "search", searchPage{Asked: true, Query: "q<", Results: samplePart("results", resilience.Fresh, []searchResult(nil))}), "Nothing for “q&lt;”")
	lacks(t, html(t, "search", searchPage{}), "data-part")
	wants(t, html(t, "error", errorPage{Status: 503, Headline: "Out of reach", RetryAfter: 1}), "503", "1 second.")
}

// TestWaterline: a fault stands in words at the top of every page.
func TestWaterline(t *testing.T) {
	f := sampleFrame()
	calm := html(t, "about", aboutPage{frame: f})
	wants(t, calm, `data-flooded="0"`, `data-weather></p>`)
	f.Faults = []string{"Postgres hangs", "Redis is slow"}
	rough := html(t, "about", aboutPage{frame: f})
	wants(t, rough, `data-flooded="2"`, "<span>Postgres hangs</span>", "2 faults on")
}

func TestNaiveTwin(t *testing.T) {
	bar := sampleBar()
	wants(t, html(t, "faultbar-fragment", bar), `action="/lab/faults"`, "Make everything healthy")
	bar.Twin, bar.TwinSays = "naive twin", "protections off"
	bar.OtherName = "the protected blog"
	got := html(t, "faultbar-fragment", bar)
	lacks(t, got, "<form", "<button")
	wants(t, got, "Faults are set on the protected blog", "no answer within 1 s")
	wants(t, html(t, "faultbar", bar), "This is the naive twin", `class="naive"`)
}

func TestFaultBar(t *testing.T) {
	got := html(t, "faultbar-fragment", sampleBar())
	wants(t, got,
		`data-on="true"`, "Postgres hangs", "1:42 left",
		`<input type="radio" id="fault-postgres-hang" name="kind" value="hang" checked>`,
		`<input type="hidden" name="link" value="postgres">`,
		`<input type="hidden" name="link" value="all"><input type="hidden" name="kind" value="healthy">`)
	lacks(t, got, "Redis is healthy<")

	off := sampleFrame()
	off.Lab = false
	lacks(t, html(t, "about", aboutPage{frame: off}), "/lab/bar", "data-lab")
}

func TestCommentForm(t *testing.T) {
	page := commentPage{
		frame: sampleFrame(), Slug: "a", PostTitle: "A", Key: "k-1", Author: "Ada", Body: "half a <thought>",
		Problems: map[string]string{"body": "Shorten it to 4000 characters."}, Unavailable: true,
	}
	for _, name := range []string{"comment", "comment-fragment"} {
		wants(t, html(t, name, page),
			`action="/posts/a/comments"`, `name="key" value="k-1"`, `value="Ada"`, "half a &lt;thought&gt;",
			`aria-invalid="true"`, "Shorten it to 4000 characters.", "Nothing is lost", `name="website" tabindex="-1"`)
	}
}

// TestPagesAreSound: the content security policy forbids inline style and
// script, and every page has one h1, one main and a skip link.
func TestPagesAreSound(t *testing.T) {
	xrayed := samplePost(resilience.Stale)
	xrayed.Streams = true
	pages := map[string]string{
		"home":    html(t, "home", listPage{frame: sampleFrame(), Heading: "Articles", List: samplePart("list", resilience.Fresh, sampleEntries()), NewerURL: "/", OlderURL: "/?page=3", Page: 2, Pages: 3}),
		"post":    html(t, "post-head", xrayed) + html(t, "post-foot", xrayed),
		"archive": html(t, "archive", archivePage{frame: sampleFrame(), List: samplePart("list", resilience.Fresh, []archiveYear{{2026, sampleEntries()}}), Contents: samplePart("contents", resilience.Fresh, sampleContents())}),
		"search":  html(t, "search", searchPage{frame: sampleFrame()}),
		"lessons": html(t, "lessons", lessonsPage{frame: sampleFrame(), Maps: lessonMaps(), Lessons: samplePart("lessons", resilience.Fresh, sampleLessons())}),
		"terms":   html(t, "glossary", glossaryPage{frame: sampleFrame(), Letters: []string{"J"}, Terms: []termEntry{{Term: lessons.Terms()[0], Letter: "J", In: &articleRef{"a", "A"}}}}),
		"teach":   html(t, "teach", teachPage{frame: sampleFrame(), Plans: []planView{{Plan: lessons.Plans()[0], Rows: []planRow{{Timed: lessons.Plans()[0].Timed()[0]}}}}}),
		"about":   html(t, "about", aboutPage{frame: sampleFrame(), Links: []aboutLink{{"Postgres", "healthy"}}}),
		"error":   html(t, "error", errorPage{frame: sampleFrame(), Status: 404, Headline: "No such page"}),
		"comment": html(t, "comment", commentPage{frame: sampleFrame()}),
		"faults":  html(t, "faultbar", sampleBar()),
		"source":  html(t, "source", sourcePage{frame: sampleFrame(), Path: "a.go", Code: "<pre>x</pre>"}),
		"index":   html(t, "source-index", sourcePage{frame: sampleFrame(), Files: []string{"a.go"}}),
	}
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?: [^>]*)?>[^<]`)
	for name, page := range pages {
		if m := inline.FindString(page); m != "" {
			t.Errorf("%s: inline style or script: %q", name, m)
		}
		for _, once := range []string{"<h1", "<main ", "</main>", `class="skip"`, "</html>"} {
			if n := strings.Count(page, once); n != 1 {
				t.Errorf("%s: %d × %s, want 1", name, n, once)
			}
		}
		ids := map[string]bool{}
		for _, m := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if ids[m[1]] {
				t.Errorf("%s: id %q twice", name, m[1])
			}
			ids[m[1]] = true
		}
	}
}

func TestAssetFunc(t *testing.T) {
	r, err := newRenderer(os.DirFS("../../templates"), func(name string) string { return "/static/f00d/" + name })
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.render("about", aboutPage{})
	if err != nil {
		t.Fatal(err)
	}
	wants(t, string(b), `href="/static/f00d/app.css"`)
}

func TestRenderErrors(t *testing.T) {
	if _, err := newRenderer(os.DirFS(t.TempDir()), nil); err == nil {
		t.Error("no templates: want an error")
	}
	b, err := testRenderer(t).render("home", errorPage{})
	if err == nil || b != nil {
		t.Errorf("wrong page: got %d bytes and error %v, want an error and none", len(b), err)
	}
}

// TestRenderedBytesAreOwned: the pooled buffer of one page must not show
// through in another's bytes.
func TestRenderedBytesAreOwned(t *testing.T) {
	r := testRenderer(t)
	first, err := r.render("error", errorPage{Headline: "first"})
	if err != nil {
		t.Fatal(err)
	}
	before := string(first)
	if _, err := r.render("error", errorPage{Headline: "other"}); err != nil {
		t.Fatal(err)
	}
	if string(first) != before {
		t.Error("rendering another page changed the bytes of the first")
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "under 1 s", 41*time.Second + 900*time.Millisecond: "41 s", 3 * time.Minute: "3 min",
		90 * time.Minute: "1 h", 47 * time.Hour: "47 h", 125 * time.Hour: "5 days",
	} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %q, want %q", d, got, want)
		}
	}
	if got := clock(102) + " " + clock(9); got != "1:42 0:09" {
		t.Errorf("clock: %q", got)
	}
	if got := plural(1, "view", "views") + ", " + plural(0, "view", "views"); got != "1 view, 0 views" {
		t.Errorf("plural: %q", got)
	}
	if got := faultWords("recommendations", "Recommendations", "hang") + ", " + faultWords("redis", "Redis", "slow") + faultWords("redis", "Redis", "healthy"); got != "Recommendations hang, Redis is slow" {
		t.Errorf("faultWords: %q", got)
	}
	for _, s := range states() {
		if meaning(s) == "" {
			t.Errorf("no meaning for %s", s)
		}
	}
	funcs := templateFuncs(nil, func() time.Time { return sampleNow })
	if got := funcs["age"].(func(time.Time) string)(sampleNow.Add(-2 * time.Minute)); got != "2 min" {
		t.Errorf("age counts from the clock: %q", got)
	}
}
