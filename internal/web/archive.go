package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
	"afloat/internal/store"
)

const archiveSize = 100

func (s *Server) archive(w http.ResponseWriter, r *http.Request) error { return s.archiveOf(w, r, 0) }

func (s *Server) archiveYear(w http.ResponseWriter, r *http.Request) error {
	year, err := strconv.Atoi(chi.URLParam(r, "year"))
	if err != nil || year == 0 {
		return store.ErrNotFound
	}
	return s.archiveOf(w, r, year)
}

// archiveOf serves a page of a year's articles, or of all (year 0). The list is
// critical; the way to the other years and to the tags is not. Both are of
// bounded size, however many articles there are.
func (s *Server) archiveOf(w http.ResponseWriter, r *http.Request, year int) error {
	r = s.noteMoment(r)
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	ctx, cancel := s.slotContext(r.Context())
	defer cancel()
	contents := s.loadContents(ctx)

	list := func() (store.Listing, resilience.Provenance, error) {
		if year == 0 {
			return s.Posts.List(r.Context(), "", number, archiveSize)
		}
		return s.Posts.Year(r.Context(), year, number, archiveSize)
	}
	listing, prov, err := list()
	if err != nil {
		return err
	}
	s.note(r, "list", prov)
	page := archivePage{frame: s.frame(r, "Archive", "archive"), Year: year, Page: number, Pages: pages(listing.Total, archiveSize)}
	page.Description = "Every article on Afloat, newest first, by year."
	if year != 0 {
		page.Title = fmt.Sprintf("Archive of %d", year)
		page.Description = fmt.Sprintf("The %s on Afloat in %d, newest first.", plural(listing.Total, "article", "articles"), year)
	}
	heading := page.Title
	if number > 1 {
		page.Title = fmt.Sprintf("%s, page %d", heading, number)
	}
	page.List = part[[]archiveYear]{Name: "list", Title: heading, V: viewYears(listing.Items), Provenance: prov, Note: noteIf(prov, postNoteList)}
	page.NewerURL, page.OlderURL = neighbours(number, page.Pages, func(n int) string { return archiveURL(year, n) })

	got := <-contents
	if err := s.settle(r, got.loaded); err != nil {
		return err
	}
	page.Contents = part[store.Contents]{Name: "contents", Title: "Years and tags", V: got.v, Provenance: got.Provenance,
		Note: noteIf(got.Provenance, contentsNote)}
	if s.xrayOn(r) {
		page.List.XRay = s.caption("list", prov)
		page.Contents.XRay = s.caption("contents", got.Provenance)
	}
	keep := !prov.State.Degraded() && !got.State.Degraded() && !page.XRay && len(page.Faults) == 0
	provenanceHeaders(w.Header(), keep, named{"list", prov}, named{"contents", got.Provenance})
	return s.renderWhole(w, r, "archive", page, keep)
}

type loadedContents struct {
	loaded
	v store.Contents
}

// loadContents reads the contents beside the list. Its answer comes when ctx
// ends, at the latest.
func (s *Server) loadContents(ctx context.Context) <-chan loadedContents {
	answer := make(chan loadedContents, 1)
	s.reads.Go(func() {
		got := loadedContents{loaded: loaded{name: "contents"}}
		got.v, got.err = resilience.Isolate(func() (c store.Contents, err error) {
			c, got.Provenance, err = s.Posts.Contents(ctx)
			return c, err
		})
		if got.err != nil {
			got.State, got.Source, got.At = resilience.Missing, resilience.FromPlaceholder, time.Time{}
		}
		got.v.Tags = slices.Clone(got.v.Tags) // the cache's own copy is shared
		slices.SortFunc(got.v.Tags, func(a, b store.TagCount) int { return strings.Compare(a.Tag, b.Tag) })
		answer <- got
	})
	return answer
}

func contentsNote(p resilience.Provenance) string {
	if p.State == resilience.Missing {
		return "The years and tags are out of reach. The articles are not: they stand here, page by page."
	}
	return "The database does not answer. These counts may be out of date."
}

func viewYears(items []store.Summary) []archiveYear {
	var years []archiveYear
	for _, a := range items {
		if y := a.Published.UTC().Year(); len(years) == 0 || years[len(years)-1].Year != y {
			years = append(years, archiveYear{Year: y})
		}
		last := &years[len(years)-1]
		last.Entries = append(last.Entries, viewEntry(a))
	}
	return years
}
