package web

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/fault"
)

func TestErrors(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	slug := w.articles[0].Slug
	for path, want := range map[string]int{
		"/nothing": 404, "/posts/nothing": 404, "/posts/": 404, "/posts/a/b": 404, "/tags/nothing": 404, "/tags/": 404, "/?page=0": 404, "/?page=abc": 404,
		"/?page=-1": 404, "/?page=99": 404, "/?page=99999999999999999999": 404, "/archive?page=0": 404, "/search?q=a&page=0": 404, "/source/nothing.go": 404,
		"/source/..%2fgo.mod": 404, "/source/.env": 404, "/static/nothing.css": 404, "/static/": 404, "/static/../go.mod": 404, "/static/..%2fgo.mod": 404, "/tags/a%7Cb": 404,
	} {
		got := b.get(t, path)
		if got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
		if !strings.HasPrefix(path, "/static/") {
			wants(t, got.body, "There is no such", "</html>")
			got.wantHeaders(t, "Cache-Control", "no-store")
		}
		leaksNothing(t, b, got)
	}
	for request, allow := range map[string]string{
		"POST /": "GET", "PUT /about": "GET", "DELETE /posts/" + slug: "GET", "GET /posts/" + slug + "/comments": "POST",
		"PUT /lab/faults": "GET POST DELETE", "POST /lab/faults/redis": "DELETE", "POST /static/app.css": "GET",
	} {
		method, path, _ := strings.Cut(request, " ")
		got := b.do(t, method, path, "")
		if got.status != 405 || strings.Join(got.header.Values("Allow"), " ") != allow {
			t.Errorf("%s: %d, Allow %q, want 405 and %q", request, got.status, got.header.Values("Allow"), allow)
		}
		wants(t, got.body, "That can&#39;t be done here", "</html>")
	}
	got := b.get(t, "/nothing")
	for name := range got.header {
		if strings.HasPrefix(name, "X-Powered") || name == "Server" {
			t.Errorf("%s: %s", name, got.header.Get(name))
		}
	}
	wants(t, got.header.Get("Content-Security-Policy"), "default-src 'none'", "script-src 'self'", "frame-ancestors 'self'")
	got.wantHeaders(t, "X-Content-Type-Options", "nosniff")
}

// TestUnavailable: nothing can answer, and the page says so and when to come back.
func TestUnavailable(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.table.Fallback = false })
	for _, d := range dependencies {
		b.breakLink(d, fault.Refuse)
	}
	for _, path := range []string{"/posts/" + w.articles[0].Slug, "/", "/archive", "/feed.xml", "/search?q=retry", "/tags/" + w.articles[0].Tags[0]} {
		got := b.get(t, path)
		got.wantStatus(t, 503)
		got.wantHeaders(t, "Retry-After", "5", "Cache-Control", "no-store")
		wants(t, got.body, "out of reach for the moment", "5 seconds", "</html>")
		leaksNothing(t, b, got)
	}
	b.get(t, "/about").wantStatus(t, 200)
	b.get(t, "/source").wantStatus(t, 200)
}

// TestNaiveErrorsLeakNothing: even the unprotected twin tells its errors to the log only.
func TestNaiveErrorsLeakNothing(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, naive)
	b.breakLink("postgres", fault.Refuse)
	got := b.get(t, "/posts/"+w.articles[0].Slug)
	if got.status < 500 {
		t.Errorf("status %d", got.status)
	}
	leaksNothing(t, b, got)
	if lines := b.log.with("part=page"); len(lines) != 1 || !strings.Contains(lines[0], "error=") {
		t.Errorf("the log does not say what went wrong: %q", lines)
	}
}

func leaksNothing(t *testing.T, b *blog, a answer) {
	t.Helper()
	for _, location := range []string{b.postgres, b.redis, b.recommendations} {
		u := must(url.Parse(location))(t)
		lacks(t, a.body, u.Host, location)
		if password, ok := u.User.Password(); ok {
			lacks(t, a.body, password)
		}
	}
	lacks(t, a.body, "dial tcp", "connection refused", "SQLSTATE", "pgx", "panic", "goroutine", ".go:", "no rung")
}

