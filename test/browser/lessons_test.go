package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const markOf = `document.querySelector("main [data-progress='try-try-again']")?.dataset.state`

// TestProgressIsKeptInTheBrowser: a lesson is begun when it is opened, done
// when its reader says so, and forgotten on demand.
func TestProgressIsKeptInTheBrowser(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/lessons")
	if got := tab.text("[data-progress-sum]"); !strings.HasPrefix(got, "0 of 15 done, 0 begun") {
		t.Errorf("a new reader is told %q", got)
	}
	tab.visit(third)
	tab.wait("the button is there", "document.querySelector('[data-done] button')?.checkVisibility()")
	tab.visit("/lessons")
	tab.wait("it is begun", markOf+" === 'begun'")
	tab.visit(third)
	tab.click("[data-done] button")
	tab.wait("it is done", "document.querySelector('[data-done] button').ariaPressed === 'true' && "+markOf+" === 'done'")
	tab.visit("/lessons")
	if got := tab.text("[data-progress-sum]"); got != "1 of 15 done, 0 begun." {
		t.Errorf("the reader is told %q", got)
	}
	if got := tab.text("main [data-progress='try-try-again']"); got != "done" {
		t.Errorf("the lesson's mark says %q", got)
	}
	tab.visit(third)
	tab.click("[data-done] button") // not yet, after all
	tab.wait("it is begun again", markOf+" === 'begun'")
	tab.visit("/lessons")
	tab.click("[data-progress-forget]")
	tab.wait("it is forgotten", "!"+markOf+" && localStorage.length === 0")
}

// TestProgressNeedsNothing: without a script, and without a storage, nothing is
// shown of it and nothing breaks; what is stored may be anything.
func TestProgressNeedsNothing(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	shown := "[...document.querySelectorAll('[data-done], [data-progress-panel]')].some((e) => e.checkVisibility())"

	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, path := range []string{third, "/lessons"} {
		tab.visit(path)
		if eval[bool](tab, shown) {
			t.Errorf("%s shows progress that can't be kept", path)
		}
	}
	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: false})

	tab.visit("/lessons")
	for _, kept := range []string{"null", "[1]", `"x"`, "{", `{"try-try-again":"<b>","x":1}`} {
		eval[bool](tab, "localStorage.setItem('afloat-lessons', `"+kept+"`) ?? true")
		tab.leads("reload", chromedp.Reload())
		tab.wait("the script ran", shown)
		if got := tab.text("[data-progress-sum]"); got != "0 of 15 done, 0 begun." {
			t.Errorf("with %s in the storage the reader is told %q", kept, got)
		}
	}

	const full = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"
	command(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: full})
	for _, path := range []string{third, "/lessons"} {
		tab.visit(path)
		tab.wait("the page's other script ran", "document.documentElement.classList.contains('js')")
		if eval[bool](tab, shown) {
			t.Errorf("%s shows progress that can't be kept", path)
		}
	}
}
