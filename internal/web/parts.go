package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/widgets"
)

// A slot is one optional part of the page being made.
type slot struct {
	name string
	// peek answers from memory without waiting; get waits until ctx ends.
	peek func(ctx context.Context) (loaded, bool)
	get  func(ctx context.Context) loaded
}

// loaded is a slot's answer, ready to be rendered.
type loaded struct {
	name string
	resilience.Provenance
	err  error // set if there is nothing to show; the provenance says Missing
	html func(streamed bool) ([]byte, error)
}

// slotSpec joins a widget with how it looks.
type slotSpec[T, V any] struct {
	widget *widgets.Widget[T]
	title  string
	view   func(T) V
	gone   string                // what to say when it is missing
	old    string                // what to say when it is stale
	renew  bool                  // skip copies: this reader has just changed what it shows
	shows  func(T) bool          // then finds the change in what a replica says; nil: none is asked
	before func(context.Context) // runs before such a reading; nil: nothing does
	xray   func(*xray)           // adds to the caption; nil adds nothing
	memo   *memo                 // for a part that is the same on all pages; nil: it isn't
}

func newSlot[T, V any](s *Server, r *http.Request, req widgets.Request, spec slotSpec[T, V]) slot {
	name := spec.widget.Name()
	xray := s.xrayOn(r)
	finish := func(v T, p resilience.Provenance, err error) loaded {
		make := func(streamed bool) ([]byte, error) {
			view := part[V]{Name: name, Title: spec.title, V: spec.view(v), Provenance: p, Slot: streamed}
			switch p.State {
			case resilience.Missing, resilience.Fallback:
				view.Note = spec.gone
			case resilience.Stale:
				view.Note = cmp.Or(behindNote(p), spec.old)
			}
			if xray {
				view.XRay = s.caption(name, p)
				if spec.xray != nil {
					spec.xray(view.XRay)
				}
			}
			return s.pages.render("part-"+name, view)
		}
		if spec.memo == nil || xray || p.State.Degraded() { // those show more than their value: ages, attempts
			return loaded{name: name, Provenance: p, err: err, html: make}
		}
		return loaded{name: name, Provenance: p, err: err, html: func(streamed bool) ([]byte, error) {
			return spec.memo.html(rendering{p.At, p.State, streamed}, func() ([]byte, error) { return make(streamed) })
		}}
	}
	get := spec.widget.Get
	if spec.renew {
		get = func(ctx context.Context, req widgets.Request) (T, resilience.Provenance, error) {
			if spec.before != nil {
				spec.before(ctx)
			}
			return spec.widget.Refresh(ctx, req, spec.shows)
		}
	}
	return slot{
		name: name,
		peek: func(ctx context.Context) (loaded, bool) {
			if spec.renew {
				return loaded{}, false
			}
			v, p, ok := spec.widget.Peek(ctx, req)
			return finish(v, p, nil), ok
		},
		get: func(ctx context.Context) loaded { return finish(get(ctx, req)) },
	}
}

// articleSlots are the optional parts of an article's page, in the order of
// the whole rendering. mine names the comment that this reader has just
// written; "" for others.
func (s *Server) articleSlots(r *http.Request, slug, mine string) []slot {
	req := widgets.Request{Slug: slug}
	outbox := s.Comments.Outbox()
	var shows func([]store.Comment) bool
	if s.Comments.Replicated() {
		shows = func(list []store.Comment) bool { // one that waits in the outbox is no database's to show
			return store.IsEntry(mine) || slices.ContainsFunc(list, func(c store.Comment) bool { return c.Ref() == mine })
		}
	}
	return []slot{
		newSlot(s, r, req, slotSpec[[]store.Comment, commentsView]{
			widget: s.CommentsWidget, title: "Comments", renew: mine != "", shows: shows,
			before: func(ctx context.Context) { mine = outbox.Resolve(ctx, mine) }, // in time for the view, which comes after
			view:   func(list []store.Comment) commentsView { return viewComments(slug, list, outbox.Waiting(slug), mine) },
			xray:   func(x *xray) { x.Outbox = outboxCaption(outbox) },
			gone:   "Comments are out of reach. The article is not. Reloading in a moment may bring them back.",
			old:    "Newer comments did not come in time; these are the last ones seen.",
		}),
		newSlot(s, r, req, slotSpec[[]widgets.Suggestion, []suggestionView]{
			widget: s.Recommendations, title: "Similar articles",
			view: viewSuggestions,
			gone: "Similar articles are out of reach. The archive lists everything.",
			old:  "The recommendations service does not answer; this is what it said last.",
		}),
		s.popularSlot(r),
	}
}

func (s *Server) popularSlot(r *http.Request) slot {
	return newSlot(s, r, widgets.Request{}, slotSpec[[]widgets.Popular, []popularView]{
		widget: s.Popular, title: "Popular now",
		view: viewPopular,
		gone: "What is popular is out of reach. The archive lists everything.",
		old:  "Redis does not answer; this is what was popular then.",
		memo: &s.popularHTML,
	})
}

// peekAll answers all slots from memory, or says that some would have to wait.
func peekAll(ctx context.Context, slots []slot) ([]loaded, bool) {
	parts := make([]loaded, len(slots))
	for i, slot := range slots {
		var ok bool
		if parts[i], ok = slot.peek(ctx); !ok {
			return nil, false
		}
	}
	return parts, true
}

// loadAll starts all slots side by side. Each answer arrives on the channel as
// it comes, in order of arrival.
func (s *Server) loadAll(ctx context.Context, slots []slot) <-chan loaded {
	parts := make(chan loaded, len(slots)) // buffered: a reader who leaves blocks nobody
	for _, slot := range slots {
		s.reads.Go(func() {
			if part, ok := slot.peek(ctx); ok {
				parts <- part
				return
			}
			parts <- slot.get(ctx)
		})
	}
	return parts
}

// settle notes how a part went: counted, and one warning where it is degraded. It returns
// an error only where the policies isolate nothing, as in the naive twin, and where the part is
// marked as critical.
func (s *Server) settle(r *http.Request, part loaded) error {
	if part.err != nil && !s.Table.Page.Isolate {
		return part.err
	}
	s.Meter.Part(part.name, part.Provenance)
	if part.State.Degraded() {
		visitOf(r).degraded = true
	}
	if part.State.Degraded() && !errors.Is(part.Err, resilience.ErrUnconfirmed) {
		s.Warnings.Part(r.Context(), part.name, s.policyOf(part.name), part.Provenance)
	}
	if s.critical.lacks(part.name, part.State) {
		return fmt.Errorf("%w: %s: %w", errCritical, part.name, part.Err)
	}
	return nil
}

// renderPart makes a part's HTML, or a placeholder's and false. Whatever goes
// wrong in it, a panic included, costs that part only: the page around it may
// be on its way already.
func (s *Server) renderPart(part loaded, streamed bool) (html []byte, ok bool) {
	html, err := resilience.Isolate(func() ([]byte, error) { return part.html(streamed) })
	if err == nil {
		return html, true
	}
	s.Log.Error("a part could not be rendered", "part", part.name, "err", err)
	if html, err = s.pages.render("part-broken", part0(part.name, streamed)); err != nil {
		return nil, false // the placeholder of a placeholder is nothing
	}
	return html, false
}

// part0 is the part that stands in for one that could not be rendered.
func part0(name string, streamed bool) part[struct{}] {
	return part[struct{}]{
		Name: name, Title: "Missing", Slot: streamed,
		Provenance: resilience.Provenance{State: resilience.Missing, Source: resilience.FromPlaceholder},
		Note:       "This part could not be shown. The article is not affected.",
	}
}