// TestPanicIsAPage: a bug in a page's own code is a page made at start.
func TestPanicIsAPage(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	o := b.Config.Handler.(*Server).Options
	o.Posts = nil
	broken := httptest.NewServer(must(New(o))(t))
	defer broken.Close()
	res := must(b.client.Get(broken.URL + "/posts/x"))(t)
	defer res.Body.Close()
	body := string(must(io.ReadAll(res.Body))(t))
	if res.StatusCode != 500 || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, Cache-Control %q", res.StatusCode, res.Header.Get("Cache-Control"))
	}
	wants(t, body, "This page could not be made", "</html>")
	leaksNothing(t, b, answer{body: body})
	if len(b.log.with("panic in a page")) != 1 {
		t.Error("the panic isn't logged")
	}
	about := must(b.client.Get(broken.URL + "/static/app.css"))(t)
	if about.Body.Close(); about.StatusCode != 200 {
		t.Errorf("other pages answer %d after a panic", about.StatusCode)
	}
}

// TestPanicAfterTheFirstByte: the response breaks off, so that the browser
// knows it is incomplete.
func TestPanicAfterTheFirstByte(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	s := b.Config.Handler.(*Server)
	server := httptest.NewUnstartedServer(s.recoverPanics(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("boom")
	})))
	server.Config.ErrorLog = b.Config.ErrorLog
	server.Start()
	defer server.Close()
	res := must(b.client.Get(server.URL))(t)
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the response ends as if it were complete: %q", body)
	}
}

