package web

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	xhtml "golang.org/x/net/html"

	"afloat/internal/fault"
	"afloat/internal/policy"
)

func commentBody(author, body, key string) string {
	return url.Values{"author": {author}, "body": {body}, "key": {key}}.Encode()
}

func (b *blog) comment(t testing.TB, slug, author, body, key string, headers ...string) answer {
	t.Helper()
	return b.do(t, "POST", "/posts/"+slug+"/comments", commentBody(author, body, key), append(headers, "Content-Type", isForm)...)
}

// key takes the idempotency key out of a form.
func key(t testing.TB, page string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `name="key" value="`)
	k, _, ok2 := strings.Cut(rest, `"`)
	if !ok || !ok2 || len(k) < minKey {
		t.Fatalf("no key in:\n%.3000s", page)
	}
	return k
}

func (b *blog) rows(t testing.TB, where string, args ...any) (n int) {
	t.Helper()
	if err := b.admin.QueryRow(t.Context(), "select count(*) from comments where "+where, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestComment(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	slug := w.articles[0].Slug
	b.warm(t, "/posts/"+slug) // so that the page is in memory without the comment
	lacks(t, b.get(t, "/posts/"+slug).body, `name="key"`)

	form := b.get(t, "/posts/"+slug+"/comment")
	form.wantHeaders(t, "Cache-Control", "no-store")
	fragment := b.get(t, "/posts/"+slug+"/comment?fragment=1")
	lacks(t, fragment.body, "<html")
	if key(t, form.body) == key(t, fragment.body) {
		t.Error("two forms have one key")
	}

	sent := b.comment(t, slug, "Ada", "It *floats*.", key(t, form.body))
	sent.wantStatus(t, 303)
	sent.wantHeaders(t, "Cache-Control", "no-store")
	to := sent.header.Get("Location")
	if !strings.HasPrefix(to, "/posts/"+slug+"?comment=") {
		t.Fatalf("Location is %q", to)
	}
	page := b.get(t, to)
	page.wantHeaders(t, "Cache-Control", "no-store", "Etag", "")
	wants(t, page.body, "It <em>floats</em>.", "<b>Ada</b>", "your comment")
	b.get(t, to, cdn, "x").wantHeaders(t, "Cache-Control", "no-store", "Etag", "") // one reader's own page is nobody else's
	other := b.get(t, "/posts/"+slug)
	wants(t, other.body, "It <em>floats</em>.")
	lacks(t, other.body, "your comment")

	again := b.comment(t, slug, "Ada", "It *floats*.", key(t, form.body))
	if again.status != 303 || again.header.Get("Location") != to || b.rows(t, "true") != 1 {
		t.Errorf("a replay answers %d to %q, and there are %d rows", again.status, again.header.Get("Location"), b.rows(t, "true"))
	}
	b.get(t, "/posts/no-such/comment").wantStatus(t, 404)
	b.comment(t, "no-such", "Ada", "Hello", "0123456789abcdef").wantStatus(t, 404)
}

func TestBadComments(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	slug := w.articles[0].Slug
	const good = "0123456789abcdef"
	for name, c := range map[string]struct{ author, body, key, want string }{
		"no author":   {" ", "Kept text", good, "Say who is writing"},
		"no body":     {"Kept author", "\r\n ", good, "Write something first"},
		"long author": {strings.Repeat("ä", 81), "Kept text", good, "This has 81 characters; 80 are the limit."},
		"long body":   {"Kept author", strings.Repeat("y", 4001), good, "This has 4001 characters; 4000 are the limit."},
		"two lines":   {"A\nB", "Kept text", good, "A name fits on one line."},
		"no key":      {"Kept author", "Kept text", "", "This form has lost its key"},
		"NUL":         {"Kept author", "a\x00b", good, "bytes that are no text"},
		"not UTF-8":   {"Kept author", "a\xffb", good, "bytes that are no text"},
	} {
		t.Run(name, func(t *testing.T) {
			got := b.comment(t, slug, c.author, c.body, c.key)
			got.wantStatus(t, 400)
			got.wantHeaders(t, "Cache-Control", "no-store")
			wants(t, got.body, c.want)
			for _, kept := range []string{c.author, c.body} {
				if strings.HasPrefix(kept, "Kept") {
					wants(t, got.body, kept)
				}
			}
			if k := key(t, got.body); c.key != "" && k != c.key {
				t.Errorf("the key became %q", k)
			}
		})
	}
	b.do(t, "POST", "/posts/"+slug+"/comments", "a=%zz", "Content-Type", isForm).wantStatus(t, 400)
	large := b.comment(t, slug, "Ada", strings.Repeat("x", 70_000), good)
	large.wantStatus(t, 413)
	wants(t, large.body, "4000 characters are the limit")
	robot := b.do(t, "POST", "/posts/"+slug+"/comments", commentBody("Bot", "Buy", good)+"&website=x", "Content-Type", isForm)
	robot.wantStatus(t, 303)
	if n := b.rows(t, "true"); n != 0 {
		t.Errorf("%d comments were written", n)
	}
}

func TestKeyWithOtherContent(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	slug := w.articles[0].Slug
	const used = "0123456789abcdef"
	b.comment(t, slug, "Ada", "First", used).wantStatus(t, 303)
	got := b.comment(t, slug, "Ada", "Second", used)
	got.wantStatus(t, 409)
	wants(t, got.body, "Second", "another text")
	if key(t, got.body) == used {
		t.Error("the form still has the used key")
	}
	b.comment(t, slug, "Ada", "Second", key(t, got.body)).wantStatus(t, 303)
	b.comment(t, w.articles[1].Slug, "Ada", "First", used).wantStatus(t, 409) // another article is other content
	if n := b.rows(t, "true"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
}

// TestOneKeyAtOnce: a storm of retries is one comment, and is not limited.
func TestOneKeyAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, patient)
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.comment(t, w.articles[0].Slug, "Ada", "Once", "0123456789abcdef") })
	}
	all.Wait()
	for _, a := range answers {
		if a.status != 303 || a.header.Get("Location") != answers[0].header.Get("Location") {
			t.Errorf("%d to %q, want 303 to %q", a.status, a.header.Get("Location"), answers[0].header.Get("Location"))
		}
	}
	if n := b.rows(t, "true"); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestCommentsAreLimited(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	slug := w.articles[0].Slug
	limit := b.Config.Handler.(*Server).Options.Server.CommentsPerMinute
	send := func(i int) answer {
		return b.comment(t, slug, "Ada", fmt.Sprintf("Comment %d", i), fmt.Sprintf("key-number-%08d", i))
	}
	for i := range limit {
		send(i).wantStatus(t, 303)
	}
	got := send(limit)
	got.wantStatus(t, 429)
	wants(t, got.body, fmt.Sprintf("Comment %d", limit), "Your text is kept")
	if got.header.Get("Retry-After") == "" || key(t, got.body) != fmt.Sprintf("key-number-%08d", limit) {
		t.Errorf("Retry-After %q, key %q", got.header.Get("Retry-After"), key(t, got.body))
	}
	send(0).wantStatus(t, 303)     // a replay isn't a new comment
	send(limit).wantStatus(t, 429) // having been refused doesn't make it known
	b.get(t, "/posts/"+slug).wantStatus(t, 200)
}

