package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const (
	toggle    = "button.tab[aria-controls=fault-panel]"
	whatIsOn  = "document.querySelector('[data-weather]').innerText"
	confirmed = "document.querySelector('#fault-postgres-state .verdict[data-verdict=confirmed]')"
	nothingOn = "document.querySelector('[data-waterline]').dataset.flooded === '0' && !document.querySelector('[data-weather]').innerText"
)

func TestBreakAndHeal(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(first)
	tab.wait("the page is calm", nothingOn)
	tab.click(toggle)
	tab.wait("the choices came", "document.querySelector('#fault-postgres-hang')")
	tab.click("label:has(#fault-postgres-hang)")
	tab.leads("reload at once", chromedp.Reload()) // an impatient reader's choice counts, too
	tab.wait("the waterline shows the fault", whatIsOn+".includes('Postgres hangs')")
	tab.wait("a probe confirms it", confirmed)
	if saw := tab.text("#fault-postgres-state"); !strings.Contains(saw, "no answer") || !strings.Contains(saw, "left") {
		t.Errorf("the bar says %q: want what the probe saw, and the time left", saw)
	}
	if got := tab.text(toggle); !strings.HasPrefix(got, "1 fault on") {
		t.Errorf("the tab says %q", got)
	}

	tab.reloadUntil(map[string]string{"post": "stale fallback", "comments": "stale"})
	if got := tab.text("[data-weather]"); !strings.Contains(got, "Postgres hangs") {
		t.Errorf("after reloading, the waterline says %q", got)
	}
	for _, part := range []string{"post", "comments"} {
		if note := tab.text("." + part + " .note"); !strings.Contains(note, tab.states()[part]) || !strings.Contains(note, "old") {
			t.Errorf("%s says %q: want its state and age", part, note)
		}
	}
	if n := len(tab.text(".prose")); n < 2000 {
		t.Errorf("the article has %d characters left", n)
	}
	if states := tab.states(); states["popular"] != "fresh" && states["popular"] != "cached" {
		t.Errorf("what is popular comes from Redis, and is %s", states["popular"])
	}

	tab.wait("the bar is open still", "document.querySelector('#fault-mend')?.checkVisibility()")
	tab.click("#fault-mend")
	tab.wait("the page is calm", nothingOn)
	tab.wait("a probe confirms it", confirmed+" && document.querySelector('#fault-postgres-healthy').checked")
	tab.reloadUntil(map[string]string{"post": "fresh cached", "comments": "fresh cached"})
	tab.wait("no note is left", "!document.querySelector('.part .note')")
}

func TestFaultBarByKeyboard(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/about")
	tab.wait("the bar is there", "document.querySelector('"+toggle+"')")
	tab.tabTo(toggle)
	tab.press(kb.Enter)
	tab.wait("the choices came", "document.querySelector('#fault-postgres-healthy')?.checkVisibility()")
	tab.tabTo("#fault-postgres-healthy")
	tab.press(kb.ArrowDown + kb.ArrowDown)
	tab.wait("the arrows passed over refuse, and chose hang", whatIsOn+".includes('Postgres hangs')")
	tab.wait("the focus has stayed", "document.activeElement?.id === 'fault-postgres-hang'")
	if outline := eval[string](tab, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
		t.Error("the focus can't be seen")
	}
	tab.tabTo("#fault-mend")
	tab.press(kb.Enter)
	tab.wait("the page is calm", nothingOn)
	tab.press(kb.Escape)
	tab.wait("the bar is closed, and the focus is on its tab", "document.activeElement?.matches('"+toggle+"') && document.querySelector('#fault-panel').hidden")

	tab.press(kb.Enter)
	tab.tabTo("#fault-postgres-healthy")
	tab.press(kb.ArrowDown)
	tab.leads("reload at once", chromedp.Reload()) // before the choice has stood long enough to be sent
	tab.wait("the choice counts", whatIsOn+".includes('Postgres refuses connections')")
}

// tabTo presses Tab until an element has the focus.
func (tab *tab) tabTo(selector string) {
	tab.t.Helper()
	for range 100 {
		tab.press(kb.Tab)
		if eval[bool](tab, "Boolean(document.activeElement?.matches('"+selector+"'))") {
			return
		}
	}
	tab.t.Fatalf("Tab never reaches %s", selector)
}

