package browser

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// attacks set window.__xss or open a dialog where they get through.
var attacks = []string{
	`<script>window.__xss = 1</script>`,
	`"><script>window.__xss = 1</script>`,
	`</textarea></title><script>alert(1)</script>`,
	`<img src=x onerror="window.__xss = 1">`,
	`<svg/onload=window.__xss=1>`,
	`<svg><animate onbegin=alert(1) attributeName=x dur=1s>`,
	`<details open ontoggle=window.__xss=1>`,
	`<iframe srcdoc="<script>parent.__xss = 1</script>"></iframe>`,
	`<a href="javascript:window.__xss=1">link</a>`,
	`[link](javascript:window.__xss=1)`,
	"[link](java\tscript:window.__xss=1)",
	`[link](&#106;avascript:window.__xss=1)`,
	`[link](data:text/html,<script>parent.__xss=1</script>)`,
	`![image](x" onerror="window.__xss=1)`,
	`[link](http://example.org/"onmouseover="window.__xss=1)`,
	"<javascript:window.__xss=1>",
	"```html\" onfocus=\"window.__xss=1\" autofocus=\"\n<script>window.__xss=1</script>\n```",
	`<template shadowrootmode="open"><script>window.__xss=1</script></template>`,
	`<form action="/lab/faults" method="post"><button>press</button></form>`,
	`<style>@import "javascript:window.__xss=1"</style>`,
	`<math><mtext><table><mglyph><style><!--</style><img src=x onerror=window.__xss=1>`,
	`{{.}}<scr<script>ipt>window.__xss = 1</script>`,
}

// planted is what an attack leaves in a page, whether or not it runs. A lesson's own scripts stand in main, each once,
// with its hash in its name and without a text.
const planted = `[...document.querySelectorAll("main *")].filter((e) => !(e.tagName === "SCRIPT" && !e.textContent &&
		/^\/static\/(lessons|predict)\.[0-9a-f]{12}\.js$/.test(e.getAttribute("src")) &&
		[...document.scripts].filter((s) => s.src === e.src).length === 1)).filter((e) =>
	["SCRIPT", "STYLE", "IFRAME", "OBJECT", "IMG", "MATH"].includes(e.tagName) || e.closest(".thread form, .results form") ||
	[...e.attributes].some((a) => a.name.startsWith("on") || /^\s*(javascript|data|vbscript):/i.test(a.value))).map((e) => e.outerHTML.slice(0, 200))`

func TestAttacksShowAsText(t *testing.T) {
	b := startBlog(t)
	tab, check := attacked(b)

	b.post(first+"/comments", url.Values{"author": {`"><img src=x onerror=__xss=1>`}, "body": {strings.Join(attacks, "\n\n")}, "key": {"attack-all-at-once"}}, http.StatusSeeOther)
	b.post(first+"/comments", url.Values{"author": {`<script>__xss=1</script>`}, "body": {strings.Join(attacks[:8], "")}, "key": {"attack-in-one-line"}}, http.StatusSeeOther)
	until(t, "both comments are shown", func() bool {
		tab.visit(first)
		return tab.count(".thread > li") == 2
	})
	check("comments")
	for _, said := range []string{"<script>window.__xss = 1</script>", "<svg/onload=window.__xss=1>"} {
		if !strings.Contains(tab.text(".thread"), said) {
			t.Errorf("%q does not show as text", said)
		}
	}
	if n := eval[int](tab, "[...document.querySelectorAll('.said a')].map((a) => a.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))).length"); n == 0 {
		t.Error("not one attack became a link: the corpus tests less than it says")
	}
	check("links with the mouse over them")

	for _, attack := range attacks {
		tab.visit("/search?q=" + url.QueryEscape(attack))
		check("search for " + attack)
	}
	b.fault("postgres", "refuse")
	for _, path := range []string{
		"/search?q=" + url.QueryEscape(attacks[1]), "/tags/" + url.PathEscape(attacks[1]), "/posts/" + url.PathEscape(attacks[3]), "/source/" + url.PathEscape(attacks[3]),
		"/lab/bar?back=" + url.QueryEscape("javascript:window.__xss=1"), "/lab/bar?back=" + url.QueryEscape(`/"><script>window.__xss=1</script>`),
		first + "?xray=1&" + url.QueryEscape(attacks[1]) + "=" + url.QueryEscape(attacks[1]),
	} {
		tab.visit(path)
		check(path)
	}
}

// attacked opens a tab, and returns a check that no attack has got through in it.
func attacked(b *blog) (*tab, func(where string)) {
	b.t.Helper()
	tab := b.open()
	tab.refusals = true
	// Nothing may get as far as the policy that would stop it.
	command(tab, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	return tab, func(where string) {
		b.t.Helper()
		if eval[bool](tab, "'__xss' in window") {
			b.t.Errorf("%s: the attack ran", where)
		}
		for _, html := range eval[[]string](tab, planted) {
			b.t.Errorf("%s: the page holds %s", where, html)
		}
	}
}

// TestHostileArticlesShowAsText: whoever may publish may not run scripts either.
// Raw HTML in a body is refused before this; titles, summaries and code are text.
func TestHostileArticlesShowAsText(t *testing.T) {
	b := startBlog(t)
	dir := t.TempDir()
	for i, attack := range attacks {
		field := strings.Join(strings.Fields(attack), " ") // front matter is lines
		article := fmt.Sprintf("---\ntitle: %q\nsummary: %q\ntags: [attack]\npublished: 2026-01-02\nslug: attack-%d\n---\n\n## Quoted\n\n~~~~\n%s\n~~~~\n", field, field, i, attack)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.md", i)), []byte(article), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	publish := exec.Command(binary, "publish", dir)
	publish.Env = []string{"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + b.database}
	if out, err := publish.CombinedOutput(); err != nil {
		t.Fatalf("blog publish: %v\n%s", err, out)
	}
	tab, check := attacked(b)
	paths := []string{"/", "/archive", "/tags/attack", "/search?q=xss"}
	for i := range attacks {
		paths = append(paths, fmt.Sprintf("/posts/attack-%d", i), fmt.Sprintf("/posts/attack-%d/comment", i))
	}
	until(t, "the articles are there", func() bool {
		status, _ := b.get(b.url + "/posts/attack-0")
		return status == http.StatusOK
	})
	for _, path := range paths {
		tab.visit(path)
		check(path)
	}
	tab.visit("/posts/attack-0")
	if got := tab.text("h1"); got != attacks[0] {
		t.Errorf("the title reads %q", got)
	}
}