// TestCommentWhileTheDatabaseIsDown: it is accepted, shown at once, and one row
// afterwards.
func TestCommentWhileTheDatabaseIsDown(t *testing.T) {
	w := newWorld(t)
	for i, kind := range []fault.Kind{fault.Refuse, fault.Hang, fault.Slow, fault.Reset} {
		t.Run(string(kind), func(t *testing.T) {
			b := w.start(t, patientRedis)
			slug, k := w.articles[0].Slug, fmt.Sprintf("key-of-this-kind-%d", i)
			body := "During " + string(kind)
			b.breakLink("postgres", kind)
			sent := b.comment(t, slug, "Ada", body, k)
			sent.wantStatus(t, 303)
			to := sent.header.Get("Location")
			if again := b.comment(t, slug, "Ada", body, k); again.status != 303 || again.header.Get("Location") != to {
				t.Errorf("a replay answers %d to %q, want 303 to %q", again.status, again.header.Get("Location"), to)
			}
			b.comment(t, slug, "Ada", "Another text", k).wantStatus(t, 409)
			page := b.get(t, to)
			wants(t, page.body, body, "your comment", "Waiting to be written.", "It is kept on one disk until then.")
			lacks(t, page.body, k)
			other := b.get(t, "/posts/"+slug)
			wants(t, other.body, body, "Waiting to be written.")
			lacks(t, other.body, "your comment", k)
			wants(t, b.get(t, "/posts/"+slug+"?xray=1").body, "1 comment waits to be written, since ")
			elsewhere := w.start(t, patientRedis)
			wants(t, elsewhere.get(t, to).body, body, "your comment")
			b.heal()
			eventually(t, "it is one row", func() bool { return b.rows(t, "key = $1", k) == 1 })
			eventually(t, "it waits no longer", func() bool {
				page := b.get(t, to)
				return strings.Contains(page.body, "your comment") && !strings.Contains(page.body, "Waiting to be written")
			})
			if n := strings.Count(b.get(t, to).body, body); n != 1 {
				t.Errorf("it is shown %d times", n)
			}
			written := b.comment(t, slug, "Ada", body, k)
			written.wantStatus(t, 303)
			b.comment(t, slug, "Ada", "Another text", k).wantStatus(t, 409)
			if n := b.rows(t, "key = $1", k); n != 1 {
				t.Errorf("%d rows, want 1", n)
			}
		})
	}
}

