package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp/kb"

	"afloat/internal/lessons"
)

// numbered keeps in window.stops whatever can be clicked, of each group of radio buttons one, and tells how many that are.
const numbered = `(() => {
	const groups = new Set();
	window.stops = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]')].filter((e) => {
		if (e.disabled || e.tabIndex < 0 || !e.checkVisibility({ visibilityProperty: true })) return false;
		if (e.type !== 'radio') return true;
		const group = e.name + ' ' + (e.form?.id ?? '');
		return !groups.has(group) && groups.add(group);
	});
	return window.stops.length;
})()`

// stop is where Tab has come to.
type stop struct {
	At     int    `json:"at"`     // in window.stops; -1: somewhere else
	What   string `json:"what"`   // for a complaint
	Marked bool   `json:"marked"` // that it has the focus can be seen
	Hidden bool   `json:"hidden"` // behind the bar at the window's foot
}

// noting has the page keep in window.walked where the focus goes.
const noting = `(() => {
	window.walked = [];
	const outlined = (x) => x && getComputedStyle(x).outlineStyle !== 'none' && parseFloat(getComputedStyle(x).outlineWidth) > 0;
	document.addEventListener('focusin', ({ target: e }) => {
		const same = (s) => s === e || e.type === 'radio' && s.type === 'radio' && s.name === e.name && s.form === e.form;
		const box = e.getBoundingClientRect();
		const bar = document.querySelector('[data-lab-bar]')?.getBoundingClientRect();
		window.walked.push({
			at: window.stops.findIndex(same), what: e.outerHTML.slice(0, 120),
			marked: outlined(e) || outlined(e.closest('label')),
			hidden: Boolean(bar && !e.closest('[data-lab-bar]') && box.height < bar.top && box.bottom > bar.top + 1 && box.right > bar.left),
		});
	});
	return true;
})()`

// TestEveryLessonByKeyboard: Tab comes to whatever can be clicked, shows where it is, is never behind the bar, and
// leaves the page again.
func TestEveryLessonByKeyboard(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.size(390, 800) // where the bar takes the most of the window
	for _, l := range lessons.All() {
		tab.visit("/posts/" + l.Slug)
		tab.wait("the script ran", "document.documentElement.classList.contains('js')")
		n := eval[int](tab, numbered)
		if n < 30 {
			t.Fatalf("lesson %d has %d things to click", l.Number, n)
		}
		eval[bool](tab, noting)
		tab.press(strings.Repeat(kb.Tab, n+20))
		seen := map[int]bool{}
		for _, s := range eval[[]stop](tab, "window.walked") {
			if !s.Marked || s.Hidden {
				t.Errorf("lesson %d: the focus can't be seen (marked: %v, behind the bar: %v) on %s", l.Number, s.Marked, s.Hidden, s.What)
			}
			seen[s.At] = true
		}
		for i := range n {
			if !seen[i] {
				t.Errorf("lesson %d: Tab never comes to %s", l.Number, eval[string](tab, fmt.Sprintf("window.stops[%d].outerHTML.slice(0, 120)", i)))
			}
		}
	}
}

// TestEveryLessonWithoutAScript: its answers open, its figures have tables, and its experiments have forms. Of some, one
// is run on a page of its own, stopped there, and leads back.
func TestEveryLessonWithoutAScript(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	for _, l := range lessons.All() {
		path := "/posts/" + l.Slug
		tab.visit(path)
		if n := len(tab.text(".prose")); n < 4000 && !l.Capstone() {
			t.Errorf("lesson %d has %d characters", l.Number, n)
		}
		if drawn, tables := tab.count(".drawn"), tab.count(".drawn table"); drawn != tables {
			t.Errorf("lesson %d: %d figures have %d tables", l.Number, drawn, tables)
		}
		if l.Capstone() {
			continue // TestCapstoneWithoutJavaScript
		}
		tab.click("[data-predict] summary")
		if !eval[bool](tab, "document.querySelector('[data-predict] details').open") || len(tab.text("[data-predict] details p")) < 10 {
			t.Errorf("lesson %d: the answer does not open", l.Number)
		}
		if forms, buttons := tab.count(".try"), tab.count(".try form.params[action^='/lab/experiments/'] button"); forms == 0 || forms != buttons {
			t.Errorf("lesson %d: %d experiments have %d forms", l.Number, forms, buttons)
		}
		if l.Number%6 != 1 {
			continue
		}
		if status := tab.follow(".try form.params button"); status != http.StatusOK || tab.count("section.run") != 1 {
			t.Fatalf("lesson %d: running the experiment leads to %s: %d", l.Number, tab.location(), status)
		}
		if tab.count("form[action='/lab/cancel']") > 0 { // it takes longer than the page took to come
			tab.follow("form[action='/lab/cancel'] button")
			until(t, "it has stopped", func() bool {
				if got := tab.text("section.run"); !strings.Contains(got, "Under way") {
					return true
				}
				tab.visit(strings.TrimPrefix(tab.location(), b.url))
				return false
			})
		}
		if strings.Contains(tab.text("section.run"), "No result") {
			t.Errorf("lesson %d: the run has failed: %s", l.Number, tab.text("section.run"))
		}
		back := "main a[href='" + path + "']"
		if tab.count(back) == 0 {
			t.Errorf("lesson %d: no way back from %s", l.Number, tab.location())
		}
	}
}

// TestLessonsWhereTheLabIsOff: the articles are complete, say where their experiments run, offer nothing that doesn't
// work, and what leads to the lab leads to a page that says so.
func TestLessonsWhereTheLabIsOff(t *testing.T) {
	b := startWithoutLab(t)
	tab := b.open()
	for _, l := range lessons.All() {
		tab.visit("/posts/" + l.Slug)
		if n := len(tab.text(".prose")); n < 4000 && !l.Capstone() {
			t.Errorf("lesson %d has %d characters", l.Number, n)
		}
		if n := tab.count("form[action^='/lab'], [data-lab-bar], .try button"); n != 0 {
			t.Errorf("lesson %d offers %d things of a lab that is off", l.Number, n)
		}
		for _, said := range eval[[]string](tab, "[...document.querySelectorAll('.try')].map((e) => e.innerText)") {
			if !strings.Contains(said, "make run") {
				t.Errorf("lesson %d does not say where its experiment runs: %s", l.Number, said)
			}
		}
	}
	tab.refusals = true
	for _, path := range []string{"/lab", "/lab/experiments/jitter", "/lab/capstone"} {
		if status := tab.visit(path); status != http.StatusNotFound || !strings.Contains(tab.text("main"), "lab is off") {
			t.Errorf("%s: %d, %q", path, status, tab.text("main"))
		}
	}
}
