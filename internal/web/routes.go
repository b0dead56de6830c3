package web

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(
		s.observe,                               // outermost: what it counts is what was sent
		s.recoverPanics,                         // a bug in one page ends that page only
		s.securityHeaders,                       // before anything can answer
		s.shed,                                  // before anything costs
		s.forwarded,                             // who is behind the proxies: what one reader may send is counted by address
		http.NewCrossOriginProtection().Handler, // no other site's page may post here in a reader's name
		middleware.GetHead,                      // HEAD is GET without the body
		middleware.RequestSize(s.Options.Server.MaxFormBytes), // forms are small; nothing else has a body
	)
	page := func(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc { return s.answer(h) }
	r.Get("/", page(s.home))
	r.Get("/posts/{slug}", page(s.article))
	r.Get("/posts/{slug}/comment", page(s.commentForm))
	r.Post("/posts/{slug}/comments", page(s.postComment))
	r.Get("/tags/{tag}", page(s.tag))
	r.Get("/archive", page(s.archive))
	r.Get("/archive/{year:[0-9]{4}}", page(s.archiveYear))
	r.Get("/lessons", page(s.lessonsIndex))
	r.Get("/glossary", page(s.glossary))
	r.Get("/teach", page(s.teach))
	r.Get("/search", page(s.search))
	r.Get("/feed.xml", page(s.atomFeed))
	r.Get("/feed.json", page(s.jsonFeed))
	r.Get("/sitemap.xml", page(s.sitemap))
	r.Get("/sitemap-{page:[1-9][0-9]*}.xml", page(s.sitemapFile))
	r.Get("/robots.txt", s.robots)
	r.Get("/favicon.ico", s.favicon)
	r.Get("/about", page(s.about))
	r.Get("/source", page(s.sourceIndex))
	r.Get("/source/*", page(s.sourceFile))
	r.Method(http.MethodGet, "/static/*", http.StripPrefix("/static/", s.assets))
	r.Get("/livez", livez)
	r.Get("/readyz", page(s.readyz))
	if s.Metrics != nil {
		r.Method(http.MethodGet, "/metrics", s.Metrics)
	}
	if s.labOn() {
		r.Route("/lab", func(r chi.Router) {
			r.Use(s.labHostsOnly) // a name that someone else's DNS points here must not work the lab
			r.Get("/bar", page(s.faultBarPage))
			r.Get("/faults", page(s.listFaults))
			r.Get("/status", page(s.labStatus))
			r.Get("/timeline.json", page(s.labTimeline))
			r.Get("/events", page(s.labEvents))
			if s.Lab != nil {
				s.labControls(r, page)
			}
		})
	}
	r.NotFound(page(s.notFound))
	r.MethodNotAllowed(page(methodNotAllowed))
	return r
}
