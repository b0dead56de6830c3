package web

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	xhtml "golang.org/x/net/html"

	"afloat/internal/content"
)

// attackTexts get through where a place forgets to escape, or escapes for another place.
var attackTexts = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`' onmouseover='alert(1)`,
	`</title></textarea></script><svg/onload=alert(1)>`,
	`javascript:alert(1)`,
	`[a](javascript:alert(1))`,
	`<template shadowrootmode="open"><script>alert(1)</script></template>`,
	`]]><script>alert(1)</script>`,
	`{{.}}${alert(1)}<!--`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
}

// active lists what an attack may have become in a page: elements and
// attributes that do something, but for the page's own.
func active(t *testing.T, page string) []string {
	t.Helper()
	root, err := xhtml.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range root.Descendants() {
		if n.Type != xhtml.ElementNode {
			continue
		}
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" {
				found = append(found, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
			}
			if u, err := url.Parse(strings.TrimSpace(a.Val)); slices.Contains([]string{"href", "src", "action", "formaction"}, a.Key) && (err != nil || !slices.Contains([]string{"", "http", "https"}, u.Scheme)) {
				found = append(found, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
			}
		}
		switch n.Data {
		case "script":
			if !strings.HasPrefix(attr["src"], "/static/app.") || n.FirstChild != nil {
				found = append(found, "a script")
			}
		case "img", "iframe", "object", "embed", "style", "math", "base":
			found = append(found, "<"+n.Data+">")
		}
	}
	return found
}

// TestAttacksStayText: in an article's front matter and code, in comments, in
// searches and in addresses, on every page and in every feed.
func TestAttacksStayText(t *testing.T) {
	files := fstest.MapFS{}
	for i, attack := range attackTexts {
		files[fmt.Sprintf("%d-x.md", i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"---\ntitle: %q\nsummary: %q\ntags: [attack]\npublished: 2026-01-02\nslug: x-%d\n---\n\nA word. `` %s ``\n", attack, attack, i, attack)}
	}
	w := newWorld(t, must(content.Load(files, nil))(t)...)
	b := w.start(t)
	for i, attack := range attackTexts {
		form := url.Values{"author": {attack}, "body": {attack + "\n\n" + attack}, "key": {fmt.Sprintf("aaaaaaaaaaaaaaaaaaaa%d", i)}}
		b.do(t, "POST", "/posts/x-0/comments", form.Encode(), "Content-Type", isForm, "X-Forwarded-For", "192.0.2.1").wantStatus(t, 303)
	}
	paths := []string{"/", "/archive", "/archive/2026", "/tags/attack", "/search?q=word", "/about", "/lab/bar"}
	for i, attack := range attackTexts {
		q := url.QueryEscape(attack)
		paths = append(paths, fmt.Sprintf("/posts/x-%d", i), fmt.Sprintf("/posts/x-%d?xray=1", i), fmt.Sprintf("/posts/x-%d/comment", i),
			"/search?q="+q, "/tags/"+url.PathEscape(attack), "/posts/"+url.PathEscape(attack), "/lab/bar?back="+q, "/posts/x-0?"+q+"="+q, "/source/"+url.PathEscape(attack))
	}
	eventually(t, "the comments are shown", func() bool {
		return strings.Count(b.get(t, "/posts/x-0").body, `id="comment-`) == len(attackTexts)
	})
	for _, path := range paths {
		got := b.get(t, path)
		if !strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s is %s", path, got.header.Get("Content-Type"))
		}
		for _, found := range active(t, got.body) {
			t.Errorf("%s holds %s", path, found)
		}
	}
	refused := url.Values{"author": {""}, "body": {attackTexts[3]}, "key": {attackTexts[1]}, "back": {attackTexts[4]}}.Encode()
	for _, path := range []string{"/posts/x-0/comments", "/lab/faults"} {
		got := b.do(t, "POST", path, refused, "Content-Type", isForm, "Accept", browser)
		got.wantStatus(t, 400)
		if found := active(t, got.body); found != nil {
			t.Errorf("a form that is shown again, %s, holds %s", path, found)
		}
	}

	feed := xml.NewDecoder(strings.NewReader(b.get(t, "/feed.xml").body))
	var titles []string
	for inTitle := false; ; {
		token, err := feed.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("/feed.xml: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			inTitle = token.Name.Local == "title"
			if token.Name.Space != "http://www.w3.org/2005/Atom" {
				t.Errorf("/feed.xml holds <%s>", token.Name.Local)
			}
		case xml.CharData:
			if inTitle {
				titles = append(titles, string(token))
			}
		case xml.EndElement:
			inTitle = false
		}
	}
	var list struct{ Items []struct{ Title string } }
	if err := json.Unmarshal([]byte(b.get(t, "/feed.json").body), &list); err != nil {
		t.Fatalf("/feed.json: %v", err)
	}
	for i, attack := range attackTexts {
		if !slices.Contains(titles, attack) || !slices.ContainsFunc(list.Items, func(item struct{ Title string }) bool { return item.Title == attack }) {
			t.Errorf("the feeds don't say of article %d what it says of itself: %q", i, attack)
		}
	}
}
