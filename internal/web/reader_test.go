package web

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	xhtml "golang.org/x/net/html"

	"afloat/internal/content"
	"afloat/internal/fault"
	"afloat/internal/store"
)

func TestJSONFeed(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	got := b.get(t, "/feed.json")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Content-Type", "application/feed+json")
	var feed struct {
		Version, Title, Language string
		HomePageURL              string `json:"home_page_url"`
		FeedURL                  string `json:"feed_url"`
		Authors                  []struct{ Name string }
		Items                    []struct {
			ID, URL, Title string
			Text           string    `json:"content_text"`
			Published      time.Time `json:"date_published"`
			Modified       time.Time `json:"date_modified"`
			Tags           []string
		}
	}
	if err := json.Unmarshal([]byte(got.body), &feed); err != nil {
		t.Fatal(err)
	}
	if feed.Version != "https://jsonfeed.org/version/1.1" || feed.Title == "" || feed.Language != "en" || feed.HomePageURL != b.URL+"/" || feed.FeedURL != b.URL+"/feed.json" || len(feed.Authors) != 1 || len(feed.Items) != len(w.articles) {
		t.Errorf("feed: %+v", feed)
	}
	var ids []string
	for _, i := range feed.Items {
		if i.ID == "" || i.ID != i.URL || i.Title == "" || i.Text == "" || i.Published.IsZero() || i.Modified.Before(i.Published) || len(i.Tags) == 0 {
			t.Errorf("item: %+v", i)
		}
		path, ok := strings.CutPrefix(i.URL, b.URL)
		if !ok {
			t.Errorf("%s is not below %s", i.URL, b.URL)
		}
		b.get(t, path).wantStatus(t, 200)
		ids = append(ids, i.ID)
	}
	var atom struct {
		IDs []string `xml:"entry>id"`
	}
	if err := xml.Unmarshal([]byte(b.get(t, "/feed.xml").body), &atom); err != nil || !slices.Equal(ids, atom.IDs) {
		t.Errorf("Atom has %v, JSON Feed %v (%v)", atom.IDs, ids, err)
	}
	wants(t, newWorld(t, manyArticles(t, 1)...).start(t).get(t, "/feed.json").body, `A \u0026 B about \u003czebras\u003e.`)
}

