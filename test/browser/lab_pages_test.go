package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// quick is an experiment that takes a moment: exact simulations, few of them.
const quick = "/lab/experiments/jitter?trials=20&repeats=1&clients=5&cap=50ms&exchange=1ms"

// TestLabLive: start readers, break something, and watch it in a page that is never loaded again.
func TestLabLive(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/lab")
	tab.wait("the page is live", "document.querySelector('[data-lab-tools] button')")
	if status := tab.follow("form[action='/lab/readers'] button"); status != http.StatusOK || tab.location() != b.url+"/lab" {
		t.Fatalf("starting the readers leads to %s: %d", tab.location(), status)
	}
	eval[bool](tab, "window.__same = true")
	tab.wait("their pages are drawn", "document.querySelectorAll('#lab-figures figure').length === 3")
	tab.wait("the headline counts them", "document.querySelector('#lab-headline').innerText.includes('pages a second')")

	tab.click("#outcomes summary")
	tab.do("scroll the table", chromedp.Focus(chromedp.CSS("#outcomes .ch-table")))
	tab.click("label:has(#fault-postgres-hang)")
	tab.wait("the map shows the fault", "document.querySelector('#lab-map .wire[data-kind=hang]')")
	tab.wait("the table does", "document.querySelector('#lab-parts').innerText.includes('Postgres hangs')")
	tab.wait("the figures mark it", "[...document.querySelectorAll('#outcomes svg desc, #asked svg desc')].filter((d) => d.textContent.includes('Postgres hangs from')).length >= 2")
	tab.wait("a breaker opens, and that is marked", "document.querySelector('#asked').innerHTML.includes('closed → open')")
	if !eval[bool](tab, "document.querySelector('#outcomes details').open && window.__same") {
		t.Error("an opened table was shut, or the page was loaded anew")
	}

	tab.do("pause", chromedp.Click(chromedp.CSS("[data-lab-tools] button")))
	paused := tab.text("#lab-at")
	tab.click("#fault-mend")
	tab.wait("the fault is gone", nothingOn)
	if got := tab.text("#lab-at"); got != paused || tab.count("#lab-map .wire[data-kind=hang]") == 0 {
		t.Errorf("paused, and yet renewed: %q, then %q", paused, got)
	}
	tab.click("[data-lab-tools] button")
	tab.wait("the map is healthy again", "!document.querySelector('#lab-map .wire[data-kind=hang]')")

	tab.follow("#lab-map .map.wide a[href='/lab/parts/postgres']")
	if got := tab.text("main"); !strings.Contains(got, "SRE ch. 21: at most three") || !strings.Contains(got, "Postgres hangs") {
		t.Errorf("the page of Postgres lacks a number's reason, or what happened to it: %.3000s", got)
	}
	tab.follow(".numbers a[href*='policy.go#L']")
	tab.wait("a number leads to its line", "document.querySelector(':target')")
}

// TestLabExperiment: from its form to its result, without the page being loaded at every step.
func TestLabExperiment(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(quick)
	tab.follow(".params button")
	tab.wait("the result comes by itself", "document.querySelector('.run .finding')?.innerText")
	if tab.count("main[data-lab-run]") != 0 || tab.count("meta[http-equiv=refresh]") != 0 {
		t.Error("the page of a run that is over goes on refreshing")
	}
	tab.follow(".lab-nav a[href='/lab/experiments']")
	if got := tab.text(".experiments .finding"); !strings.Contains(got, "last time") {
		t.Errorf("the list says %q of it", got)
	}
}

// TestTheLastNewsOfARunIsHeard: a run ends while its page waits for an answer that still calls it under way. There is no news
// after that.
func TestTheLastNewsOfARunIsHeard(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/lab/experiments/jitter?repeats=20")
	command(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `if (!sessionStorage.held) {
		sessionStorage.held = true; // and not on the page that takes its place
		const released = new Promise((release) => { window.release = release; });
		const ask = window.fetch;
		window.fetch = async (...what) => {
			const answer = await ask(...what);
			if (what[0] === location.href) {
				window.held = true;
				await released;
			}
			return answer;
		};
		new EventSource("/lab/events").addEventListener("run", (e) => { // as the page does, on a stream of its own
			if (window.held && JSON.parse(e.data).error) setTimeout(() => { window.over = true; }, 500);
		});
	}`})
	tab.follow(".params button")
	tab.wait("an answer is held", "window.held")
	if status := eval[int](tab, `(() => { const stop = new XMLHttpRequest(); stop.open("POST", "/lab/cancel", false); stop.send(); return stop.status; })()`); status != http.StatusOK {
		t.Fatalf("stopping the run: %d", status)
	}
	tab.wait("the run is over", "window.over")
	eval[bool](tab, "(window.release(), true)")
	tab.wait("the page says so", "document.querySelector('.run')?.innerText.includes('It was stopped')")
}

