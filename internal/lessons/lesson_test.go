package lessons

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestOrderFollowsNeeds: whoever reads in the given order never meets a lesson
// before what it needs, and misses none.
func TestOrderFollowsNeeds(t *testing.T) {
	all := All()
	if len(all) != Taught+1 {
		t.Errorf("there are %d lessons, want %d and the capstone", len(all), Taught)
	}
	read := map[string]bool{}
	for i, l := range all {
		if l.Number != i+1 {
			t.Errorf("%s has the number %d, want %d", l.Slug, l.Number, i+1)
		}
		for _, need := range l.Needs {
			if !read[need] {
				t.Errorf("lesson %d needs %q, which does not come before it", l.Number, need)
			}
		}
		if read[l.Slug] {
			t.Errorf("%s comes twice", l.Slug)
		}
		read[l.Slug] = true
		if l.Capstone() != (i == len(all)-1) {
			t.Errorf("lesson %d: capstone is %v", l.Number, l.Capstone())
		}
	}
}

// TestOneWayIn: only the first lesson needs nothing, and the capstone rests on
// all others.
func TestOneWayIn(t *testing.T) {
	reached := map[string]bool{}
	var visit func(slug string)
	visit = func(slug string) {
		reached[slug] = true
		l, ok := Find(slug)
		if !ok {
			t.Fatalf("%s is no lesson", slug)
		}
		for _, need := range l.Needs {
			visit(need)
		}
	}
	all := All()
	visit(all[len(all)-1].Slug)
	for _, l := range all {
		if (len(l.Needs) == 0) != (l.Number == 1) {
			t.Errorf("lesson %d needs %v", l.Number, l.Needs)
		}
		if !reached[l.Slug] {
			t.Errorf("the capstone does not rest on lesson %d", l.Number)
		}
	}
}

// TestNeedsAreFew, and the nearest stands first.
func TestNeedsAreFew(t *testing.T) {
	for _, l := range All() {
		if len(l.Needs) > 4 {
			t.Errorf("lesson %d needs %d lessons: name those that it leans on", l.Number, len(l.Needs))
		}
		if !slices.IsSortedFunc(l.Needs, func(a, b string) int { return number(b) - number(a) }) {
			t.Errorf("lesson %d: its needs are not nearest first: %v", l.Number, l.Needs)
		}
	}
}

func number(slug string) int { l, _ := Find(slug); return l.Number }

func TestWords(t *testing.T) {
	for _, l := range All() {
		if !strings.HasSuffix(l.Question, "?") {
			t.Errorf("lesson %d asks nothing: %q", l.Number, l.Question)
		}
		if !strings.HasSuffix(l.Learn, ".") || strings.Count(l.Learn, ". ") > 0 {
			t.Errorf("lesson %d: what it teaches is not one sentence: %q", l.Number, l.Learn)
		}
		const room = 13 // letters, in a box of the map
		if n := utf8.RuneCountInString(l.Pattern); n == 0 || n > room {
			t.Errorf("lesson %d: %q has %d letters, the map has room for %d", l.Number, l.Pattern, n, room)
		}
	}
}

func TestDepth(t *testing.T) {
	for slug, want := range map[string]int{"how-available-is-this-page": 0, "what-may-fail": 1, "is-old-good-enough": 2, "try-try-again": 3, "no-lesson": 0} {
		if got := Depth(slug); got != want {
			t.Errorf("%s is at depth %d, want %d", slug, got, want)
		}
	}
	for _, l := range All() {
		for _, need := range l.Needs {
			if Depth(need) >= Depth(l.Slug) {
				t.Errorf("lesson %d is no deeper than %s", l.Number, need)
			}
		}
	}
}

func TestOthersCannotChangeThePath(t *testing.T) {
	All()[0].Slug = "changed"
	if All()[0].Slug == "changed" {
		t.Error("All hands out the path itself")
	}
	if _, ok := Find("changed"); ok {
		t.Error("an article that is no lesson was found")
	}
}

// TestDirect: what a lesson needs directly leads to all that it needs, and
// nothing of it leads to the rest of it.
func TestDirect(t *testing.T) {
	for _, l := range All() {
		direct := l.Direct()
		for _, need := range l.Needs {
			implied := slices.ContainsFunc(direct, func(d string) bool { return rests(d, need) })
			if implied == slices.Contains(direct, need) {
				t.Errorf("lesson %d: %s is implied by %v: %v", l.Number, need, direct, implied)
			}
		}
	}
	six, _ := Find("why-is-it-still-down")
	if got := six.Direct(); !slices.Equal(got, []string{"why-randomness"}) {
		t.Errorf("lesson 6 needs %v directly", got)
	}
}
