// Package web turns requests into pages, and errors into honest answers.
//
// An article's page is what the package is about: see article.go for how it is
// put together, parts.go for how the optional parts load, and errors.go for
// what happens when the article itself can't be had.
package web

import (
	"context"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"afloat/internal/assets"
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/telemetry"
	"afloat/internal/widgets"
)

// Options is what a Server needs. All fields but Lab, Links, Meter and Metrics
// are required.
type Options struct {
	Posts           *store.Posts
	Comments        *store.Comments
	CommentsWidget  *widgets.Widget[[]store.Comment]
	Counts          *widgets.Widget[map[string]int]
	Recommendations *widgets.Widget[[]widgets.Suggestion]
	Popular         *widgets.Widget[[]widgets.Popular]
	Views           *widgets.Views

	Table    policy.Table
	Server   policy.Server
	Warnings *telemetry.Warnings
	Recorder *telemetry.Recorder
	Log      *slog.Logger

	Templates fs.FS
	Static    fs.FS
	Source    *source.Tree

	Lab      *lab.Switchboard // nil: no faults are set here
	Links    []*fault.Link    // what the waterline shows; the twin's follow the blog's
	LabHosts []string         // Host names the lab answers to
	Other    Other            // the twin of this process
	Stopping context.Context  // ends when the server begins to shut down

	Meter   Meter        // told of each answer and part; nil: nobody is
	Metrics http.Handler // answers GET /metrics; nil: there is none
}

// Other says where the other of the two twins is.
type Other struct {
	Name string // "the naive twin"; "" where there is none
	Port string
}

// Server serves the blog. It is an http.Handler.
type Server struct {
	Options
	assets  *assets.Set
	pages   *renderer
	handler http.Handler
	limits  *commentLimits
	refs    map[string]partRefs
	failed  []byte // the page for when rendering itself fails
	hot     *hotPages
}

// New builds the server; it contacts nothing.
func New(o Options) (*Server, error) {
	files, err := assets.New(o.Static)
	if err != nil {
		return nil, err
	}
	pages, err := newRenderer(o.Templates, func(name string) string { return staticURL(files, name) })
	if err != nil {
		return nil, err
	}
	if o.Meter == nil {
		o.Meter = noMeter{}
	}
	s := &Server{Options: o, assets: files, pages: pages, limits: newCommentLimits(o.Server)}
	if s.refs, err = findRefs(o.Source); err != nil {
		return nil, err
	}
	s.failed, err = pages.render("error", errorPage{
		frame:  frame{Title: "This page could not be made"},
		Status: http.StatusInternalServerError, Headline: "This page could not be made",
		Detail: "The fault is ours, and it is in the log. Reloading may help.",
	})
	if err != nil {
		return nil, err
	}
	if s.hot, err = newHotPages(o.Server.HotEntries, o.Table.Page.Hot); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	return s, nil
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.serveHot(w, r) {
		s.handler.ServeHTTP(w, r)
	}
}

// CompressStatic compresses what is under /static/, until it is done or ctx
// ends. Meanwhile it is served uncompressed.
func (s *Server) CompressStatic(ctx context.Context) error { return s.assets.Compress(ctx) }

func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(
		s.observe,                               // outermost: what it counts is what was sent
		s.recoverPanics,                         // a bug in one page ends that page only
		s.securityHeaders,                       // before anything can answer
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
			if s.Lab != nil {
				r.Post("/faults", page(s.setFault))
				r.Delete("/faults", page(s.clearFaults))
				r.Delete("/faults/{link}", page(s.clearFaults))
			}
		})
	}
	r.NotFound(page(func(http.ResponseWriter, *http.Request) error { return store.ErrNotFound }))
	r.MethodNotAllowed(page(methodNotAllowed))
	return r
}

// labOn reports whether this process shows the lab: as the blog, or as the
// naive twin that follows it.
func (s *Server) labOn() bool { return s.Lab != nil || s.naive() && len(s.Links) > 0 }

func (s *Server) naive() bool { return s.Table.Name == "naive" }

// HTTPServer returns the server with every limit set.
func HTTPServer(h http.Handler, p policy.Server, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: p.ReadHeaderTimeout,
		ReadTimeout:       p.ReadTimeout,
		WriteTimeout:      p.WriteTimeout,
		IdleTimeout:       p.IdleTimeout,
		MaxHeaderBytes:    p.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// slotContext bounds the optional parts of a page, counted from now.
func (s *Server) slotContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Table.Page.Slot == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.Table.Page.Slot)
}

// frame is what each page shares.
func (s *Server) frame(r *http.Request, title, nav string) frame {
	f := frame{Title: title, Nav: nav, Here: localPath(r.URL.RequestURI()), Lab: s.labOn(), Naive: s.naive(), OtherName: s.Other.Name}
	f.Canonical = canonical(r)
	if f.Lab {
		f.XRay = xrayAsked(r)
		f.XRayURL = localPath(with(r, "xray", "1"))
		if f.XRay {
			f.XRayURL = localPath(with(r, "xray", ""))
		}
		f.Faults = s.faultsInWords()
	}
	if s.Other.Name != "" {
		f.OtherURL = otherURL(r, s.Other.Port)
	}
	return f
}
