package web

import (
	"cmp"
	"html/template"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
	"afloat/internal/store"
)

const (
	searchSize = 10
	maxQuery   = 200
)

func (s *Server) search(w http.ResponseWriter, r *http.Request) error {
	number, err := pageNumber(r)
	if err != nil {
		return err
	}
	query := strings.Join(strings.Fields(strings.ToValidUTF8(r.URL.Query().Get("q"), "")), " ")
	query = strings.ReplaceAll(query, "\x00", "")
	page := searchPage{frame: s.frame(r, "Search", "search"), Page: number}
	if utf8.RuneCountInString(query) > maxQuery {
		query, page.Cut = string([]rune(query)[:maxQuery]), maxQuery
	}
	page.Query, page.Asked, page.Blank = query, query != "", query == "" && r.URL.Query().Has("q")
	page.Description = "Search the articles on Afloat."
	page.Results = part[[]searchResult]{Name: "results", Title: "Results", Provenance: resilience.Provenance{State: resilience.Fresh}}
	if page.Asked {
		page.Title = "Search: " + query
		page.Canonical = "" // there is no end of results
		found, prov, err := s.Posts.Search(r.Context(), query, number, searchSize)
		if err != nil {
			return err
		}
		s.note(r, "results", prov)
		page.Results.V, page.Results.Provenance = viewResults(found), prov
		if prov.State.Degraded() {
			page.Results.Note = cmp.Or(behindNote(prov), "The database does not answer. This is a plain search of the snapshot: the letters as typed, no word forms.")
		}
		if len(found) > 0 {
			page.Total, page.More = found[0].Total, found[0].More
		}
		page.Pages = pages(page.Total, searchSize)
		page.NewerURL, page.OlderURL = neighbours(number, page.Pages, func(n int) string { return searchURL(query, n) })
	}
	if s.xrayOn(r) && page.Asked {
		page.Results.XRay = s.caption("results", page.Results.Provenance)
	}
	if page.Asked {
		provenanceHeaders(w.Header(), false, named{"results", page.Results.Provenance})
	}
	return s.renderWhole(w, r, "search", page, false)
}

// viewResults escapes snippets first and marks matches afterwards.
func viewResults(found []store.Found) []searchResult {
	marks := strings.NewReplacer(store.MarkStart, "<mark>", store.MarkEnd, "</mark>")
	var list []searchResult
	for _, f := range found {
		list = append(list, searchResult{Slug: f.Slug, Title: f.Title, Published: f.Published,
			Snippet: template.HTML(marks.Replace(template.HTMLEscapeString(f.Snippet)))})
	}
	return list
}

func (s *Server) about(w http.ResponseWriter, r *http.Request) error {
	page := aboutPage{frame: s.frame(r, "About", "about")}
	page.Description = "What Afloat is, what it teaches about fault-tolerant design, and how to break it."
	for _, g := range []struct {
		name  string
		guard *resilience.Guard
	}{
		{"Articles, from Postgres", s.Posts.Guard()},
		{"Comments, from Postgres", s.CommentsWidget.Guard()},
		{"Similar articles, from the recommendations service", s.Recommendations.Guard()},
		{"Popular now, from Redis", s.Popular.Guard()},
	} {
		page.Links = append(page.Links, aboutLink{g.name, breakerInWords(g.guard.State())})
	}
	return s.renderWhole(w, r, "about", page, false)
}

func breakerInWords(state resilience.BreakerState) string {
	switch state {
	case resilience.Open:
		return "not answering: the circuit breaker is open"
	case resilience.HalfOpen:
		return "being tried again: the circuit breaker is half-open"
	case resilience.Closed:
		return "answering"
	default:
		return "unprotected"
	}
}

func (s *Server) sourceIndex(w http.ResponseWriter, r *http.Request) error {
	page := sourcePage{frame: s.frame(r, "Source", ""), Files: s.Source.Files()}
	page.Description = "The source of the program that serves this blog, file by file."
	return s.serveSource(w, r, "source-index", page)
}

func (s *Server) sourceFile(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "*")
	if name == "" {
		return s.sourceIndex(w, r)
	}
	code, err := s.Source.Highlight(name)
	if err != nil {
		return err
	}
	page := sourcePage{frame: s.frame(r, path.Base(name), ""), Path: name, Code: code}
	page.Description = "The source of " + name + ", as it was when this blog was built."
	return s.serveSource(w, r, "source", page)
}

// serveSource leaves keeping to CDNs: these pages are large, and hardly ever
// asked for.
func (s *Server) serveSource(w http.ResponseWriter, r *http.Request, name string, page sourcePage) error {
	body, err := s.pages.render(name, page)
	if err != nil {
		return err
	}
	serveWhole(w, r, "text/html; charset=utf-8", body, !page.XRay && len(page.Faults) == 0)
	return nil
}
