package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
)

// shed refuses what is more than the server can do in time: at once, with bytes
// that were rendered at start, the least important first.
func (s *Server) shed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		priority, counts := priorityOf(r)
		if !counts {
			next.ServeHTTP(w, r)
			return
		}
		release, err := s.shedder.Acquire(priority)
		if err != nil {
			s.refuse(w, r, err)
			return
		}
		defer release()
		next.ServeHTTP(w, r)
	})
}

// priorityOf is how much a request matters. Some don't count: the lab and the
// health checks have to work in any overload, static files cost nothing, and a
// comment is somebody's work, which a refusal would lose; what it costs is
// bounded by its own bulkhead.
func priorityOf(r *http.Request) (p resilience.Priority, counts bool) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "lab", "livez", "readyz", "metrics", "static", "favicon.ico", "robots.txt":
		return 0, false
	case "posts":
		return resilience.High, r.Method != http.MethodPost
	case "", "tags", "archive", "feed.xml", "feed.json", "about", "lessons", "glossary", "teach":
		return resilience.Normal, true
	default: // searches, sources, sitemaps, and addresses that never were
		return resilience.Low, true
	}
}

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	// Refused before it was routed, it is counted by its route all the same.
	routing, found := chi.RouteContext(r.Context()), chi.NewRouteContext()
	if routing.Routes.Match(found, r.Method, r.URL.Path) {
		routing.RoutePatterns = found.RoutePatterns
	}
	missing := resilience.Provenance{Source: resilience.FromPlaceholder, State: resilience.Missing, Err: err}
	s.Meter.Part("page", missing)
	s.Warnings.Part(r.Context(), "page", "load shedding", missing)
	noStore(w)
	w.Header().Set("Retry-After", strconv.Itoa(int(s.Options.Server.RetryAfter.Seconds())))
	writePage(w, http.StatusServiceUnavailable, s.overloaded)
}

// overloadedPage is what the refused get.
func (s *Server) overloadedPage() ([]byte, error) {
	return s.pages.render("error", errorPage{
		frame:  frame{Title: "Too many readers at once", Twin: s.twin.name, TwinSays: s.twin.says},
		Status: http.StatusServiceUnavailable, Headline: "Too many readers at once",
		Detail:     "There is more to do at this moment than can be done in time, so this page was refused rather than made to wait. Articles are the last to be refused.",
		RetryAfter: int(s.Options.Server.RetryAfter.Seconds()),
	})
}
