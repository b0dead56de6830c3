package browser

import (
	"slices"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// watch takes a note of each frame that is painted while a page arrives.
const watch = `
window.__frames = [];
(function look() {
	const shown = (el) => Boolean(el && el.getBoundingClientRect().height > 0);
	const slots = document.querySelector(".post-page")?.shadowRoot;
	window.__frames.push({
		text: shown(document.querySelector(".prose p")),
		waiting: shown(slots?.querySelector("slot[name=recommendations] > p")),
		closed: shown(document.querySelector("[data-part=recommendations]")),
	});
	if (document.readyState !== "complete") requestAnimationFrame(look);
})();`

type frame struct{ Text, Waiting, Closed bool }

// The text of an article is there to be read while a slow part is on its way,
// and the parts stand in their places whatever the order they came in.
func TestStreamingOrder(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.visit("/archive") // the style sheet is loaded and kept
	command(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	b.fault("recommendations", "slow")

	// A slot stays open for a fraction of a second: a machine that is busy
	// right then gets another article to show it with.
	readable := false
	for _, path := range []string{third, fourth} {
		tab.visit(path)
		frames := eval[[]frame](tab, "window.__frames")
		readable = readable || slices.ContainsFunc(frames, func(f frame) bool { return f.Text && f.Waiting && !f.Closed })
	}
	if !readable {
		t.Error("the text was never shown before the slot of the slow part closed")
	}
	if state := tab.states()["recommendations"]; state != "missing" {
		t.Errorf("the slow part is %s, want missing", state)
	}

	arrived := eval[[]string](tab, "[...document.querySelectorAll('.post-page > [data-part]')].map(e => e.dataset.part)")
	if len(arrived) != 4 || arrived[0] != "post" || arrived[3] != "recommendations" {
		t.Errorf("parts arrived as %v, want the post first and the slow one last", arrived)
	}
	tab.size(390, 844)
	const down = "[...document.querySelectorAll('.post-page > [data-part]')].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top).map(e => e.dataset.part)"
	want := []string{"post", "comments", "recommendations", "popular"}
	if got := eval[[]string](tab, down); !slices.Equal(got, want) {
		t.Errorf("on a phone parts stand as %v, want %v", got, want)
	}
	tab.size(1280, 900)
	beside := eval[bool](tab, `(() => {
		const box = (name) => document.querySelector("[data-part=" + name + "]").getBoundingClientRect();
		return box("comments").top >= box("post").bottom && box("recommendations").left >= box("comments").right && box("popular").top >= box("recommendations").bottom;
	})()`)
	if !beside {
		t.Error("on a wide screen the small parts don't stand beside the comments, in order")
	}
}
