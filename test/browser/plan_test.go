package browser

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"afloat/internal/lessons"
)

// TestWhatTheTeacherShows walks the steps of the teacher's plans that break the page, on the lessons they are taught
// on: what the class is told to expect is what happens. The fault bar itself is TestBreakAndHeal's.
func TestWhatTheTeacherShows(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	lesson := func(slug string) string {
		t.Helper()
		if _, ok := lessons.Find(slug); !ok {
			t.Fatalf("there is no lesson %q", slug)
		}
		return "/posts/" + slug
	}
	dated := func(part string) {
		t.Helper()
		if note := tab.text("." + part + " .note"); !strings.Contains(note, "old") {
			t.Errorf("%s on %s says %q: want its age", part, tab.location(), note)
		}
	}

	t.Log("the database hangs")
	path := lesson("what-may-fail")
	tab.visit(path)
	b.fault("postgres", "hang")
	tab.reloadUntil(map[string]string{"post": "stale", "comments": "stale"})
	dated("comments")
	b.expectSpinning(b.twin + path)
	b.fault("postgres", "healthy")

	t.Log("slow is worse than dead")
	b.fault("recommendations", "refuse")
	path = lesson("did-i-post-twice")
	tab.expectWithoutRecommendations(path)
	if status, _ := b.get(b.twin + path); status < http.StatusInternalServerError {
		t.Errorf("without recommendations the twin answers %d, want an error at once", status)
	}
	b.fault("recommendations", "hang")
	path = lesson("too-much-traffic")
	tab.expectWithoutRecommendations(path)
	b.expectSpinning(b.twin + path)

	t.Log("is old good enough?")
	b.fault("postgres", "hang")
	b.fault("redis", "hang")
	tab.visit(lesson("is-old-good-enough"))
	tab.reloadUntil(map[string]string{"post": "stale fallback"})
	dated("post")
	if status := tab.visit(lesson("one-copy-is-slow")); status != http.StatusOK { // read by nobody before
		t.Errorf("with everything gone an unread lesson is answered with %d", status)
	}
	if n := len(tab.text(".prose")); n < 2000 {
		t.Errorf("%d characters are left of it", n)
	}
	dated("post")
}

// expectWithoutRecommendations opens an article that nobody has read: no copy of its recommendations is anywhere.
func (tab *tab) expectWithoutRecommendations(path string) {
	tab.t.Helper()
	if status := tab.visit(path); status != http.StatusOK {
		tab.t.Errorf("%s without recommendations: %d", path, status)
	}
	if states := tab.states(); states["recommendations"] != "missing" || states["post"] == "missing" {
		tab.t.Errorf("the parts of %s are %v, want all but the recommendations", path, states)
	}
}

// expectSpinning expects no whole page for two seconds.
func (b *blog) expectSpinning(u string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if status, _ := b.answer(req); status != 0 {
		b.t.Errorf("%s is answered with %d, want a tab that spins", u, status)
	}
}