func TestXRay(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(second)
	if n := tab.count(".xray"); n != 0 {
		t.Fatalf("%d captions while the X-ray is off", n)
	}
	tab.leads("press x", chromedp.KeyEvent("x"))
	if here := tab.location(); here != b.url+second+"?xray=1" {
		t.Fatalf("x leads to %s", here)
	}
	if parts, captions := tab.count("[data-part]"), tab.count("[data-part] > .xray"); parts != 4 || captions != parts {
		t.Errorf("%d parts have %d captions, want 4 each", parts, captions)
	}
	for _, part := range []string{"post", "comments", "recommendations", "popular"} {
		caption := tab.text("[data-part=" + part + "] > .xray summary")
		if !strings.HasPrefix(caption, part+" · "+tab.states()[part]) || !strings.Contains(caption, ".go:") {
			t.Errorf("the caption of %s is %q", part, caption)
		}
	}

	links := eval[[]string](tab, "[...document.querySelectorAll('.xray a')].map(a => a.getAttribute('href'))")
	if len(links) != 8 {
		t.Errorf("%d links, want one to the code and one to the policy of each part", len(links))
	}
	for _, link := range links {
		file, line, _ := strings.Cut(link, "#")
		status, body := b.get(b.url + file)
		if !strings.HasPrefix(link, "/source/") || status != http.StatusOK || !strings.Contains(body, `id="`+line+`"`) {
			t.Errorf("%s: %d, or there is no such line", link, status)
		}
	}
	tab.follow("[data-part=comments] .xray dd a")
	tab.wait("the line is in view", "document.querySelector(':target')?.getBoundingClientRect().bottom < innerHeight")
	if line := eval[string](tab, "document.querySelector(':target').closest('.line').innerText"); !strings.Contains(line, "NewComments") {
		t.Errorf("the caption of comments leads to the line %q", line)
	}

	tab.visit(second + "?xray=1")
	tab.leads("press x", chromedp.KeyEvent("x"))
	if tab.location() != b.url+second || tab.count(".xray") != 0 {
		t.Errorf("x once more leads to %s", tab.location())
	}
	tab.follow(".foot a[href*=xray]")
	if tab.count(".xray") == 0 {
		t.Error("the link at the foot switches nothing on")
	}
	tab.follow(".tabs a[href='" + second + "']")
	if tab.count(".xray") != 0 {
		t.Error("the tab switches nothing off")
	}
}

func TestNaiveTwin(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	tab.visit(second)
	tab.follow(".tabs a[href^='" + b.twin + "']")
	if here := tab.location(); here != b.twin+second {
		t.Fatalf("the twin's link leads to %s", here)
	}
	if got := tab.text(".twin"); !strings.Contains(got, "naive twin") {
		t.Errorf("the twin says %q of itself", got)
	}
	tab.click(toggle)
	tab.wait("the bar came", "document.querySelector('[data-faultbar] .readout')?.checkVisibility()")
	// The article's own predictions are choices too, and set nothing.
	const ways = "form[action^='/lab'], [data-fault-form], input[type=radio]:not([data-predict] *)"
	if n := tab.count(ways); n != 0 {
		t.Errorf("the twin offers %d ways to set faults", n)
	}
	tab.visit(b.twin + "/lab/bar?back=/about")
	if n := tab.count(ways); n != 0 {
		t.Errorf("the twin's page offers %d ways to set faults", n)
	}

	b.fault("postgres", "refuse")
	tab.visit(b.twin + "/about")
	tab.wait("the twin follows the blog's faults", whatIsOn+".includes('Postgres refuses connections')")
	if status := tab.visit(b.twin + second); status != http.StatusServiceUnavailable {
		t.Errorf("without Postgres the twin answers %d, want 503", status)
	}
	tab.visit(b.twin + "/about")
	if status := tab.follow(".twin a"); status != http.StatusOK || tab.location() != b.url+"/about" {
		t.Errorf("the way back leads to %s: %d", tab.location(), status)
	}
	if status := tab.visit(second); status != http.StatusOK {
		t.Errorf("without Postgres the blog answers %d", status)
	}
}
