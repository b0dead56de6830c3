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
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"afloat/internal/assets"
	"afloat/internal/capstone"
	"afloat/internal/fault"
	"afloat/internal/fleet"
	"afloat/internal/lab"
	"afloat/internal/lessons"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/telemetry"
	"afloat/internal/widgets"
)

// Options is what a Server needs. All fields are required but Lab, Links, FollowKey,
// TrustedProxies, Meter, Metrics, Guards, Pools, Progress, Node, Fleet and Purge.
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
	Timeline *telemetry.Timeline
	Log      *slog.Logger

	Templates fs.FS
	Static    fs.FS
	Source    *source.Tree

	Lab       *lab.Switchboard // nil: no faults are set here
	Links     []*fault.Link    // what the waterline shows; the twin's follow the blog's
	LabHosts  []string         // Host names the lab answers to
	FollowKey string           // with it GET /lab/faults tells of hidden faults too, for the twins; "": nobody is told
	Other     Other            // the twin of this process
	Node      string           // this server's name, sent with each answer; "" sends none
	Fleet     *fleet.Watcher   // what else there is; nil: nothing is known
	Stopping  context.Context  // ends when the server begins to shut down
	Critical  []string         // widgets whose absence takes the page down; the post's always does

	TrustedProxies []string // networks whose X-Forwarded-For is believed

	Runner  *lab.Runner  // of experiments; nil: there are none
	Readers *lab.Readers // built in; nil: there are none
	Custom  lab.Custom   // the server with other protections; nil: there is none

	Meter   Meter        // told of each answer and part; nil: nobody is
	Metrics http.Handler // answers GET /metrics; nil: there is none

	Outdate func(paths ...string) // tells the edges that the pages at these paths have changed; it doesn't wait; nil: there is no edge

	LabLimits policy.Lab
	Guards    []*resilience.Guard                       // whose state /lab/status tells
	Pools     func() []Pool                             // of the clients
	Progress  func() (now any, changed <-chan struct{}) // of an experiment, for JSON; changed is closed at the next change
}

// Other says where the other of the two twins is.
type Other struct {
	Name string // "the naive twin"; "" where there is none
	Port string
}

// Server serves the blog. It is an http.Handler.
type Server struct {
	Options
	assets     *assets.Set
	pages      *renderer
	handler    http.Handler
	limits     *commentLimits
	refs       map[string]partRefs
	reasons    map[string]reason      // of the numbers in the policies table
	labCode    map[string][]codeView  // by dependency
	claims     map[string][]claimView // by page of the lab
	failed     []byte                 // the page for when rendering itself fails
	twin       twin
	shedder    *resilience.Shedder
	overloaded []byte // the page for those who are refused
	hot        *hotPages
	bodies     *bodies // of articles
	terms      *lessons.Marker

	capstone *capstone.Exercise // nil without a runner

	critical marks
	reads    sync.WaitGroup // of parts, also of those that no page waits for any more
	streams  atomic.Int64   // of events, that are open
	heard    atomic.Int64   // changes of comments

	popularHTML memo
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
	s := &Server{Options: o, assets: files, pages: pages, limits: newCommentLimits(o.Server), twin: twinOf(o.Table), terms: lessons.NewMarker(lessons.Terms())}
	if s.refs, err = findRefs(o.Source); err != nil {
		return nil, err
	}
	if s.reasons, err = readReasons(o.Source); err != nil {
		return nil, err
	}
	if s.labCode, err = findLabCode(o.Source); err != nil {
		return nil, err
	}
	if s.claims, err = findClaims(o.Source); err != nil {
		return nil, err
	}
	if err = CheckCritical(o.Critical); err != nil {
		return nil, err
	}
	s.critical = marks{o.Critical, o.Lab}
	s.failed, err = pages.render("error", errorPage{
		frame:  frame{Title: "This page could not be made"},
		Status: http.StatusInternalServerError, Headline: "This page could not be made",
		Detail: "The fault is ours, and it is in the log. Reloading may help.",
	})
	if err != nil {
		return nil, err
	}
	if s.overloaded, err = s.overloadedPage(); err != nil {
		return nil, err
	}
	if s.shedder, err = resilience.NewShedder(o.Table.Shed); err != nil {
		return nil, err
	}
	if s.hot, err = newHotPages(o.Server.HotEntries, o.Table.Page.Hot); err != nil {
		return nil, err
	}
	if s.bodies, err = otter.New(&otter.Options[string, func() embedded]{MaximumSize: o.Server.HotEntries}); err != nil {
		return nil, err
	}
	if o.Runner != nil {
		s.capstone = capstone.New(o.Runner, policy.CapstoneTimes())
	}
	s.handler = s.routes()
	return s, nil
}

// Wait returns when no part is read any more, not even for a page that was
// answered without it. Call it at shutdown, when no more requests come.
func (s *Server) Wait() { s.reads.Wait() }

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Node != "" { // here, since finished pages pass no middleware
		w.Header().Set("X-Served-By", s.Node)
	}
	if !s.serveHot(w, r) {
		s.handler.ServeHTTP(w, r)
	}
}

// labOn reports whether this process shows the lab: as the blog, or as a twin
// that follows it.
func (s *Server) labOn() bool { return s.Lab != nil || s.isTwin() && len(s.Links) > 0 }

// slotContext bounds the optional parts of a page, counted from now.
func (s *Server) slotContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.Table.Page.Slot == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, s.Table.Page.Slot)
}

// frame is what each page shares.
func (s *Server) frame(r *http.Request, title, nav string) frame {
	f := frame{Title: title, Nav: nav, Here: localPath(r.URL.RequestURI()), Lab: s.labOn(), LabPages: s.Lab != nil && s.Runner != nil, HasFleet: s.Fleet != nil, Node: s.Node, Twin: s.twin.name, TwinSays: s.twin.says, OtherName: s.Other.Name}
	f.Canonical = canonical(r)
	if s.Table.Name == "custom" && s.hidden() {
		f.TwinSays = "with one protection off: which one is the question"
	}
	if f.Lab {
		f.XRay = xrayAsked(r)
		f.XRayURL = localPath(with(r, "xray", "1"))
		if f.XRay {
			f.Way = s.way(r)
			f.XRayURL = localPath(with(r, "xray", ""))
		}
		f.Faults = s.faultsInWords()
	}
	if s.Other.Name != "" {
		f.OtherURL = otherURL(r, s.Other.Port)
	}
	return f
}