// TestFeedsChangeWithPublications: each publication changes both validators,
// though the articles' own dates stay what they are or go back.
func TestFeedsChangeWithPublications(t *testing.T) {
	articles := manyArticles(t, 3)
	twin := articles[2]
	twin.Slug, twin.Title, twin.Hash = "zebra-twin", "Of the same day", "other"
	w := newWorld(t, articles[:2]...)
	b := w.start(t)
	for _, path := range []string{"/feed.xml", "/feed.json"} {
		t.Run(path, func(t *testing.T) {
			publishAll := func(articles ...content.Article) answer {
				t.Helper()
				done := must(store.Publish(t.Context(), w.admin, articles))(t)
				want := time.UnixMilli(done.Version).UTC().Format(http.TimeFormat)
				var got answer
				eventually(t, "the publication is seen", func() bool {
					got = b.get(t, path)
					return got.header.Get("Etag") != "" && got.header.Get("Last-Modified") == want
				})
				return got
			}
			time.Sleep(time.Second) // a publication of the second before would look the same by its date
			before := publishAll(articles[:2]...)
			for what, articles := range map[string][]content.Article{"a new article": articles, "one of the same day": append(articles[:3:3], twin), "a withdrawal": articles[:1]} {
				last := must(time.Parse(http.TimeFormat, before.header.Get("Last-Modified")))(t)
				time.Sleep(time.Until(last.Add(time.Second))) // the header counts seconds
				after := publishAll(articles...)
				if after.header.Get("Etag") == before.header.Get("Etag") {
					t.Errorf("%s leaves the ETag", what)
				}
				if got := b.get(t, path, "If-Modified-Since", before.header.Get("Last-Modified")); got.status != 200 {
					t.Errorf("%s is %d for who asks by date", what, got.status)
				}
				if got := b.get(t, path, "If-None-Match", before.header.Get("Etag")); got.status != 200 {
					t.Errorf("%s is %d for who asks by tag", what, got.status)
				}
				for _, condition := range []string{"Etag", "Last-Modified"} {
					ask := map[string]string{"Etag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[condition]
					for _, method := range []string{http.MethodGet, http.MethodHead} {
						if got := b.do(t, method, path, "", ask, after.header.Get(condition)); got.status != 304 || got.body != "" {
							t.Errorf("%s: unchanged by %s is %d", method, ask, got.status)
						}
					}
				}
				before = after
			}
		})
	}
}

func TestLastModifiedIsNeverInTheFuture(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	must(w.admin.Exec(t.Context(), `update site set version = $1`, time.Now().Add(time.Hour).UnixMilli()))(t)
	eventually(t, "the version is seen", func() bool {
		v, vouched := b.Config.Handler.(*Server).Posts.Version()
		return vouched && v > time.Now().UnixMilli()
	})
	var got answer
	eventually(t, "the feed is of that version", func() bool {
		got = b.get(t, "/feed.xml")
		return got.header.Get("Last-Modified") != ""
	})
	if at := must(time.Parse(http.TimeFormat, got.header.Get("Last-Modified")))(t); at.After(time.Now()) {
		t.Errorf("Last-Modified is %v", at)
	}
}

type siteMap struct {
	XMLName xml.Name
	URLs    []struct {
		Loc     string    `xml:"loc"`
		LastMod time.Time `xml:"lastmod"`
	} `xml:"url"`
	Maps []struct {
		Loc string `xml:"loc"`
	} `xml:"sitemap"`
}

func (b *blog) sitemap(t *testing.T, path, kind string) siteMap {
	t.Helper()
	got := b.get(t, path)
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Content-Type", "application/xml; charset=utf-8", "Cache-Control", cacheable)
	var m siteMap
	if err := xml.Unmarshal([]byte(got.body), &m); err != nil {
		t.Fatal(err)
	}
	if want := (xml.Name{Space: "http://www.sitemaps.org/schemas/sitemap/0.9", Local: kind}); m.XMLName != want {
		t.Fatalf("%s is a %v, want %v", path, m.XMLName, want)
	}
	return m
}

func TestSitemap(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	seen := map[string]time.Time{}
	for _, u := range b.sitemap(t, "/sitemap.xml", "urlset").URLs {
		path, ok := strings.CutPrefix(u.Loc, b.URL)
		if !ok {
			t.Fatalf("%s is not below %s", u.Loc, b.URL)
		}
		seen[path] = u.LastMod
		page := b.get(t, path)
		page.wantStatus(t, 200)
		wants(t, page.body, `<link rel="canonical" href="`+u.Loc+`">`)
	}
	for _, a := range w.articles {
		if at := seen["/posts/"+a.Slug]; !at.Equal(a.Updated) {
			t.Errorf("%s was changed at %v, the sitemap says %v", a.Slug, a.Updated, at)
		}
		for _, path := range append([]string{fmt.Sprintf("/archive/%d", a.Published.Year())}, tagPaths(a)...) {
			if _, ok := seen[path]; !ok {
				t.Errorf("%s is missing", path)
			}
		}
	}
	for _, path := range []string{"/", "/archive", "/about"} {
		if _, ok := seen[path]; !ok {
			t.Errorf("%s is missing", path)
		}
	}
	b.get(t, "/sitemap-2.xml").wantStatus(t, 404)
	b.get(t, "/sitemap-0.xml").wantStatus(t, 404)
	b.get(t, "/sitemap-99999999999999999999.xml").wantStatus(t, 404)
}

func tagPaths(a content.Article) (paths []string) {
	for _, tag := range a.Tags {
		paths = append(paths, "/tags/"+tag)
	}
	return paths
}

// TestManyArticles: 100,000 of them are within reach of crawlers and readers,
// and no page is large.
func TestManyArticles(t *testing.T) {
	w := newWorld(t)
	must(w.admin.Exec(t.Context(), `
		insert into posts (slug, title, summary, tags, published, updated, html, body, toc, minutes, hash, version)
		select 'n-' || i, 'Number ' || i, 'S', array['tag-' || i % 300], '2000-01-01'::timestamptz + i * interval '2 hours', '2000-01-01'::timestamptz + i * interval '2 hours', '<p>x', 'x', '[]', 1, i, 1
		from generate_series(1, 100000) i`))(t)
	must(w.admin.Exec(t.Context(), `update site set version = version + 1, contents = (select to_jsonb(c) from contents c)`))(t)
	must(w.admin.Exec(t.Context(), `vacuum analyze posts`))(t)
	b := w.start(t, func(s *setup) {
		s.table.PostReads.AttemptDeadline, s.table.PostReads.Deadline = 10*time.Second, time.Minute
	})
	b.get(t, "/").wantStatus(t, 200)

	found := map[string]bool{}
	index := b.sitemap(t, "/sitemap.xml", "sitemapindex")
	for _, m := range index.Maps {
		urls := b.sitemap(t, strings.TrimPrefix(m.Loc, b.URL), "urlset").URLs
		if len(urls) > 6000 {
			t.Errorf("%s has %d addresses", m.Loc, len(urls))
		}
		for _, u := range urls {
			found[u.Loc] = true
		}
	}
	if found[b.URL+"/posts/n-1"] == false || found[b.URL+"/posts/n-100000"] == false || len(found) < 100_000 || len(index.Maps) != 21 {
		t.Errorf("%d addresses in %d files", len(found), len(index.Maps))
	}

	archive := b.get(t, "/archive")
	if n := strings.Count(archive.body, "<time "); n != archiveSize || len(archive.body) > 100_000 {
		t.Errorf("the archive lists %d articles in %d bytes", n, len(archive.body))
	}
	wants(t, archive.body, `<a href="/archive/2004">2004</a> <span class="views">4392 articles</span>`)
	year := b.get(t, "/archive/2004")
	wants(t, year.body, "<h1>Archive of 2004</h1>", `<a href="/archive/2004" aria-current="page">2004</a>`, `href="/archive/2004?page=2" rel="next"`)
	last := b.get(t, "/archive/2004?page=44")
	wants(t, last.body, "1 January 2004", "Page 44 of 44")
	lacks(t, last.body, "31 December 2003", `rel="next"`)
	b.get(t, "/archive/2004?page=45").wantStatus(t, 404)
	b.get(t, "/archive/1999").wantStatus(t, 404)
}

func TestArchiveWithoutItsContents(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	b.warm(t, "/archive")
	b.breakLink("postgres", fault.Refuse)
	eventually(t, "the archive is stale", func() bool {
		parts := b.get(t, "/archive").parts()
		return !good(parts["list"]) && !good(parts["contents"])
	})
	got := b.get(t, "/archive")
	got.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")
	wants(t, got.body, "This list came from", "These counts may be out of date", "/archive/20")

	w.forget(t)
	// Here the list is as good as ever, and its page is still not whole.
	bare := w.start(t, func(s *setup) { s.table.Fallback, s.server.Vouch, s.idle = false, time.Hour, true })
	a := w.articles[0]
	path := fmt.Sprintf("/archive/%d", a.Published.Year())
	if _, _, err := bare.Config.Handler.(*Server).Posts.Year(t.Context(), a.Published.Year(), 1, archiveSize); err != nil {
		t.Fatal(err)
	}
	bare.breakLink("postgres", fault.Refuse)
	w.forget(t)
	eventually(t, "the list alone is in memory", func() bool {
		parts := bare.get(t, path).parts()
		return good(parts["list"]) && parts["contents"] == "missing"
	})
	page := bare.get(t, path)
	page.wantStatus(t, 200)
	page.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")
	wants(t, page.body, "/posts/"+a.Slug, "years and tags are out of reach")
}

func TestRobots(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	got := b.get(t, "/robots.txt")
	got.wantHeaders(t, "Content-Type", "text/plain; charset=utf-8")
	wants(t, got.body, "Disallow: /lab/\n", "Disallow: /posts/*/comment\n", "Disallow: /*xray=\n", "Sitemap: "+b.URL+"/sitemap.xml\n")
	lacks(t, got.body, "Disallow: /\n")
	twin := w.start(t, naive).get(t, "/robots.txt").body
	if twin != "User-agent: *\nDisallow: /\n" {
		t.Errorf("the twin says %q", twin)
	}
	icon := b.get(t, "/favicon.ico")
	icon.wantStatus(t, 302)
	b.get(t, icon.header.Get("Location")).wantHeaders(t, "Content-Type", "image/svg+xml")
}

func TestSearchSaysWhatItDid(t *testing.T) {
	w := newWorld(t, manyArticles(t, 25)...)
	b := w.start(t)
	wants(t, b.get(t, "/search").body, "All words must occur")
	wants(t, b.get(t, "/search?q=%20%20").body, "There was no word to search for")
	wants(t, b.get(t, "/search?q=zebra&page=2").body, "25 articles for “zebra”", "page 2 of 3", `rel="prev"`, `rel="next"`)
	beyond := b.get(t, "/search?q=zebra&page=9")
	wants(t, beyond.body, "No page 9 of “zebra”", `href="/search?q=zebra"`)
	lacks(t, beyond.body, "Nothing for")
	wants(t, b.get(t, "/search?q="+strings.Repeat("long", 100)).body, "the first 200 characters")
	wants(t, b.get(t, "/search?q=the").body, "Nothing for “the”", "not searched for")
}

// TestMeta: what each kind of page tells of itself elsewhere.
func TestMeta(t *testing.T) {
	w := newWorld(t, manyArticles(t, 25)...)
	b := w.start(t)
	for path, want := range map[string]struct{ canonical, kind string }{
		"/": {"/", "website"}, "/?xray=1": {"/", "website"}, "/?page=2&xray=1": {"/?page=2", "website"}, "/?page=1": {"/", "website"},
		"/posts/zebra-3": {"/posts/zebra-3", "article"}, "/posts/zebra-3?xray=1": {"/posts/zebra-3", "article"}, "/posts/zebra-3?comment=5": {"/posts/zebra-3", "article"},
		"/tags/zebra": {"/tags/zebra", "website"}, "/tags/zebra?page=3": {"/tags/zebra?page=3", "website"}, "/archive": {"/archive", "website"}, "/archive/2003": {"/archive/2003", "website"},
		"/about": {"/about", "website"}, "/search": {"/search", "website"}, "/source": {"/source", "website"}, "/source/embed.go": {"/source/embed.go", "website"},
		"/search?q=zebra": {}, "/posts/zebra-3/comment": {}, "/lab/bar?back=/": {}, "/nowhere": {},
	} {
		got := b.get(t, path)
		meta := headOf(t, got.body)
		if want.kind == "" {
			if meta["canonical"] != "" || meta["og:url"] != "" || meta["robots"] != "noindex" {
				t.Errorf("%s: %v; want noindex and no address", path, meta)
			}
		} else if want.canonical = b.URL + want.canonical; meta["canonical"] != want.canonical || meta["og:url"] != want.canonical || meta["og:type"] != want.kind || meta["robots"] != "" {
			t.Errorf("%s: %v; want %v", path, meta, want)
		} else if meta["description"] == "" || meta["og:description"] != meta["description"] || meta["og:title"] == "" || meta["og:site_name"] != "Afloat" {
			t.Errorf("%s says nothing of itself: %v", path, meta)
		}
		if meta["application/atom+xml"] != "/feed.xml" || meta["application/feed+json"] != "/feed.json" {
			t.Errorf("%s leads to no feeds: %v", path, meta)
		}
	}
	article := headOf(t, b.get(t, "/posts/zebra-3").body)
	if article["og:title"] != "Zebra number 3" || article["description"] != "A & B about <zebras>." || article["article:published_time"] != "2003-01-02T00:00:00Z" || article["article:modified_time"] != "2003-01-02T00:00:00Z" || article["article:tag"] != "tag-0" {
		t.Errorf("an article tells %v", article)
	}
	if https := headOf(t, b.get(t, "/about", "X-Forwarded-Proto", "https", "Host", "blog.example").body); https["canonical"] != "https://blog.example/about" {
		t.Errorf("behind TLS: %s", https["canonical"])
	}
	titles := map[string]string{}
	for _, path := range []string{"/", "/?page=2", "/tags/zebra", "/tags/zebra?page=2", "/archive", "/archive/2003", "/about", "/search", "/source", "/posts/zebra-3"} {
		title := headOf(t, b.get(t, path).body)["title"]
		if other, taken := titles[title]; taken {
			t.Errorf("%s and %s are both called %q", path, other, title)
		}
		titles[title] = path
	}
}

// headOf is what a page's head says, by name, property or rel.
func headOf(t *testing.T, page string) map[string]string {
	t.Helper()
	said := map[string]string{}
	for n := range must(xhtml.Parse(strings.NewReader(page)))(t).Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch n.Data {
		case "title":
			if n.Parent.Data == "head" {
				said["title"] = n.FirstChild.Data
			}
		case "meta":
			said[attr["name"]+attr["property"]] = attr["content"]
		case "link":
			key := attr["rel"]
			if key == "alternate" {
				key = attr["type"]
			}
			said[key] = attr["href"]
		}
	}
	return said
}

