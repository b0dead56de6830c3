package browser

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const predicted = `---
title: What does it do?
summary: An article with two predictions and a figure.
tags: [tests]
published: 2026-11-02
---
Think first.

` + "```predict" + `
What does a reader get?
- An error
- [x] The article
- Nothing

It comes from memory.
` + "```" + `

## And the second

` + "```predict" + `
And a writer?
- [x] A promise
- An error
- Nothing

It waits in the outbox.
` + "```" + `

` + "```figure" + `
breaker-states
` + "```" + `
`

// publish has the blog show one article of its own.
func (b *blog) publish(slug, article string) {
	b.t.Helper()
	dir := b.t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, slug+".md"), []byte(article), 0o600); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.CommandContext(b.t.Context(), binary, "publish", dir)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "DATABASE_URL=" + b.database}
	if out, err := cmd.CombinedOutput(); err != nil {
		b.t.Fatalf("publish: %v\n%s", err, out)
	}
	until(b.t, "it is there", func() bool {
		status, _ := b.get(b.url + "/posts/" + slug)
		return status == http.StatusOK
	})
}

// TestPrediction: a choice opens what happens and is told whether it was right; arrow keys may pass by others first.
func TestPrediction(t *testing.T) {
	b := startBlog(t)
	b.publish("predicted", predicted)
	tab := b.open()
	tab.visit("/posts/predicted")
	tab.wait("the script ran", "document.querySelector('[data-predict][data-live]')")
	opened := func() int { return tab.count("[data-predict] details[open]") }
	if n := opened(); n != 0 || tab.count("[data-predict]") != 2 {
		t.Fatalf("%d of %d predictions are told at once", n, tab.count("[data-predict]"))
	}
	tab.looks(func(look string) { tab.accessible("before, " + look) })

	tab.do("focus the first choice", chromedp.Focus(chromedp.CSS("[name=predict-1]")))
	tab.press(kb.ArrowDown)
	tab.wait("the arrow has chosen", "document.querySelector('[name=predict-1][value=\"1\"]').checked")
	if opened() != 0 {
		t.Error("passing by a choice tells the answer")
	}
	tab.press(" ")
	tab.wait("what happens is shown", "document.querySelectorAll('[data-predict] details[open]').length === 1")
	if got := tab.text("[data-told]"); got != "Right." {
		t.Errorf("the right choice is told %q", got)
	}

	tab.click("[data-predict] ~ [data-predict] label:nth-of-type(2)")
	tab.wait("the second is told", "document.querySelectorAll('[data-predict] details[open]').length === 2")
	if got := tab.text("[data-predict] ~ [data-predict] [data-told]"); !strings.HasPrefix(got, "Not quite") || !strings.Contains(got, "A promise") {
		t.Errorf("a wrong choice is told %q", got)
	}
	if tab.text("[data-told]") != "Right." || tab.count("label.right") != 2 || tab.count("label.missed") != 1 {
		t.Error("one prediction's answer is in another")
	}
	tab.looks(func(look string) { tab.accessible("after, " + look) })
	tab.visit("/posts/predicted")
	if opened() != 0 || tab.count("[data-predict] :checked") != 0 {
		t.Error("a choice outlives its page")
	}

	plain := b.open()
	command(plain, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	plain.visit("/posts/predicted")
	plain.click("[data-predict] summary")
	if got := plain.text("[data-predict] details"); !strings.Contains(got, "The answer: The article") || !strings.Contains(got, "It comes from memory.") {
		t.Errorf("without a script what happens is %q", got)
	}
}