// TestLateComment: a writer who is sent to a server that can't see their comment
// is told that it is kept; nobody else is.
func TestLateComment(t *testing.T) {
	w := newWorld(t)
	elsewhere := w.start(t, patientRedis)
	elsewhere.breakLink("postgres", fault.Refuse) // before there is a comment, or it would write it
	elsewhere.breakLink("redis", fault.Refuse)
	b := w.start(t, patientRedis)
	slug := w.articles[0].Slug
	b.breakLink("postgres", fault.Refuse)
	sent := b.comment(t, slug, "Ada", "Said in the dark", "key-of-a-late-comment")
	sent.wantStatus(t, 303)
	to, kept := sent.header.Get("Location"), "The comment that you have just sent is kept."
	lacks(t, b.get(t, to).body, kept)

	page := elsewhere.get(t, to)
	page.wantStatus(t, 200)
	wants(t, page.body, kept)
	lacks(t, page.body, "Said in the dark")
	lacks(t, elsewhere.get(t, "/posts/"+slug).body, kept)
	elsewhere.heal()
	eventually(t, "the comment is there", func() bool { return strings.Contains(elsewhere.get(t, to).body, "Said in the dark") })
	lacks(t, elsewhere.get(t, to).body, kept)
}

// patientRedis is for a machine that is too busy for an fsync in time.
func patientRedis(s *setup) {
	for _, row := range []*policy.Row{&s.table.OutboxOrder, &s.table.Outbox} {
		row.Deadline, row.AttemptDeadline = 20*row.Deadline, 20*row.AttemptDeadline
	}
}

// TestCommentWithNowhereToGo: nothing is retyped, and it is one row.
func TestCommentWithNowhereToGo(t *testing.T) {
	w := newWorld(t)
	for i, kind := range []fault.Kind{fault.Refuse, fault.Hang, fault.Slow, fault.Reset} {
		t.Run(string(kind), func(t *testing.T) {
			b := w.start(t)
			slug, k := w.articles[0].Slug, fmt.Sprintf("key-of-this-kind-%d", i)
			author, body := "Ada <i>", "Kept & <b>whole</b>"
			b.breakLink("postgres", kind)
			b.breakLink("redis", kind)
			got := b.comment(t, slug, author, body, k)
			got.wantStatus(t, 503)
			got.wantHeaders(t, "Cache-Control", "no-store", "Retry-After", "5")
			wants(t, got.body, "Your comment is not stored yet", "Ada &lt;i&gt;", "Kept &amp; &lt;b&gt;whole&lt;/b&gt;")
			if key(t, got.body) != k {
				t.Error("the key has changed")
			}
			lacks(t, got.body, "refused", "dial", "deadline", "breaker", "SQLSTATE")
			b.heal()
			var sent answer
			eventually(t, "the same form is accepted", func() bool {
				sent = b.comment(t, slug, author, body, k)
				return sent.status == 303
			})
			wants(t, b.get(t, sent.header.Get("Location")).body, "your comment")
			eventually(t, "it is one row", func() bool { return b.rows(t, "key = $1", k) == 1 })
		})
	}
}

// TestForeignPagesCannotPost: no other site acts in a reader's name.
func TestForeignPagesCannotPost(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	for name, headers := range map[string][]string{
		"cross-site":              {"Sec-Fetch-Site", "cross-site"},
		"same site, other origin": {"Sec-Fetch-Site", "same-site", "Origin", "http://127.0.0.1:1"},
		"foreign origin":          {"Origin", "https://evil.example"},
		"other port":              {"Origin", "http://127.0.0.1:1"},
		"no origin to tell":       {"Origin", "null"},
	} {
		t.Run(name, func(t *testing.T) {
			b.comment(t, w.articles[0].Slug, "Eve", "Spam", "0123456789abcdef", headers...).wantStatus(t, 403)
			b.do(t, "POST", "/lab/faults", "link=redis&kind=hang", append(headers, "Content-Type", isForm)...).wantStatus(t, 403)
			b.do(t, "DELETE", "/lab/faults", "", headers...).wantStatus(t, 403)
		})
	}
	if _, on := b.links["redis"].Current(); on || b.rows(t, "true") != 0 {
		t.Error("a foreign page did something")
	}
	b.comment(t, w.articles[0].Slug, "Ada", "Mine", "0123456789abcdef", "Sec-Fetch-Site", "same-origin", "Origin", b.URL).wantStatus(t, 303)
}

