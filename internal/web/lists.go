package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/widgets"
)

const homeSize = 10

func (s *Server) home(w http.ResponseWriter, r *http.Request) error { return s.list(w, r, "") }

func (s *Server) tag(w http.ResponseWriter, r *http.Request) error {
	tag, err := url.PathUnescape(chi.URLParam(r, "tag"))
	if err != nil || tag == "" {
		return store.ErrNotFound
	}
	return s.list(w, r, tag)
}

// list serves a page of articles: the list is critical, the counts and what is
// popular are not.
func (s *Server) list(w http.ResponseWriter, r *http.Request, tag string) error {
	r = s.noteMoment(r)
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	listing, prov, err := s.Posts.List(r.Context(), tag, number, homeSize)
	if err != nil {
		return err
	}
	s.note(r, "list", prov)
	page := listPage{frame: s.frame(r, "", "home"), Heading: "Articles", Tag: tag, Page: number, Pages: pages(listing.Total, homeSize)}
	page.Description = siteDescription
	if tag != "" {
		page.frame = s.frame(r, "Articles on "+tag, "")
		page.Heading = "Articles on " + tag
		page.Description = fmt.Sprintf("%s on %s, newest first.", plural(listing.Total, "article", "articles"), tag)
	}
	if number > 1 {
		page.Title = fmt.Sprintf("%s, page %d", page.Heading, number)
	}
	page.List = part[[]entry]{Name: "list", Title: page.Heading, V: viewEntries(listing.Items), Provenance: prov, Note: noteIf(prov, postNoteList)}
	page.NewerURL, page.OlderURL = neighbours(number, page.Pages, func(n int) string { return listURL(tag, n) })

	ctx, cancel := s.slotContext(r.Context())
	defer cancel()
	keep, timing, err := s.fillList(ctx, r, &page)
	if err != nil {
		return err
	}
	if s.xrayOn(r) {
		page.List.XRay = s.caption("list", prov)
		page.Counts.XRay = s.caption("counts", page.Counts.Provenance)
		page.Popular.XRay = s.caption("popular", page.Popular.Provenance)
	}
	keep = keep && !prov.State.Degraded() && !page.XRay && len(page.Faults) == 0
	provenanceHeaders(w.Header(), keep, append([]named{{"list", prov}}, timing...)...)
	return s.renderWhole(w, r, "home", page, keep)
}

// fillList adds the optional parts of a list, side by side.
func (s *Server) fillList(ctx context.Context, r *http.Request, page *listPage) (complete bool, timing []named, err error) {
	var slugs []string
	for _, e := range page.List.V {
		slugs = append(slugs, e.Slug)
	}
	counted := make(chan func() error, 1)
	s.reads.Go(func() {
		counts, prov, err := s.Counts.Get(ctx, widgets.Request{Slugs: slugs})
		counted <- func() error {
			total := 0
			for i, e := range page.List.V {
				page.List.V[i].Comments, page.List.V[i].HasCount = counts[e.Slug], err == nil
				total += counts[e.Slug]
			}
			page.Counts = &part[int]{Name: "counts", Title: "Comment counts", V: total, Provenance: prov,
				Note: noteIf(prov, countsNote)}
			return s.settle(r, loaded{name: "counts", Provenance: prov, err: err})
		}
	})
	popular, prov, popularErr := s.Popular.Get(ctx, widgets.Request{})
	page.Popular = &part[[]popularView]{Name: "popular", Title: "Popular now", V: viewPopular(popular), Provenance: prov,
		Note: noteIf(prov, popularNote)}
	if err := s.settle(r, loaded{name: "popular", Provenance: prov, err: popularErr}); err != nil {
		return false, nil, err
	}
	if err := (<-counted)(); err != nil {
		return false, nil, err
	}
	complete = !page.Counts.State.Degraded() && !page.Popular.State.Degraded()
	return complete, []named{{"counts", page.Counts.Provenance}, {"popular", page.Popular.Provenance}}, nil
}

// noteIf is a degraded part's note.
func noteIf(p resilience.Provenance, note func(resilience.Provenance) string) string {
	if !p.State.Degraded() {
		return ""
	}
	return cmp.Or(behindNote(p), note(p))
}

func countsNote(p resilience.Provenance) string {
	if p.State == resilience.Missing {
		return "Comment counts are out of reach."
	}
	return "The database does not answer. The comment counts may be out of date."
}

func popularNote(p resilience.Provenance) string {
	if p.State == resilience.Missing {
		return "What is popular is out of reach. The archive lists everything."
	}
	return "Redis does not answer; this is what was popular then."
}

func postNoteList(p resilience.Provenance) string {
	return strings.Replace(postNote(p), "This article", "This list", 1)
}

// pageNumber reads ?page=; there is no page 0, nor one called "two".
func pageNumber(r *http.Request) (int, error) {
	raw := r.URL.Query().Get("page")
	if raw == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(raw)
	if err != nil || n < 1 || n > 1_000_000 {
		return 0, store.ErrNotFound
	}
	return n, nil
}

func pages(total, size int) int { return max(1, (total+size-1)/size) }

func neighbours(page, pages int, url func(int) string) (newer, older string) {
	if page > 1 {
		newer = url(page - 1)
	}
	if page < pages {
		older = url(page + 1)
	}
	return newer, older
}

func viewEntry(a store.Summary) entry {
	return entry{Slug: a.Slug, Title: a.Title, Summary: a.Summary, Tags: a.Tags, Published: a.Published, Minutes: a.Minutes}
}

func viewEntries(items []store.Summary) []entry {
	var list []entry
	for _, a := range items {
		list = append(list, viewEntry(a))
	}
	return list
}
