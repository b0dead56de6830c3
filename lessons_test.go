package afloat_test

import (
	"regexp"
	"slices"
	"testing"
	"time"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/lab/experiments"
	"afloat/internal/lessons"
)

// TestEveryLessonHasItsArticle: of the path's title, published in the path's
// order, and with the path's experiments, all of which there are.
func TestEveryLessonHasItsArticle(t *testing.T) {
	all, err := content.Load(afloat.Content(), nil)
	if err != nil {
		t.Fatal(err)
	}
	published := map[string]content.Article{}
	for _, a := range all {
		published[a.Slug] = a
	}
	embedded := regexp.MustCompile(`<div data-embed="experiment" data-of="([a-z-]+)`)
	var last time.Time
	for _, l := range lessons.All() {
		a, ok := published[l.Slug]
		if !ok {
			t.Errorf("lesson %d, %s, has no article", l.Number, l.Slug)
			continue
		}
		if a.Title != l.Question {
			t.Errorf("lesson %d is %q, and its article %q", l.Number, l.Question, a.Title)
		}
		if a.Published.Before(last) {
			t.Errorf("lesson %d was published before the one in front of it", l.Number)
		}
		last = a.Published
		for _, name := range l.Experiments {
			if experiments.Find(name) == nil {
				t.Errorf("lesson %d has the experiment %s, which there is not", l.Number, name)
			}
		}
		var shown []string
		for _, m := range embedded.FindAllStringSubmatch(a.HTML, -1) {
			shown = append(shown, m[1])
		}
		slices.Sort(shown)
		want := slices.Sorted(slices.Values(l.Experiments))
		if shown = slices.Compact(shown); !slices.Equal(shown, want) {
			t.Errorf("lesson %d: its article has the experiments %v, the path %v", l.Number, shown, want)
		}
	}
}
