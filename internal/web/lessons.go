package web

import (
	"context"
	"net/http"
	"time"

	"afloat/internal/lab/experiments"
	"afloat/internal/lessons"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

// The path through the lessons is the program's own; which of them are
// published, and how long they take to read, the store tells.

type lessonsPage struct {
	frame
	Lessons part[[]lessonEntry]
	Maps    []lessonMap
	Known   bool // what is published is known
	None    bool // nothing of it is
}

// lessonEntry is a lesson on the list of all.
type lessonEntry struct {
	lessons.Lesson
	Here        bool // it can be read: it is published, or nobody knows
	Minutes     int  // reading time; 0: not known
	NeedsFirst  []lessons.Lesson
	Experiments []experimentRef
}

// experimentRef leads to an experiment of the lab.
type experimentRef struct{ Title, URL string }

// lessonsIndex is GET /lessons. The path itself is always there; the reading
// times and what is published are optional.
func (s *Server) lessonsIndex(w http.ResponseWriter, r *http.Request) error {
	r = s.noteMoment(r)
	ctx, cancel := s.slotContext(r.Context())
	defer cancel()
	listing, got := s.loadLessons(ctx)
	if err := s.settle(r, got); err != nil {
		return err
	}
	page := lessonsPage{frame: s.frame(r, "Lessons", "lessons"), Maps: lessonMaps()}
	page.Description = "Fourteen lessons in fault-tolerant design, in the order in which they build on each other, each with a live experiment on its page."
	page.Known = got.State != resilience.Missing
	page.None = page.Known && len(listing.Items) == 0
	page.Lessons = part[[]lessonEntry]{Name: "lessons", Title: "Lessons", V: viewLessons(listing, page.Known, page.LabPages), Provenance: got.Provenance, Note: noteIf(got.Provenance, lessonsNote)}
	if s.xrayOn(r) {
		page.Lessons.XRay = s.caption("list", got.Provenance)
	}
	keep := !got.State.Degraded() && !page.XRay && len(page.Faults) == 0
	provenanceHeaders(w.Header(), keep, named{"lessons", got.Provenance})
	return s.renderWhole(w, r, "lessons", page, keep)
}

// loadLessons reads which lessons are published. Without an answer the part is
// missing.
func (s *Server) loadLessons(ctx context.Context) (l store.Listing, got loaded) {
	got = loaded{name: "lessons"}
	l, got.err = resilience.Isolate(func() (l store.Listing, err error) {
		l, got.Provenance, err = s.Posts.Named(ctx, lessons.Slugs()...)
		return l, err
	})
	if got.err != nil {
		got.State, got.Source, got.At = resilience.Missing, resilience.FromPlaceholder, time.Time{}
	}
	return l, got
}

func lessonsNote(p resilience.Provenance) string {
	if p.State == resilience.Missing {
		return "How long each lesson takes is out of reach. The lessons are not: follow any of them."
	}
	return postNoteList(p)
}

func viewLessons(l store.Listing, known, lab bool) []lessonEntry {
	minutes := map[string]int{}
	for _, a := range l.Items {
		minutes[a.Slug] = a.Minutes
	}
	var list []lessonEntry
	for _, lesson := range lessons.All() {
		e := lessonEntry{Lesson: lesson, NeedsFirst: needsOf(lesson), Minutes: minutes[lesson.Slug]}
		e.Here = !known || e.Minutes > 0
		for _, name := range lesson.Experiments {
			if found := experiments.Find(name); found != nil && lab {
				e.Experiments = append(e.Experiments, experimentRef{found.Title, experimentURL(name)})
			}
		}
		list = append(list, e)
	}
	return list
}

// needsOf are the lessons that one needs, and not only their slugs.
func needsOf(l lessons.Lesson) (needs []lessons.Lesson) {
	for _, slug := range l.Needs {
		if need, ok := lessons.Find(slug); ok {
			needs = append(needs, need)
		}
	}
	return needs
}
