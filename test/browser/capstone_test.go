package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestCapstone goes through a case by keyboard: opened, looked at, answered, closed; each of its pages for axe, too.
func TestCapstone(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true // the patient's page may be an error
	tab.visit("/lab/capstone?seed=3")
	tab.tabTo("main form button")
	tab.leads("open the case", chromedp.KeyEvent(kb.Enter))
	tab.wait("the patient is there", "document.querySelector('.run a[href*=\"xray=1\"]')")
	tab.wait("both were looked at", "document.querySelector('.run table')")
	// The page was opened while all was well, and a calm waterline asks only every five seconds.
	tab.wait("the waterline says so", whatIsOn+".includes('A hidden fault of the capstone is on')")
	tab.tabTo("input[name=fault]")
	tab.press(kb.ArrowDown)
	chosen := eval[string](tab, "document.querySelector('input[name=fault]:checked').value")
	tab.looks(func(look string) { tab.accessible("an open case, " + look) })
	tab.size(320, 640)
	if width := eval[int](tab, "document.scrollingElement.scrollWidth"); width > 320 {
		t.Errorf("an open case is %d pixels wide on a phone of 320: %v", width, eval[[]string](tab, widest))
	}
	tab.wait("it was looked at again", "document.querySelector('.run caption').innerText.match(/: [3-9]/)")
	if got := eval[string](tab, "document.querySelector('input[name=fault]:checked')?.value ?? ''"); got != chosen {
		t.Errorf("%q was chosen, and after the table was renewed it is %q", chosen, got)
	}
	for _, name := range []string{"part", "protection"} {
		tab.tabTo("input[name=" + name + "]")
		tab.press(" ")
	}
	tab.tabTo(".diagnosis button")
	tab.leads("answer", chromedp.KeyEvent(kb.Enter))
	if got := tab.text("#verdict-h"); !strings.HasSuffix(strings.ToLower(got), "of 3 right") {
		t.Errorf("the answer is judged %q", got)
	}
	tab.looks(func(look string) { tab.accessible("an answer, " + look) })
	tab.size(320, 640)
	if width := eval[int](tab, "document.scrollingElement.scrollWidth"); width > 320 {
		t.Errorf("an answer is %d pixels wide on a phone of 320: %v", width, eval[[]string](tab, widest))
	}
	tab.size(1280, 900)
	tab.tabTo("form[action=\\'/lab/cancel\\'] button")
	tab.leads("close it", chromedp.KeyEvent(kb.Enter))
	if got := tab.text("#open-h"); got != "This case is closed" {
		t.Errorf("closed, it says %q", got)
	}
	tab.wait("the page is calm", nothingOn)
}

// TestCapstoneWithoutJavaScript: every step is a form or a link.
func TestCapstoneWithoutJavaScript(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.visit("/lab/capstone")
	if status := tab.follow("main form button"); status != http.StatusOK {
		t.Fatalf("opening a case leads to %d", status)
	}
	until(t, "the patient is there", func() bool {
		if tab.count(".run a[href*='xray=1']") > 0 {
			return true
		}
		tab.leads("reload", chromedp.Reload())
		return false
	})
	for _, name := range []string{"fault", "part", "protection"} {
		tab.click("input[name=" + name + "]")
	}
	tab.follow(".diagnosis button")
	if tab.count(".evidence li") < 3 {
		t.Errorf("%s tells too little", tab.location())
	}
	tab.follow("form[action='/lab/cancel'] button")
	if got := tab.text("#open-h"); got != "This case is closed" {
		t.Errorf("closed, it says %q", got)
	}
}
