package lessons

import "testing"

// TestPlansAddUp: to the minute, with something to do or to ask at each step,
// on lessons that there are, in their order.
func TestPlansAddUp(t *testing.T) {
	for _, p := range Plans() {
		at, last := 0, 0
		for _, s := range p.Timed() {
			if s.From != at || s.To <= s.From {
				t.Errorf("%s: %q is from minute %d to %d, want it to begin at %d", p.Name, s.Title, s.From, s.To, at)
			}
			at = s.To
			if len(s.Do) == 0 && s.Ask == "" {
				t.Errorf("%s: there is nothing to do at %q", p.Name, s.Title)
			}
			if (s.Ask == "") != (s.Expect == "") {
				t.Errorf("%s: %q has a question or an answer, but not both", p.Name, s.Title)
			}
			if s.Lesson == "" {
				continue
			}
			l, ok := Find(s.Lesson)
			if !ok || l.Number <= last {
				t.Errorf("%s: %q is on %q, which is no lesson or not the next", p.Name, s.Title, s.Lesson)
			}
			last = l.Number
		}
		if at != p.Minutes {
			t.Errorf("%s takes %d minutes", p.Name, at)
		}
	}
}
