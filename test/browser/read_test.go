package browser

import (
	"strings"
	"testing"
)

func TestReading(t *testing.T) {
	b := startBlog(t)
	tab := b.open()

	if status := tab.visit("/"); status != 200 {
		t.Fatalf("home: %d", status)
	}
	if n := tab.count("article.entry"); n < 5 {
		t.Errorf("home lists %d articles, want all five", n)
	}
	title := tab.text("li:last-child .entry h2 a")
	if status := tab.follow("li:last-child .entry h2 a"); status != 200 {
		t.Fatalf("article: %d", status)
	}
	if got := tab.text("h1"); got != title {
		t.Errorf("the link says %q, the article %q", title, got)
	}
	if n := len(tab.text(".prose")); n < 2000 {
		t.Errorf("the article has %d characters", n)
	}
	const well = "fresh cached"
	tab.reloadUntil(map[string]string{"post": well, "comments": well, "recommendations": well, "popular": well})

	next := strings.TrimSpace(strings.TrimPrefix(tab.text("a[rel=next]"), "Next"))
	tab.follow("a[rel=next]")
	if got := tab.text("h1"); got != next {
		t.Errorf("next is %q, and leads to %q", next, got)
	}
	tab.follow(".recommendations .links a")
	if !strings.Contains(tab.location(), "/posts/") {
		t.Errorf("a similar article leads to %s", tab.location())
	}
	tab.click("nav.toc.margin a")
	tab.wait("the heading is in view", "document.querySelector(':target')?.getBoundingClientRect().top < innerHeight")
}

func TestSearchHighlights(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/search")
	tab.fill("#q", "retries jitter")
	tab.follow("form.search button")
	if n := tab.count(".results .entry"); n == 0 {
		t.Fatalf("nothing found on %s", tab.location())
	}
	if marks := strings.ToLower(tab.text(".results mark")); !strings.Contains("retries retry jitter", marks) || marks == "" {
		t.Errorf("%q is marked", marks)
	}
	if v := eval[string](tab, "document.querySelector('#q').value"); v != "retries jitter" {
		t.Errorf("the form holds %q", v)
	}
	if status := tab.follow(".results .entry a"); status != 200 || tab.count(".prose") != 1 {
		t.Errorf("a result leads to %s: %d", tab.location(), status)
	}

	b.fault("postgres", "refuse")
	tab.visit("/search?q=jitter")
	if state := tab.states()["results"]; state != "fallback" || tab.count(".results mark") == 0 {
		t.Errorf("without Postgres, results are %q with %d marks", state, tab.count(".results mark"))
	}
	if note := tab.text(".results .note"); !strings.Contains(note, "snapshot") {
		t.Errorf("the reader is told %q", note)
	}
}
