package web

import (
	"afloat/internal/lessons"
)

// lessonPath is the way through the lessons as one lesson's page shows it. It
// is a small value, one of a few, so that its HTML is made once.
type lessonPath struct {
	Slug string // the lesson's; "" on a page that is none
	Held uint32 // of the lessons that can be read, a bit each, the first the lowest
}

// pathOf is the path as a page shows it, "" being one that is no lesson.
func (s *Server) pathOf(slug string) lessonPath {
	if _, ok := lessons.Find(slug); !ok {
		return lessonPath{}
	}
	p := lessonPath{Slug: slug}
	for i, l := range lessons.All() {
		if l.Slug == slug || s.Posts.Holds(l.Slug) {
			p.Held |= 1 << i
		}
	}
	return p
}

// pathStep is a lesson on the path.
type pathStep struct {
	lessons.Lesson
	Here, Current bool // it can be read; it is this page
}

// Taught is the number of lessons before the capstone.
func (p lessonPath) Taught() int { return lessons.Taught }

// Steps are all lessons, in their order.
func (p lessonPath) Steps() []pathStep {
	var steps []pathStep
	for i, l := range lessons.All() {
		steps = append(steps, pathStep{Lesson: l, Here: p.Held&(1<<i) != 0, Current: l.Slug == p.Slug})
	}
	return steps
}

// Current is the page's own step.
func (p lessonPath) Current() pathStep {
	l, _ := lessons.Find(p.Slug)
	return pathStep{Lesson: l, Here: true, Current: true}
}

// Needs are the lessons to have read first, those that can be.
func (p lessonPath) Needs() []articleRef {
	var refs []articleRef
	for _, slug := range p.Current().Needs {
		for _, step := range p.Steps() {
			if step.Slug == slug && step.Here {
				refs = append(refs, articleRef{step.Slug, step.Question})
			}
		}
	}
	return refs
}

// neighbours are the nearest lessons before and after this one that can be read.
func (p lessonPath) neighbours() (prev, next *articleRef) {
	own := p.Current().Number
	for _, step := range p.Steps() {
		ref := &articleRef{step.Slug, step.Question}
		switch {
		case !step.Here || step.Current:
		case step.Number < own:
			prev = ref
		case next == nil:
			next = ref
		}
	}
	return prev, next
}
