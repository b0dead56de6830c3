package browser

import (
	"net/http"
	"net/url"
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

// planted is what an attack leaves in a page, whether or not it runs.
const planted = `[...document.querySelectorAll("main *")].filter((e) =>
	["SCRIPT", "STYLE", "IFRAME", "OBJECT", "IMG", "MATH"].includes(e.tagName) || e.closest(".thread form, .results form") ||
	[...e.attributes].some((a) => a.name.startsWith("on") || /^\s*(javascript|data|vbscript):/i.test(a.value))).map((e) => e.outerHTML.slice(0, 200))`

func TestAttacksShowAsText(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	// Nothing may get as far as the policy that would stop it.
	command(tab, page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true})
	check := func(where string) {
		t.Helper()
		if eval[bool](tab, "'__xss' in window") {
			t.Errorf("%s: the attack ran", where)
		}
		for _, html := range eval[[]string](tab, planted) {
			t.Errorf("%s: the page holds %s", where, html)
		}
	}

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