// TestStaticFilesAreNamedByTheirContent: pages use names that may be kept for
// ever, and what stands under them is compressed once.
func TestStaticFilesAreNamedByTheirContent(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	if err := b.Config.Handler.(*Server).CompressStatic(t.Context()); err != nil {
		t.Fatal(err)
	}
	links := regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(b.get(t, "/").body, -1)
	if len(links) < 4 {
		t.Errorf("the page has %d static files", len(links))
	}
	for _, m := range links {
		got := b.get(t, m[1], "Accept-Encoding", "gzip, br")
		got.wantStatus(t, 200)
		got.wantHeaders(t, "Cache-Control", "public, max-age=31536000, immutable", "Content-Encoding", "br", "Vary", "Accept-Encoding", "X-Content-Type-Options", "nosniff")
		plain := b.get(t, m[1])
		name := regexp.MustCompile(`\.[0-9a-f]{12}\.`).ReplaceAllString(strings.TrimPrefix(m[1], "/static/"), ".")
		if want := string(must(os.ReadFile("../../static/" + name))(t)); plain.body != want {
			t.Errorf("%s isn't what is in static/", m[1])
		}
		b.get(t, "/static/"+name).wantHeaders(t, "Cache-Control", "no-cache")
	}
	for _, m := range regexp.MustCompile(`(?:import|url\()\s*["'(]([./][^"')]*)`).FindAllStringSubmatch(b.get(t, "/static/app.js").body+b.get(t, "/static/app.css").body, -1) {
		t.Errorf("a static file loads %s, whose name has no hash", m[1])
	}
}
