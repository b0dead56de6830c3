package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a reader's window, with a profile of its own. Whatever its console
// complains about fails the test, violations of the Content-Security-Policy
// among it.
type tab struct {
	t    *testing.T
	ctx  context.Context
	base string

	mu         sync.Mutex
	complaints []string
	refusals   bool // pages with a status of 4xx or 5xx are what the test asks for
}

// open opens a window on the blog, 1280 by 900 pixels.
func (b *blog) open() *tab {
	b.t.Helper()
	parent, err := browser()
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, closeTab := chromedp.NewContext(parent, chromedp.WithNewBrowserContext())
	tab := &tab{t: b.t, ctx: ctx, base: b.url}
	b.t.Cleanup(func() {
		closeTab()
		tab.mu.Lock()
		defer tab.mu.Unlock()
		for _, c := range tab.complaints {
			b.t.Errorf("the browser's console: %s", c)
		}
	})
	if err := chromedp.Listen(ctx, tab.hear); err != nil {
		b.t.Fatal(err)
	}
	tab.size(1280, 900)
	return tab
}

// hear runs while the browser waits, so it only takes notes.
func (tab *tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		refused := e.Entry.Source == log.EntrySourceNetwork && strings.Contains(e.Entry.Text, "Failed to load resource")
		if (e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning) && !(refused && tab.refusals) {
			tab.complaints = append(tab.complaints, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			tab.complaints = append(tab.complaints, fmt.Sprintf("console.%s: %v", e.Type, e.Args))
		}
	case *runtime.EventExceptionThrown:
		tab.complaints = append(tab.complaints, "exception: "+e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		tab.complaints = append(tab.complaints, "a dialog opened: "+e.Message)
	}
}

func (tab *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		tab.t.Fatalf("%s: %v\non %s", what, err, tab.location())
	}
}

// command sends the browser a command of its own protocol.
func command[P, R any](tab *tab, c cdp.Command[P, R], params P) {
	tab.t.Helper()
	if _, err := chromedp.Call(tab.ctx, c, params); err != nil {
		tab.t.Fatalf("%s: %v", c.Method, err)
	}
}

func (tab *tab) size(width, height int64) {
	tab.t.Helper()
	tab.do("resize", chromedp.EmulateViewport(width, height))
}

// prefers sets a reader's preference, such as prefers-color-scheme.
func (tab *tab) prefers(feature, value string) {
	tab.t.Helper()
	command(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// visit opens a path of the blog, or a URL, and returns the answer's status.
func (tab *tab) visit(path string) int64 {
	tab.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = tab.base + path
	}
	return tab.leads("visit "+path, chromedp.Navigate(target))
}

// follow clicks what leads to another page, and returns that page's status.
func (tab *tab) follow(selector string) int64 {
	tab.t.Helper()
	return tab.leads("follow "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (tab *tab) leads(what string, step chromedp.Action[chromedp.Void]) int64 {
	tab.t.Helper()
	eval[bool](tab, "window.__left = true") // the next page doesn't know of it
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	res, err := chromedp.RunResponse(ctx, step)
	if err != nil {
		tab.t.Fatalf("%s: %v\non %s", what, err, tab.location())
	}
	if res == nil {
		tab.t.Fatalf("%s: no page was loaded on %s", what, tab.location())
	}
	tab.wait("the next page is complete", "!window.__left && document.readyState === 'complete'")
	return res.Status
}

func (tab *tab) click(selector string) {
	tab.t.Helper()
	tab.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

func (tab *tab) fill(selector, text string) {
	tab.t.Helper()
	tab.do("fill in "+selector, chromedp.SendKeys(chromedp.CSS(selector), text, chromedp.NodeVisible))
}

func (tab *tab) press(keys string) {
	tab.t.Helper()
	tab.do("press a key", chromedp.KeyEvent(keys))
}

func (tab *tab) location() string { return eval[string](tab, "location.href") }

// text is what a reader sees of the first element that fits.
func (tab *tab) text(selector string) string {
	tab.t.Helper()
	return eval[string](tab, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

func (tab *tab) count(selector string) int {
	tab.t.Helper()
	return eval[int](tab, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

// states is what each part of the page says it came to.
func (tab *tab) states() map[string]string {
	tab.t.Helper()
	return eval[map[string]string](tab, "Object.fromEntries([...document.querySelectorAll('[data-part]')].map(e => [e.dataset.part, e.dataset.state]))")
}

// wait waits until an expression is true, whatever page it is asked on.
func (tab *tab) wait(what, expression string) {
	tab.t.Helper()
	until(tab.t, what+" ("+expression+")", func() bool {
		ctx, cancel := context.WithTimeout(tab.ctx, patience)
		defer cancel()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		return err == nil && ok // an error is a page that is being left
	})
}

// reloadUntil reads the page again until its parts are in one of the states.
func (tab *tab) reloadUntil(parts map[string]string) {
	tab.t.Helper()
	var states map[string]string
	deadline := time.Now().Add(patience)
	for {
		if status := tab.leads("reload", chromedp.Reload()); status != 200 {
			tab.t.Fatalf("reload %s: %d", tab.location(), status)
		}
		states = tab.states()
		fits := true
		for part, want := range parts {
			fits = fits && states[part] != "" && strings.Contains(want, states[part])
		}
		if fits {
			return
		}
		if time.Now().After(deadline) {
			tab.t.Fatalf("parts are %v, want %v", states, parts)
		}
	}
}

func eval[T any](tab *tab, expression string) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tab.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}