func TestLabWithoutJavaScript(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	command(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tab.visit("/lab")
	tab.follow("form[action='/lab/readers'] button")
	tab.wait("somebody has read", "document.querySelector('#lab-readers').innerText.includes('So far')")
	until(t, "the refreshed page draws them", func() bool {
		tab.follow("[data-lab-tools] a")
		return tab.count("#lab-figures figure") == 3
	})
	if status := tab.follow("form[action='/lab/readers'] button"); status != http.StatusConflict || !strings.Contains(tab.text("[role=alert]"), "is under way until") {
		t.Errorf("starting twice: %d, %q", status, tab.text("[role=alert]"))
	}
	tab.click("label:has(#fault-redis-refuse)")
	tab.follow("form:has(#fault-redis-refuse) button.apply")
	if got := tab.text("#lab-headline"); !strings.Contains(got, "Redis refuses connections") {
		t.Errorf("the headline is %q", got)
	}
	tab.follow("form[action='/lab/readers/stop'] button")
	if got := tab.text("#lab-readers"); !strings.Contains(got, "have left") {
		t.Errorf("of the readers: %q", got)
	}
	tab.follow("#fault-mend")
	if got := tab.text("#lab-headline"); tab.location() != b.url+"/lab" || !strings.Contains(got, "Everything is healthy") {
		t.Errorf("healing leads to %s, which says %q", tab.location(), got)
	}

	tab.visit(quick)
	tab.follow(".params button")
	until(t, "the run ends", func() bool {
		if tab.text(".run .finding") != "" {
			return true
		}
		tab.leads("reload", chromedp.Reload())
		return false
	})
}

// TestLabByKeyboard walks through the lab as a reader on a small screen would, who has no pointer: see traffic, hang
// Postgres, time both twins, walk a part of the ladder, measure availability, run an experiment.
func TestLabByKeyboard(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true // the naive twin's frame may show its own errors
	tab.size(390, 844)
	enter := func(selector string) {
		t.Helper()
		tab.tabTo(selector)
		tab.leads("press "+selector, chromedp.KeyEvent(kb.Enter))
	}
	tab.visit("/lab")
	tab.wait("the page is live", "document.querySelector('[data-lab-tools] button')")
	enter("form[action=\\'/lab/readers\\'] button")
	tab.wait("their pages are drawn", "document.querySelectorAll('#lab-figures figure').length === 3")
	tab.tabTo("#fault-postgres-healthy")
	tab.press(kb.ArrowDown + kb.ArrowDown)
	tab.wait("the map shows the fault", "document.querySelector('#lab-map .wire[data-kind=hang]')")
	tab.wait("the timeline marks it", "document.querySelector('#outcomes')?.innerHTML.includes('Postgres hangs')")

	// The naive frame waits for as long as Postgres hangs, and the page is not complete before it is.
	tab.tabTo(".lab-nav a[href=\\'/lab/twin\\']")
	tab.press(kb.Enter)
	tab.wait("the twins are there", "document.querySelector('button[name=probe]')")
	tab.tabTo("button[name=probe]")
	tab.press(kb.Enter)
	tab.wait("both were timed", "document.querySelector('[data-twin-says=\"/\"]')?.innerText.includes('after')")
	if got := tab.text("[data-twin-says='/']"); !strings.HasPrefix(got, "200 after") {
		t.Errorf("the protected page: %q", got)
	}
	tab.tabTo("#fault-mend")
	tab.press(kb.Enter)
	tab.wait("the page is calm", nothingOn)

	for _, run := range []string{
		"/lab/experiments/ladder?rungs=cache&without=stale&for=2s&margin=1s&rate=10",
		"/lab/experiments/availability?for=8s&rate=20",
		"/lab/experiments/amplification",
	} {
		tab.visit(run)
		enter(".params button")
		tab.wait("its result", "document.querySelector('.run .finding')?.innerText")
	}
}

// TestLabAccessible: the lab's pages by themselves, under traffic, and with everything broken.
func TestLabAccessible(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	arrive := func(path string) {
		// The naive frame of /lab/twin comes for as long as Postgres hangs: what is looked at is there before it.
		tab.visit("/about")
		tab.do("go to "+path, chromedp.Evaluate[chromedp.Void]("location.assign('"+path+"')"))
		tab.wait(path+" is there", "location.pathname === '"+path+"' && document.readyState !== 'loading'")
	}
	check := func(when string) {
		for _, path := range []string{"/lab", "/lab/parts/postgres", "/lab/twin", "/lab/protections", "/lab/availability", "/lab/experiments", "/lab/experiments/jitter", "/lab/capstone"} {
			arrive(path)
			tab.looks(func(look string) { tab.accessible(when + ", " + path + ", " + look) })
			tab.size(320, 640)
			if width := eval[int](tab, "document.scrollingElement.scrollWidth"); width > 320 {
				t.Errorf("%s, %s is %d pixels wide on a phone of 320: %v", when, path, width, eval[[]string](tab, widest))
			}
		}
	}
	check("at the start")
	tab.visit("/lab")
	tab.follow("form[action='/lab/readers'] button")
	for _, link := range []string{"postgres", "redis", "recommendations"} {
		b.fault(link, "hang")
	}
	tab.wait("the figures came", "document.querySelectorAll('#lab-figures figure').length === 3")
	check("in an outage")
}

// TestExperimentInAnArticle: it is run where it stands, and the page is not left; without a script it leads to a page
// that leads back.
func TestExperimentInAnArticle(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/posts/why-randomness")
	tab.click(".try .predict label:nth-of-type(2)")
	tab.click(".try summary")
	tab.quicken()
	tab.click(".try form.params button")
	tab.wait("the run is shown", "document.querySelector('.try .run')")
	tab.wait("its result comes", "document.querySelector('.try .run .finding')?.innerText")
	tab.wait("the prediction is answered", "document.querySelector('.try [role=note]')?.innerText.startsWith('You predicted')")
	if tab.location() != b.url+"/posts/why-randomness" || tab.count(".try .run figure") == 0 || tab.count(".try .run table") == 0 {
		t.Errorf("at %s there are %d figures and %d tables", tab.location(), tab.count(".try .run figure"), tab.count(".try .run table"))
	}

	plain := b.open()
	command(plain, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	plain.visit("/posts/why-randomness")
	plain.click("[data-predict] summary")
	plain.click(".try .predict label:nth-of-type(2)")
	plain.quicken()
	plain.follow(".try form.params button")
	until(t, "the result is there", func() bool {
		if plain.text(".run .finding") != "" {
			return true
		}
		plain.leads("reload", chromedp.Reload())
		return false
	})
	if got := plain.text("main [role=note]"); !strings.HasPrefix(got, "You predicted") {
		t.Errorf("without a script the prediction is answered %q", got)
	}
	plain.visit("/posts/is-old-good-enough")
	plain.follow(".try form.params button")
	plain.follow("main a[href='/posts/is-old-good-enough']")
	if plain.count(".try") == 0 {
		t.Errorf("back at %s there is no experiment", plain.location())
	}
}

// quicken has the article's first experiment, jitter, do the least it may.
func (tab *tab) quicken() {
	tab.t.Helper()
	for field, least := range map[string]string{"trials": "10", "repeats": "1", "clients": "10", "cap": "50ms", "exchange": "1ms"} {
		eval[string](tab, fmt.Sprintf("document.querySelector('.try [name=%s]').value = '%s'", field, least))
	}
}

// TestLessonsByKeyboard: predict, be told, predict the experiment, run it, and be answered, without a pointer.
func TestLessonsByKeyboard(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	for path, experiment := range map[string]string{"/posts/why-randomness": "jitter", third: "amplification"} {
		tab.visit(path)
		tab.wait("the script ran", "document.querySelector('[data-predict][data-live]')")
		form := eval[string](tab, "document.querySelector('.try form[action$=\"/"+experiment+"\"]').id")
		if experiment == "jitter" {
			tab.quicken()
		}
		tab.tabTo("[data-predict] input")
		tab.press(" ")
		tab.wait("the prediction is told", "document.querySelector('[data-predict] details[open]') && document.querySelector('[data-told]').innerText")
		tab.tabTo("input[name=prediction][form=" + form + "]")
		tab.press(" ")
		tab.tabTo("#" + form + " .go button")
		tab.press(kb.Enter)
		run := "document.querySelector('#" + form + " ~ [data-outcome] "
		tab.wait("the result comes", run+".run .finding')?.innerText")
		tab.wait("the prediction is answered", run+"[role=note]')?.innerText.startsWith('You predicted')")
		if tab.location() != b.url+path {
			t.Errorf("running %s has left the article for %s", experiment, tab.location())
		}
	}
}