func TestFeed(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	got := b.get(t, "/feed.xml")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Content-Type", "application/atom+xml; charset=utf-8")
	if got.header.Get("Etag") == "" {
		t.Error("no ETag")
	}
	var feed struct {
		XMLName xml.Name
		ID      string `xml:"id"`
		Title   string `xml:"title"`
		Updated string `xml:"updated"`
		Author  string `xml:"author>name"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Link    struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(got.body), &feed); err != nil {
		t.Fatal(err)
	}
	if feed.XMLName != (xml.Name{Space: "http://www.w3.org/2005/Atom", Local: "feed"}) || feed.ID != b.URL+"/" || feed.Title == "" || feed.Author == "" || len(feed.Entries) != len(w.articles) {
		t.Errorf("feed: %+v", feed)
	}
	for _, e := range feed.Entries {
		if _, err := time.Parse(time.RFC3339, e.Updated); err != nil || e.ID != e.Link.Href || e.Title == "" || e.Updated > feed.Updated {
			t.Errorf("entry: %+v (%v)", e, err)
		}
		path, ok := strings.CutPrefix(e.Link.Href, b.URL)
		if !ok {
			t.Errorf("%s is not below %s", e.Link.Href, b.URL)
		}
		b.get(t, path).wantStatus(t, 200)
	}
	wants(t, b.get(t, "/feed.xml", "X-Forwarded-Proto", "https", "Host", "blog.example").body, `href="https://blog.example/posts/`)
	hidden := newWorld(t, manyArticles(t, 1)...)
	wants(t, hidden.start(t).get(t, "/feed.xml").body, "A &amp; B about &lt;zebras&gt;.")
}

func TestLists(t *testing.T) {
	w := newWorld(t, manyArticles(t, 25)...)
	b := w.start(t)
	links := regexp.MustCompile(`<h[23]><a href="(/posts/[^"]+)">`)
	seen := map[string]bool{}
	pages := 0
	for path := "/"; path != ""; pages++ {
		got := b.get(t, path)
		got.wantStatus(t, 200)
		for _, m := range links.FindAllStringSubmatch(got.body, -1) {
			if seen[m[1]] {
				t.Errorf("%s stands on two pages", m[1])
			}
			seen[m[1]] = true
		}
		path = next(got.body)
	}
	if len(seen) != 25 || pages != 3 {
		t.Errorf("%d articles on %d pages, want 25 on 3", len(seen), pages)
	}
	if !strings.Contains(b.get(t, "/").body, "/posts/zebra-24") || strings.Contains(b.get(t, "/").body, `<a href="/posts/zebra-3"`) {
		t.Error("the first page doesn't hold the newest")
	}
	tag := b.get(t, "/tags/tag-1")
	if n := len(links.FindAllString(tag.body, -1)); n != 8 {
		t.Errorf("%d articles with the tag, want 8", n)
	}
	archive := b.get(t, "/archive")
	for _, a := range w.articles {
		wants(t, archive.body, `href="/posts/`+a.Slug+`"`)
	}
	wants(t, archive.body, "2024", "2007", "/tags/tag-2")
	wants(t, b.get(t, "/posts/zebra-5").body, `href="/posts/zebra-4"`, `href="/posts/zebra-6"`, "&lt;img src=x onerror=alert(1)&gt;")

	b.comment(t, "zebra-24", "Ada", "Hello", "0123456789abcdef").wantStatus(t, 303)
	eventually(t, "the list counts the comment", func() bool { return strings.Contains(w.start(t).get(t, "/").body, "1 comment<") })
}

func next(page string) string {
	m := regexp.MustCompile(`class="older" href="([^"]+)" rel="next"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func TestSearch(t *testing.T) {
	w := newWorld(t, manyArticles(t, 25)...)
	b := w.start(t)
	got := b.get(t, "/search?q=running+zebras") // stems: the articles say "runs" and "zebra"
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Cache-Control", "no-store")
	wants(t, got.body, "25 articles for “running zebras”", "<mark>zebra</mark>", "<mark>runs</mark>", "&lt;img src=x onerror=alert(1)&gt;", `data-part="results" data-state="fresh"`)
	lacks(t, got.body, "<img src=x")
	found, pages := 0, 0
	for path := "/search?q=zebra"; path != ""; pages++ {
		page := b.get(t, path)
		found += strings.Count(page.body, `<h3><a href="/posts/`)
		path = next(page.body)
	}
	if found != 25 || pages != 3 {
		t.Errorf("%d results on %d pages, want 25 on 3", found, pages)
	}
	wants(t, b.get(t, "/search?q=unicorn").body, "Nothing for “unicorn”", `data-state="fresh"`)
	empty := b.get(t, "/search")
	lacks(t, empty.body, "data-part", "Nothing for")
	empty.wantHeaders(t, "Cache-Status", "", "Server-Timing", "")
	lacks(t, b.get(t, "/search?q=%20%20").body, "Nothing for")

	hostile := b.get(t, "/search?q="+url.QueryEscape(`"><script>alert(1)</script>`))
	hostile.wantStatus(t, 200)
	lacks(t, hostile.body, "<script>alert")
	for _, q := range []string{"%00", "%ff%fe", "a%00b", "'%3B+drop+table+posts", `"unclosed`, "-", "%26+%7C+!", strings.Repeat("long", 1000), "%02%03"} {
		b.get(t, "/search?q="+q).wantStatus(t, 200)
	}

	b.breakLink("postgres", fault.Refuse)
	got = b.get(t, "/search?q=zebra")
	got.wantStatus(t, 200)
	wants(t, got.body, `data-part="results" data-state="fallback"`, "plain search of the snapshot", "25 articles", "<mark>", "&lt;img src=x onerror=alert(1)&gt;")
	lacks(t, got.body, "<img src=x")
	wants(t, b.get(t, "/search?q=unicorn").body, "Nothing for “unicorn”", "plain search of the snapshot")
	b.heal()
	eventually(t, "the search is Postgres's again", func() bool { return b.get(t, "/search?q=zebra").parts()["results"] == "fresh" })
}

func TestSourceAndStatic(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	index := b.get(t, "/source")
	wants(t, index.body, "internal/web/article.go", "migrations/00001_blog.sql", "templates/post.html")
	lacks(t, index.body, ".env", "go.sum", ".afloat")
	wants(t, b.get(t, "/source/internal/web/article.go").body, `id="L1"`, "wholeArticle")
	wants(t, b.get(t, "/source/templates/post.html").body, "shadowrootmode")
	css := b.get(t, "/static/app.css")
	css.wantHeaders(t, "Content-Type", "text/css; charset=utf-8", "Cache-Control", "no-cache")
	again := b.get(t, "/static/app.css", "If-None-Match", css.header.Get("Etag"))
	again.wantStatus(t, 304)
	if want := string(must(os.ReadFile("../../static/app.css"))(t)); css.body != want {
		t.Error("app.css isn't what is in static/")
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(b.get(t, "/").body, -1) {
		b.get(t, m[1]).wantStatus(t, 200)
	}
}

// TestEveryLinkLeadsSomewhere follows what the pages link to, once.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	w := newWorld(t)
	b := w.startCapstone(t) // with the whole lab, which lessons link to
	files := b.Config.Handler.(*Server).Source.Files()
	href := regexp.MustCompile(`href="(/[^"#]*)`)
	seen := map[string]bool{"/": true}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		got := b.get(t, queue[0])
		if got.status != 200 {
			t.Errorf("%s: %d", queue[0], got.status)
		}
		for _, m := range href.FindAllStringSubmatch(got.body, -1) {
			u := strings.ReplaceAll(m[1], "&amp;", "&")
			file, isSource := strings.CutPrefix(u, "/source/")
			switch {
			case seen[u] || strings.HasPrefix(u, "/static/") || strings.HasPrefix(u, "/lab/bar?"):
			case isSource: // to highlight all of them takes long
				if !slices.Contains(files, file) {
					t.Errorf("%s links to %s, which is not shown", queue[0], u)
				}
			default:
				queue = append(queue, u)
			}
			seen[u] = true
		}
	}
	if len(seen) < 30 {
		t.Errorf("only %d links were found", len(seen))
	}
}

