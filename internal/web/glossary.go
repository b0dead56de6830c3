package web

import (
	"net/http"
	"slices"

	"afloat/internal/lessons"
)

// Pages of the program that stand beside the lessons. They need no database:
// what can be read of the lessons they take from the snapshot in memory.

type glossaryPage struct {
	frame
	Terms   []termEntry
	Letters []string // the terms' first ones
}

type termEntry struct {
	lessons.Term
	Letter string      // in front of the first term that begins with it; "" for the others
	In     *articleRef // the lesson that explains it; nil where it can't be read
}

// glossary is GET /glossary.
func (s *Server) glossary(w http.ResponseWriter, r *http.Request) error {
	page := glossaryPage{frame: s.frame(r, "Glossary", "lessons")}
	page.Description = "The terms of fault-tolerant design, each in one or two sentences, with the lesson that explains it."
	for _, t := range lessons.Terms() {
		e := termEntry{Term: t, In: s.lessonRef(t.Lesson)}
		if letter := upper(t.Name[:1]); !slices.Contains(page.Letters, letter) {
			page.Letters, e.Letter = append(page.Letters, letter), letter
		}
		page.Terms = append(page.Terms, e)
	}
	return s.serveOwn(w, r, "glossary", page.frame, page)
}

// teachPage is the teacher's guide.
type teachPage struct {
	frame
	Plans []planView
}

type planView struct {
	lessons.Plan
	Rows []planRow
}

type planRow struct {
	lessons.Timed
	On *articleRef // the lesson on the screen; nil for none, or where it can't be read
}

// teach is GET /teach.
func (s *Server) teach(w http.ResponseWriter, r *http.Request) error {
	page := teachPage{frame: s.frame(r, "Teaching with Afloat", "lessons")}
	for _, p := range lessons.Plans() {
		view := planView{Plan: p}
		for _, step := range p.Timed() {
			view.Rows = append(view.Rows, planRow{step, s.lessonRef(step.Lesson)})
		}
		page.Plans = append(page.Plans, view)
	}
	page.Description = "How to teach fault-tolerant design with Afloat: a plan for 45 minutes and one for 90, with what to click, what to ask, and what to do if something does not break as told."
	return s.serveOwn(w, r, "teach", page.frame, page)
}

// lessonRef is a link to a lesson; nil where it can't be read.
func (s *Server) lessonRef(slug string) *articleRef {
	l, ok := lessons.Find(slug)
	if !ok || !s.Posts.Holds(slug) {
		return nil
	}
	return &articleRef{l.Slug, l.Question}
}

// serveOwn serves a page that depends on nothing but the program and its
// snapshot: it may be kept, unless it shows what is of this moment.
func (s *Server) serveOwn(w http.ResponseWriter, r *http.Request, name string, f frame, page any) error {
	body, err := s.pages.render(name, page)
	if err != nil {
		return err
	}
	serveWhole(w, r, "text/html; charset=utf-8", body, !f.XRay && len(f.Faults) == 0)
	return nil
}
