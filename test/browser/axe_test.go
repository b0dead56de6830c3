package browser

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe-core 4.10.3, https://github.com/dequelabs/axe-core, under the MPL 2.0
// (testdata/axe.LICENSE, and its parts under those in axe.LICENSE-3RD-PARTY.txt): the rules of WCAG that a machine can check.
//
//go:embed testdata/axe.min.js
var axe string

type violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// Rules of WCAG 2.2 A and AA, contrast as AAA has it, and axe's best practices:
// landmarks, heading order, one main, a skip link. What a page frames is a page
// that is looked at by itself.
const audit = `axe.run(document, { iframes: false, resultTypes: ["violations"], rules: { "target-size": { enabled: true }, "color-contrast-enhanced": { enabled: true } } }).then((r) => r.violations.map((v) => ({
	id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.map((n) => n.target.flat().join(" ") + ": " + n.failureSummary) })))`

// accessible runs axe on the page that is open.
func (tab *tab) accessible(what string) {
	tab.t.Helper()
	if !eval[bool](tab, "Boolean(window.axe)") {
		eval[bool](tab, axe+"; true")
	}
	for _, v := range tab.violations() {
		tab.t.Errorf("%s: %s, %s (%s)\n\t%s", what, v.ID, v.Help, v.Impact, strings.Join(v.Nodes, "\n\t"))
	}
}

func (tab *tab) violations() []violation {
	tab.t.Helper()
	found, err := chromedp.Run(tab.ctx, chromedp.Evaluate[[]violation](audit, chromedp.EvalAwaitPromise))
	if err != nil {
		tab.t.Fatalf("axe on %s: %v", tab.location(), err)
	}
	return found
}

// looks calls use in light and dark, on a phone and on a wide screen.
func (tab *tab) looks(use func(look string)) {
	tab.t.Helper()
	for _, width := range []int64{390, 1280} {
		tab.size(width, 900)
		for _, scheme := range []string{"light", "dark"} {
			tab.prefers("prefers-color-scheme", scheme)
			use(fmt.Sprintf("%s, %d pixels wide", scheme, width))
		}
	}
}

func TestAccessible(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	for _, path := range append(slices.Collect(maps.Keys(pages())), "/archive/2026", "/search?q=%20", "/search?q=retry&page=9") {
		tab.visit(path)
		tab.looks(func(look string) { tab.accessible(path + ", " + look) })
	}
	for _, path := range []string{"/", first, "/lab/bar?back=/"} {
		tab.visit(b.twin + path)
		tab.looks(func(look string) { tab.accessible("the twin's " + path + ", " + look) })
	}
}

// TestAccessibleInAnOutage: every part in trouble, the fault bar open, the
// comment form in the page, and what the form says when it can't be sent.
func TestAccessibleInAnOutage(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	for _, link := range []string{"postgres", "redis", "recommendations"} {
		b.fault(link, "refuse")
	}
	for _, path := range []string{"/", fourth, fourth + "?xray=1", "/archive", "/lessons", "/search?q=retry", "/search?q=unfindable", "/lab/bar?back=/", "/about"} {
		tab.visit(path)
		tab.looks(func(look string) { tab.accessible("in an outage, " + path + ", " + look) })
	}
	tab.visit(second)
	tab.click(toggle)
	tab.wait("the choices came", "document.querySelector('#fault-mend')?.checkVisibility()")
	tab.click("a[data-comment-form]")
	tab.wait("the form came", "document.activeElement?.id === 'author'")
	tab.looks(func(look string) { tab.accessible("bar and form, " + look) })
	tab.fill("#author", "Ada")
	tab.fill("#body", "It floats.")
	tab.click(".comment-form button")
	tab.wait("the form is back", "document.querySelector('[role=alert]')")
	tab.looks(func(look string) { tab.accessible("a comment not stored, " + look) })
}

// TestAxeFindsFlaws: the rules do run, contrast among them.
func TestAxeFindsFlaws(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/about")
	tab.accessible("before")
	eval[bool](tab, `(() => {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(".lede { color: #ddd !important; background: #fff } ");
		document.adoptedStyleSheets.push(sheet);
		document.querySelector("main").insertAdjacentHTML("beforeend", "<h4>Deep</h4><img src=/static/mark.svg>");
		return true;
	})()`)
	found := map[string]bool{}
	for _, v := range tab.violations() {
		found[v.ID] = true
	}
	for _, rule := range []string{"color-contrast", "image-alt", "heading-order"} {
		if !found[rule] {
			t.Errorf("%s was not found among %v", rule, found)
		}
	}
}
