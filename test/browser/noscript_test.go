package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
)

func TestWithoutJavaScript(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})

	tab.visit("/")
	tab.follow(".pager a.older")
	tab.follow(".entry h2 a[href='" + third + "']") // not read before, so it is streamed
	if tab.count("html.js") != 0 {
		t.Fatal("the script ran")
	}
	if n := len(tab.text(".prose")); n < 2000 {
		t.Errorf("the article has %d characters", n)
	}
	for _, part := range []string{"post", "comments", "recommendations", "popular"} {
		if !eval[bool](tab, "document.querySelector('[data-part="+part+"]')?.checkVisibility() ?? false") {
			t.Errorf("%s can't be seen", part)
		}
	}

	tab.follow("a[data-bar-toggle]")
	tab.click("label:has(#fault-postgres-hang)")
	if status := tab.follow("form:has(#fault-postgres-hang) button.apply"); status != http.StatusOK || tab.location() != b.url+third {
		t.Fatalf("breaking leads to %s: %d", tab.location(), status)
	}
	if got := tab.text("[data-weather]"); !strings.Contains(got, "Postgres hangs") {
		t.Errorf("the waterline says %q", got)
	}
	tab.reloadUntil(map[string]string{"post": "stale fallback", "comments": "stale"})
	tab.follow("a[data-bar-toggle]")
	if got := tab.text("#fault-now"); !strings.Contains(got, "Postgres hangs") {
		t.Errorf("the bar's page says %q", got)
	}
	tab.follow("#fault-mend")
	if tab.location() != b.url+third || tab.text("[data-weather]") != "" {
		t.Errorf("healing leads to %s, and %q is on", tab.location(), tab.text("[data-weather]"))
	}
	tab.reloadUntil(map[string]string{"post": "fresh cached", "comments": "fresh cached"})

	tab.follow("a[data-comment-form]")
	tab.fill("#author", "Noscript")
	tab.fill("#body", "Written without a script.")
	tab.follow(".comment-form button")
	tab.expectMine("Noscript", "Written without a script.")

	tab.visit(third)
	tab.follow(".tabs a[href*=xray]")
	if tab.count("[data-part] > .xray") != 4 || tab.text(".xray dl a") == "" {
		t.Error("the X-ray shows no captions, or they are shut")
	}
	tab.follow(".xray dl a")
	if n := tab.count(":target"); n != 1 {
		t.Errorf("its link leads to %s", tab.location())
	}
}