// TestNothingInACommentRuns parses the page as a browser does, and looks for
// anything in the comments that could act.
func TestNothingInACommentRuns(t *testing.T) {
	corpus := []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `<a href="javascript:alert(1)">x</a>`,
		`[x](javascript:alert(1))`, `[x](JaVaScRiPt:alert(1))`, "[x](java\nscript:alert(1))", `[x](data:text/html;base64,PHNjcmlwdD4=)`, `![x](javascript:alert(1))`,
		`<iframe src="//evil.example"></iframe>`, `<style>*{display:none}</style>`, `<form action="//evil.example"><input name=x>`, `<base href="//evil.example">`,
		`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `<math><mtext></p><script>alert(1)</script>`, `<!--><img src=x onerror=alert(1)>-->`,
		`<![CDATA[<script>alert(1)</script>]]>`, `<p style="background:url(javascript:alert(1))">x</p>`, `</section></main><script>alert(1)</script>`,
		`<template shadowrootmode=open><script>alert(1)</script></template>`, `<x slot="post">y</x>`, `<b id="post" data-part="post" data-state="fresh">`,
		"`<script>alert(1)</script>`", "```\n<script>alert(1)</script>\n```", `[x](vbscript:x "onclick=alert(1)")`, `<http://x" onclick="alert(1)>`,
	}
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.server.CommentsPerMinute = 1000 })
	slug := w.articles[0].Slug
	var last answer
	for i, x := range corpus {
		author := string([]rune(strings.ReplaceAll(x, "\n", " "))[:min(maxAuthor, len([]rune(x)))])
		last = b.comment(t, slug, author, x, fmt.Sprintf("xss-corpus-%08d", i))
		last.wantStatus(t, 303)
		bad := b.comment(t, slug, x+strings.Repeat("x", 100), x, `"><script>alert(1)</script>`) // the form that comes back
		bad.wantStatus(t, 400)
		harmless(t, bad.body)
	}
	page := b.get(t, last.header.Get("Location"))
	if n := strings.Count(page.body, `id="comment-`); n != len(corpus) {
		t.Errorf("%d comments are shown, want %d", n, len(corpus))
	}
	harmless(t, page.body)
}

var ownScript = regexp.MustCompile(`^/static/(app|lab|lessons|predict)\.[0-9a-f]{12}\.js$`)

func harmless(t *testing.T, page string) {
	t.Helper()
	allowed := []string{"href", "rel", "class", "title", "tabindex"}
	root := must(xhtml.Parse(strings.NewReader(page)))(t)
	for n := range root.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		said := within(n, "class", "said")
		for _, a := range n.Attr {
			value := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			switch {
			case strings.HasPrefix(a.Key, "on"):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case (a.Key == "href" || a.Key == "src" || a.Key == "action") && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:") || strings.HasPrefix(value, "vbscript:")):
				t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
			case said && !slices.Contains(allowed, a.Key):
				t.Errorf("<%s %s=%q> in a comment", n.Data, a.Key, a.Val)
			}
		}
		if n.Data == "script" && (n.FirstChild != nil || !slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == "src" && ownScript.MatchString(a.Val) })) {
			t.Errorf("a foreign script: %v", n.Attr)
		}
		if said && slices.Contains([]string{"img", "iframe", "style", "form", "input", "base", "template", "object", "embed"}, n.Data) {
			t.Errorf("<%s> in a comment", n.Data)
		}
	}
}

// within reports whether a node lies below an element with an attribute.
func within(n *xhtml.Node, name, value string) bool {
	for p := range n.Ancestors() {
		if hasAttr(p, name, value) {
			return true
		}
	}
	return false
}

func hasAttr(n *xhtml.Node, name, value string) bool {
	return slices.ContainsFunc(n.Attr, func(a xhtml.Attribute) bool { return a.Key == name && a.Val == value })
}
