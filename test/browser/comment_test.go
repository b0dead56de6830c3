package browser

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestCommentIsWrittenInPlace(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(first)
	tab.click("a[data-comment-form]")
	tab.wait("the form came and has the focus", "document.activeElement?.id === 'author'")
	if here := tab.location(); here != b.url+first {
		t.Errorf("the enhanced form opened on %s", here)
	}
	tab.fill("#author", "Xenia")
	tab.fill("#body", "An *exact* remark with an x in it.")
	if here := tab.location(); here != b.url+first {
		t.Fatalf("typing left the page for %s", here)
	}
	if status := tab.follow(".comment-form button"); status != http.StatusOK {
		t.Fatalf("sent: %d", status)
	}
	tab.expectMine("Xenia", "An exact remark with an x in it.")
	if n := tab.count(".mine em"); n != 1 {
		t.Errorf("%d words are emphasised, want 1", n)
	}

	until(t, "other readers see it too", func() bool {
		tab.visit(first)
		return strings.Contains(tab.text(".thread li:not(.mine)"), "exact remark")
	})
}

func TestCommentFormIsLeftAgain(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(first)
	tab.click("a[data-comment-form]")
	tab.wait("the form came", "document.activeElement?.id === 'author'")
	tab.press("\u001b") // Escape
	tab.wait("the form is gone, and the focus is where it came from", "!document.querySelector('.comment-form') && document.activeElement?.matches('a[data-comment-form]')")
}

func TestCommentIsWrittenOnThePlainPage(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit(first + "/comment")
	tab.fill("#author", "Plain")
	tab.fill("#body", "From the page of its own.")
	tab.follow(".comment-form button")
	tab.expectMine("Plain", "From the page of its own.")
}

// expectMine expects to be on the article, with one comment marked as the reader's.
func (tab *tab) expectMine(author, said string) {
	tab.t.Helper()
	if here := tab.location(); !strings.Contains(here, "?comment=") {
		tab.t.Fatalf("sending led to %s", here)
	}
	if n := tab.count(".mine"); n == 0 && tab.states()["comments"] != "fresh" {
		tab.reloadUntil(map[string]string{"comments": "fresh"}) // a busy machine; the page said so
	}
	if n := tab.count(".mine"); n != 1 {
		tab.t.Fatalf("%d comments are marked as mine, want 1; the parts are %v", n, tab.states())
	}
	if got := tab.text(".mine .by b"); got != author {
		tab.t.Errorf("it is by %q, want %q", got, author)
	}
	if got := strings.TrimSpace(tab.text(".mine .said")); got != said {
		tab.t.Errorf("it says %q, want %q", got, said)
	}
}

// Without Postgres a comment is accepted, shown as waiting, and written later.
func TestCommentWaitsThroughAnOutage(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	tab.visit(first + "/comment")
	tab.fill("#author", "Patient")
	tab.fill("#body", "I can wait.")
	b.fault("postgres", "refuse")
	if status := tab.follow(".comment-form button"); status != http.StatusOK {
		t.Fatalf("sent without Postgres: %d, want its page", status)
	}
	if got := tab.text(".mine.waiting .held"); !strings.Contains(got, "Waiting to be written.") || !strings.Contains(got, "kept on one disk") {
		t.Errorf("its writer is told %q", got)
	}
	b.fault("postgres", "healthy")
	until(t, "it is written", func() bool {
		tab.leads("reload", chromedp.Reload())
		return tab.count(".mine") == 1 && tab.count(".waiting") == 0
	})
	if n := tab.count(".thread > li"); n != 1 {
		t.Errorf("there are %d comments, want 1", n)
	}
}

// Both the database and the outbox go away between the form and its answer, and come back.
func TestCommentOutlivesAnOutage(t *testing.T) {
	const author, said = "Persistent", "Typed once."
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	tab.visit(first)
	tab.click("a[data-comment-form]")
	tab.wait("the form came", "document.activeElement?.id === 'author'")
	tab.fill("#author", author)
	tab.fill("#body", said)
	key := tab.value("[name=key]")
	if len(key) < 16 {
		t.Fatalf("the key is %q", key)
	}

	b.fault("postgres", "refuse")
	b.fault("redis", "refuse")
	if status := tab.follow(".comment-form button"); status != http.StatusServiceUnavailable {
		t.Fatalf("sent without Postgres and Redis: %d, want 503", status)
	}
	if note := tab.text(".note.missing"); !strings.Contains(note, "not stored yet") || !strings.Contains(note, "Nothing is lost") {
		t.Errorf("the reader is told %q", note)
	}
	for field, want := range map[string]string{"#author": author, "#body": said, "[name=key]": key} {
		if got := tab.value(field); got != want {
			t.Errorf("%s holds %q, want %q", field, got, want)
		}
	}

	b.fault("postgres", "healthy")
	b.fault("redis", "healthy")
	until(t, "it is stored", func() bool { return tab.follow(".comment-form button") == http.StatusOK })
	tab.expectMine(author, said)
	if n := tab.count(".thread > li"); n != 1 {
		t.Errorf("there are %d comments, want 1", n)
	}
	mine := tab.location()
	again := b.post(first+"/comments", url.Values{"author": {author}, "body": {said}, "key": {key}}, http.StatusSeeOther)
	if b.url+again != mine {
		t.Errorf("sent once more, it is at %s, not at %s", again, mine)
	}
	tab.leads("reload", chromedp.Reload())
	if n := tab.count(".thread > li"); n != 1 {
		t.Errorf("sent twice, there are %d comments, want 1", n)
	}
}

func (tab *tab) value(selector string) string {
	tab.t.Helper()
	return eval[string](tab, "document.querySelector('"+selector+"').value")
}
