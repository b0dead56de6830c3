package web

import (
	"html/template"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/store"
)

// A page struct is all that its template may read: each template is
// type-checked against its struct in a test.

// frame is what every page shares: head, masthead, waterline and foot.
type frame struct {
	Title       string // without the site's name
	Description string
	Canonical   string       // absolute URL; "" for pages that are no place of their own, and in no index
	Article     *articleMeta // for the article's own page; nil elsewhere
	Nav         string       // home, archive, search, about, lab, lessons, lesson (an article with figures and experiments), or ""
	Refresh     int          // seconds until the page asks for itself again; 0: not at all
	HasFleet    bool         // there is a map of the fleet
	Node        string       // which of its servers made this page; "" where that has no name
	LabPages    bool         // there is a lab to go to
	Lab         bool         // fault bar and X-ray are offered
	XRay        bool         // the X-ray is on for this page
	XRayURL     string       // this page with the X-ray toggled
	Way         *wayView     // how the request came; nil where the X-ray is off or nothing is known
	Here        string       // path and query of this page, where forms return to
	Twin        string       // "naive twin", "custom twin"; "" for the protected blog
	TwinSays    string       // which protections it has on and off
	OtherName   string       // "the naive twin" or "the protected blog"; "" when there is none
	OtherURL    string       // the same page over there
	Faults      []string     // what is broken on purpose, in words: "Postgres hangs"; empty when all is well
}

// Frame is the frame alone, for the templates that all pages share: a field of
// the struct at hand is found faster than one of a struct embedded in it.
func (f frame) Frame() frame { return f }

// deck is the head of a page's masthead.
type deck struct {
	Nav string // as the frame's
	Lab bool   // with a way to the lab
}

// Deck is what the masthead's head depends on.
func (f frame) Deck() deck { return deck{f.Nav, f.LabPages} }

const (
	siteName        = "Afloat"
	siteDescription = "Fault-tolerant design, explained on a blog that depends on it: its PostgreSQL and its Redis are real, and readers may break them."
)

// articleMeta is what links to an article tell of it elsewhere (ogp.me).
type articleMeta struct {
	Published, Updated time.Time
	Tags               []string
}

// part is one piece of a page with its provenance. V is what it shows.
type part[V any] struct {
	Name  string // data-part
	Title string
	V     V
	resilience.Provenance
	Note string // why it is not fresh and what the reader can do; "" when fresh or cached
	Slot bool   // streamed: carries slot="NAME" for declarative shadow DOM
	XRay *xray  // nil when the X-ray is off
}

// xray is the caption of one part: `comments · stale 41 s · 3 tries, 212 ms · breaker open · comments.go:38`.
type xray struct {
	Source, State, Age, Tries, Took, Breaker, ErrorClass, Replica string // in words, "" when there is nothing to say
	Outbox                                                        string // what waits there; "" for other parts than comments
	Code, Policy                                                  sourceRef
}

// sourceRef is a link to the line of embedded source that makes something so.
type sourceRef struct {
	Text string // comments.go:38
	URL  string // /source/internal/widgets/comments.go#L38
}

// wayView is what a request met before this server.
type wayView struct {
	Node string // this server's name; "" where it has none
	Edge string // the edge's name; "": none, or none that tells
	Held bool   // it holds this page without the X-ray
	Old  bool   // what it holds is for when the servers have nothing complete
	Age  string // seconds since it got it
}

// articleRef is a link to an article.
type articleRef struct{ Slug, Title string }

// entry is an article on a list.
type entry struct {
	Slug, Title string
	Summary     string
	Tags        []string
	Published   time.Time
	Minutes     int
	Comments    int  // count
	HasCount    bool // false: the counts are out of reach or not asked for
}

type heading struct {
	Level    int
	ID, Text string
}

type articleView struct {
	Slug, Title, Summary string
	Tags                 []string
	Published, Updated   time.Time
	Minutes              int
	TOC                  []heading
	Body                 template.HTML
	Prev, Next           *articleRef
	Path                 lessonPath // of a lesson
}

type commentView struct {
	Ref     string // its id, or its name in the outbox
	Author  string
	Body    template.HTML
	At      time.Time
	Mine    bool   // just written by this reader
	Waiting bool   // in the outbox, to be written
	Kept    string // how well it is kept there, in words; "" where that isn't known
}

type commentsView struct {
	Slug     string
	Comments []commentView
	Late     bool // the one that this reader has just written isn't among them
	Outbox   bool // it was accepted by the outbox
}

type suggestionView struct {
	Slug, Title string
}

type popularView struct {
	Slug, Title string
	Views       int // decayed, rounded
}

// postPage is streamed: postPage renders head and article (template
// "post-head"), then each widget ("part-comments", "part-recommendations",
// "part-popular"), then "post-foot".
type postPage struct {
	frame
	Post    part[articleView]
	Streams bool // slots are filled later in this response
}

type listPage struct {
	frame
	List     part[[]entry]
	Popular  *part[[]popularView] // nil: not on this page
	Counts   *part[int]           // provenance of the comment counts; nil: not on this page
	Heading  string
	Tag      string
	Page     int // from 1
	Pages    int
	NewerURL string
	OlderURL string
}

type archiveYear struct {
	Year    int
	Entries []entry
}

type archivePage struct {
	frame
	List     part[[]archiveYear]
	Contents part[store.Contents] // tags by name
	Year     int                  // 0: all
	Page     int                  // from 1
	Pages    int
	NewerURL string
	OlderURL string
}

type searchResult struct {
	Slug, Title string
	Snippet     template.HTML // with <mark>
	Published   time.Time
}

type searchPage struct {
	frame
	Query              string
	Asked              bool // false: the empty form
	Blank              bool // it was sent without a word in it
	Cut                int  // only so many characters were searched for; 0: all
	Results            part[[]searchResult]
	Total              int
	More               bool // of the articles found, only the newest Total are ranked and shown
	Page, Pages        int
	NewerURL, OlderURL string // previous and next page of results
}

type aboutPage struct {
	frame
	Links []aboutLink // each dependency and its state, in words
}

type aboutLink struct{ Name, State string }

// errorPage tells honestly what happened (404, 405, 409, 413, 429, 500, 503).
type errorPage struct {
	frame
	Status     int
	Headline   string
	Detail     string
	RetryAfter int // seconds; 0 when retrying makes no sense
}

// commentPage is the form, also as a 400, 409 or 503 answer with the text kept.
type commentPage struct {
	frame
	Slug, PostTitle string
	Key             string // idempotency key
	Author, Body    string
	Problems        map[string]string // field → what to do: author, body, key, ""
	Unavailable     bool              // the database is out of reach, and the outbox: nothing is lost, send it again
	Fragment        bool              // only the form, for the page's script
}

// sourcePage shows one embedded file with numbered, linkable lines.
type sourcePage struct {
	frame
	Path  string
	Code  template.HTML // chroma, with line anchors L1, L2, …
	Files []string      // the index; Path is "" then
}