// TestHeadersTellWhereThingsCameFrom: Server-Timing names every part, and
// Cache-Status is either a hit or forwarded (RFC 9211, section 2.2).
func TestHeadersTellWhereThingsCameFrom(t *testing.T) {
	w := newWorld(t)
	path := "/posts/" + w.articles[0].Slug
	status := regexp.MustCompile(`^afloat; (hit(; ttl=-?\d+)?|fwd=uri-miss); detail=[a-z][a-z-]*$`)
	check := func(got answer, want string) {
		t.Helper()
		if s := got.header.Get("Cache-Status"); !status.MatchString(s) || !strings.HasPrefix(s, want) {
			t.Errorf("Cache-Status: %s, want %s", s, want)
		}
	}
	b := w.start(t)
	first := b.get(t, path, cdn, "x")
	check(first, "afloat; fwd=uri-miss; detail=postgres")
	for part, state := range first.parts() {
		wants(t, first.header.Get("Server-Timing"), part+`;desc="`+state+" ")
	}
	b.warm(t, path)
	check(b.get(t, path), "afloat; hit; detail=memory")
	b.breakLink("postgres", fault.Refuse)
	eventually(t, "the post is stale", func() bool { return b.get(t, path).parts()["post"] == "stale" })
	check(b.get(t, path), "afloat; hit; ttl=-")

	cold := w.start(t, func(s *setup) { s.idle = true })
	cold.breakLink("postgres", fault.Refuse)
	eventually(t, "the copy is in Redis", func() bool { return cold.get(t, path).parts()["post"] == "stale" })
	check(cold.get(t, path), "afloat; hit; ttl=-")
	w.forget(t)
	bare := w.start(t, func(s *setup) { s.idle = true })
	bare.breakLink("postgres", fault.Refuse)
	check(bare.get(t, path), "afloat; hit; detail=snapshot")
}

// TestPartsNameTheirState: in each page, data-state follows data-part in the same tag.
func TestPartsNameTheirState(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	for path, parts := range map[string][]string{
		"/posts/" + w.articles[0].Slug: {"comments", "popular", "post", "recommendations"},
		"/":                            {"counts", "list", "popular"},
		"/archive":                     {"contents", "list"},
		"/lessons":                     {"lessons"},
		"/search?q=retry":              {"results"},
	} {
		got := b.get(t, path)
		var names []string
		for name, state := range got.parts() {
			names = append(names, name)
			if !good(state) {
				t.Errorf("%s: %s is %s", path, name, state)
			}
		}
		slices.Sort(names)
		if !slices.Equal(names, parts) || strings.Count(got.body, "data-part=") != len(parts) {
			t.Errorf("%s: %v, want %v", path, names, parts)
		}
	}
}
