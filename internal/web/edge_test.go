package web

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/fault"
)

// purges notes what the edges are told.
type purges struct {
	mu    sync.Mutex
	pages []string
}

func (p *purges) with(s *setup) {
	s.options = func(o *Options) { o.Outdate, o.Node = p.outdate, "blog2" }
}

func (p *purges) outdate(pages ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = append(p.pages, pages...)
}

func (p *purges) has(page string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Contains(p.pages, page)
}

func (p *purges) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = nil
}

// TestPagesNameWhatTheyDependOn, where they may be kept, and hold no age: it
// would be wrong on their next use.
func TestPagesNameWhatTheyDependOn(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	article := "/posts/" + w.articles[0].Slug
	b.warm(t, article)
	b.warm(t, "/")
	for path, tags := range map[string]string{
		article: "site post-" + w.articles[0].Slug, "/": "site lists", "/archive": "site lists", "/tags/" + w.articles[0].Tags[0]: "site lists",
		"/feed.xml": "site lists", "/feed.json": "site lists", "/sitemap.xml": "site lists", "/source": "site", "/robots.txt": "site",
		"/about": "", "/search": "", article + "?xray=1": "", article + "?comment=1": "", "/nothing": "", article + "/comment": "",
	} {
		for range 2 { // made, and sent once more as it is
			a := b.get(t, path)
			if a.wantHeaders(t, "Cache-Tag", tags); tags == "" {
				continue
			}
			lacks(t, a.body, " old</time>", "data-way")
			if a.header.Get("Age") != "" || strings.Contains(a.header.Get("Cache-Status"), "ttl=") {
				t.Errorf("%s states an age: %v", path, a.header)
			}
		}
	}
}

// TestCommentIsHeardByEveryServer, however long it keeps pages, and told to the edges.
func TestCommentIsHeardByEveryServer(t *testing.T) {
	w := newWorld(t)
	var told purges
	lasting := func(s *setup) {
		slowed(s)
		s.table.CommentReads.Stale.Fresh = time.Hour
		told.with(s)
	}
	one, other := w.start(t, slowed), w.start(t, lasting)
	slug := w.articles[1].Slug
	path := "/posts/" + slug
	other.warm(t, path)
	lacks(t, other.get(t, path).body, "Heard everywhere.")
	eventually(t, "it listens", func() bool {
		told.forget()
		one.do(t, "POST", path+"/comments", "author=A&body=Is+anybody+listening%3F&key=0123456789abcdef-"+time.Now().Format("150405.000000"), "Content-Type", isForm)
		time.Sleep(100 * time.Millisecond)
		return told.has(path)
	})
	eventually(t, "no more of those is on its way", func() bool {
		told.forget()
		time.Sleep(200 * time.Millisecond)
		return !told.has(path)
	})

	one.do(t, "POST", path+"/comments", "author=A&body=Heard+everywhere.&key=fedcba9876543210", "Content-Type", isForm).wantStatus(t, 303)
	eventually(t, "the edges are told", func() bool { return told.has(path) })
	wants(t, other.get(t, path).body, "Heard everywhere.") // at once: the edge may ask any server now
	told.forget()

	var id int64
	if err := w.admin.QueryRow(t.Context(), `update comments set hidden = now() where key = 'fedcba9876543210' returning id`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the edges are told of the hidden one", func() bool { return told.has(path) })
	lacks(t, other.get(t, path).body, "Heard everywhere.")
}

// TestNoPurgeInAnOutage: it would put a degraded page before the copy that stands in for it.
func TestNoPurgeInAnOutage(t *testing.T) {
	w := newWorld(t)
	var told purges
	b := w.start(t, told.with)
	s := b.Config.Handler.(*Server)
	eventually(t, "the site is vouched for", func() bool { _, ok := s.Posts.Version(); return ok })
	if s.outdate("/posts/a"); !told.has("/posts/a") {
		t.Error("a purge did not reach the edges")
	}
	b.breakLink("postgres", fault.Refuse)
	eventually(t, "nobody vouches for the site", func() bool { _, ok := s.Posts.Version(); return !ok })
	if s.outdate("/posts/b"); told.has("/posts/b") {
		t.Error("the edges were told to forget what they have")
	}
}

// TestXRayTellsTheWay that a request came.
func TestXRayTellsTheWay(t *testing.T) {
	w := newWorld(t)
	var told purges
	b := w.start(t, told.with)
	path := "/posts/" + w.articles[0].Slug
	for _, c := range []struct {
		edge, cache string
		want        []string
		not         string
	}{
		{"edge1", "hit; age=4", []string{"Made by <b>blog2</b>.", "<b>edge1</b> holds this page, 4 s old"}, "does not hold"},
		{"edge1", "stale; age=40", []string{"<b>edge1</b> holds this page, 40 s old", "would have asked a server"}, "without asking"},
		{"edge1", "miss", []string{"<b>edge1</b> does not hold this page"}, "s old:"},
		{"", "", []string{"Made by <b>blog2</b>."}, "this page"},
		{"<i>x</i>", "hit; age=4", []string{"Made by <b>blog2</b>."}, "holds"},
		{"edge1", "hit; age=<i>", []string{"<b>edge1</b> does not hold this page"}, "s old:"},
	} {
		way := wayOf(b.get(t, path+"?xray=1", "X-Edge", c.edge, "X-Edge-Cache", c.cache).body)
		wants(t, way, c.want...)
		lacks(t, way, c.not, "<i>")
	}
	lacks(t, b.get(t, path, "X-Edge", "edge1", "X-Edge-Cache", "hit; age=4").body, "data-way", "edge1")
	lacks(t, w.start(t).get(t, path+"?xray=1").body, "data-way") // nothing is known
}

// wayOf is the line that tells the way.
func wayOf(body string) string {
	_, after, _ := strings.Cut(body, "data-way>")
	way, _, _ := strings.Cut(after, "</p>")
	return way
}
