// Package lessons is the path through the articles that are lessons: their
// order, what each needs, what it teaches, and the terms that they use.
//
// It knows nothing of the articles' text. Which of the lessons a blog has
// published is for its caller to find out.
package lessons

import "slices"

// Lesson is one step of the path.
type Lesson struct {
	Number      int      // from 1, without gaps
	Slug        string   // of its article
	Question    string   // its article's title, as its reader would ask it
	Learn       string   // what its reader can do afterwards, in one sentence
	Pattern     string   // what it is about, in the field's terms and few enough letters for the map
	Needs       []string // slugs of lessons to have read before, nearest first; all of them earlier
	Experiments []string // of the lab, by name: those that stand in its article, its own first
}

// Taught is the number of lessons that teach something new. The capstone, which
// comes last, asks for what they taught.
const Taught = 14

// All returns the lessons in their order.
func All() []Lesson { return slices.Clone(path) }

// Find returns the lesson that an article is.
func Find(slug string) (Lesson, bool) {
	i := slices.IndexFunc(path, func(l Lesson) bool { return l.Slug == slug })
	if i < 0 {
		return Lesson{}, false
	}
	return path[i], true
}

// Slugs are the lessons' articles, in their order.
func Slugs() []string {
	var all []string
	for _, l := range path {
		all = append(all, l.Slug)
	}
	return all
}

// Capstone reports whether it is the last one, which teaches nothing new.
func (l Lesson) Capstone() bool { return l.Number > Taught }

// Direct are the needs that no other need of the lesson implies: those that an
// arrow of the map stands for.
func (l Lesson) Direct() []string {
	return slices.DeleteFunc(slices.Clone(l.Needs), func(need string) bool {
		return slices.ContainsFunc(l.Needs, func(other string) bool { return rests(other, need) })
	})
}

// rests reports whether a lesson needs another, or something that does.
func rests(slug, on string) bool {
	l, _ := Find(slug)
	return slices.ContainsFunc(l.Needs, func(need string) bool { return need == on || rests(need, on) })
}

// Depth is the length of the longest way to a lesson along what is needed: 0
// for one that needs nothing, and for what is no lesson.
func Depth(slug string) int {
	l, ok := Find(slug)
	if !ok {
		return 0
	}
	depth := 0
	for _, need := range l.Needs {
		depth = max(depth, 1+Depth(need))
	}
	return depth
}
