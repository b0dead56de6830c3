package web

import (
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
	if utf8.RuneCountInString(query) > maxQuery {
		query = string([]rune(query)[:maxQuery])
	}
	page := searchPage{frame: s.frame(r, "Search", "search"), Query: query, Asked: query != "", Page: number}
	page.Canonical = ""
	page.Results = part[[]searchResult]{Name: "results", Title: "Results", Provenance: resilience.Provenance{State: resilience.Fresh}}
	if page.Asked {
		page.Title = "Search: " + query
		found, prov, err := s.Posts.Search(r.Context(), query, number, searchSize)
		if err != nil {
			return err
		}
		page.Results.V, page.Results.Provenance = viewResults(found), prov
		if prov.State.Degraded() {
			page.Results.Note = "The database does not answer. This is a plain search of the snapshot: whole words as typed, no word forms."
			s.Warnings.Part(r.Context(), "results", s.policyOf("results"), prov)
		}
		if len(found) > 0 {
			page.Total = found[0].Total
		}
		page.NewerURL, page.OlderURL = neighbours(number, pages(page.Total, searchSize), func(n int) string { return searchURL(query, n) })
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
	return s.renderWhole(w, r, "source-index", sourcePage{frame: s.frame(r, "Source", ""), Files: s.Source.Files()}, false)
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
	return s.renderWhole(w, r, "source", sourcePage{frame: s.frame(r, path.Base(name), ""), Path: name, Code: code}, false)
}
