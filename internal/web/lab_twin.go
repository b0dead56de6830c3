package web

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
	"afloat/internal/load"
	"afloat/internal/resilience"
)

// twinPage shows one article as protected and as naive readers get it, at the
// same moment, under the same faults.
type twinPage struct {
	frame
	Post   string       // slug; "" shows the home pages
	Posts  []articleRef // to choose from; empty where no list can be had
	Sides  []twinSide
	Bar    faultBar
	Fields []fieldView // of the paired measurement
	Busy   *runView
	Last   *runView // of the paired measurement; nil: none
	Alone  bool     // there is no twin
	Claims []claimView
}

type twinSide struct {
	Name, URL string // URL as this reader's browser reaches it
	Got       *probed
}

// probed is what the blog itself got when it asked for the page: for readers
// without a script.
type probed struct {
	Status int
	Error  string
	Took   string
	Lacks  []string // parts that are missing, stale or a fallback
}

// labTwin is GET /lab/twin.
func (s *Server) labTwin(w http.ResponseWriter, r *http.Request) error {
	page := twinPage{frame: s.labFrame(r, "Twins"), Busy: s.underWay(), Alone: s.Other.Name == "", Claims: s.claims[lab.TwinPage]}
	page.Here = "/lab/twin"
	path := "/"
	if slug := r.URL.Query().Get("post"); slug != "" {
		values, err := lab.ParseValues([]lab.Param{{Name: "post", Kind: lab.Slug}}, r.URL.Query())
		if err != nil {
			return err
		}
		page.Post = values["post"]
		path = postURL(page.Post)
	}
	if listing, _, err := s.Posts.List(r.Context(), "", 1, feedSize); err == nil {
		for _, p := range listing.Items {
			page.Posts = append(page.Posts, articleRef{p.Slug, p.Title})
		}
	}
	page.Sides = []twinSide{{Name: "Protected", URL: path}}
	if !page.Alone {
		page.Sides = append(page.Sides, twinSide{Name: "Naive", URL: "http://" + s.otherHost(r) + path})
	}
	if r.URL.Query().Get("probe") == "1" {
		s.probeSides(r, page.Sides, path)
	}
	if e := experiments.Find("paired"); e != nil {
		given := r.URL.Query()
		for _, p := range e.Params {
			page.Fields = append(page.Fields, viewField(p, given))
		}
		if last, ok := s.Runner.Last(e.Name); ok {
			page.Last = viewRun(last)
		}
	}
	page.Bar = faultBar{frame: page.frame, Back: localPath(r.URL.RequestURI())}
	page.Bar.setRows(s.faults())
	if !page.Alone { // this page, and no other, shows the twin's in a frame
		h := w.Header()
		h.Set("Content-Security-Policy", h.Get("Content-Security-Policy")+"; frame-src 'self' http://"+s.otherHost(r))
	}
	return s.renderWhole(w, r, "lab-twin", page, false)
}

// otherHost is host and port of the twin, as this reader's browser reaches it.
func (s *Server) otherHost(r *http.Request) string {
	u, err := url.Parse(otherURL(r, s.Other.Port))
	if err != nil {
		return ""
	}
	return u.Host
}

// probeSides asks both blogs for the page at the same moment.
func (s *Server) probeSides(r *http.Request, sides []twinSide, path string) {
	answers := make([]chan *probed, len(sides))
	for i := range sides {
		answers[i] = make(chan *probed, 1)
		base := "http://" + r.Host
		if i > 0 {
			base = "http://" + s.otherHost(r)
		}
		go func() { answers[i] <- s.probe(r, base+path) }()
	}
	for i := range sides {
		sides[i].Got = <-answers[i]
	}
}

// probe gets a page as a reader would, who waits for as long as the longest poll.
func (s *Server) probe(r *http.Request, page string) *probed {
	ctx, cancel := context.WithTimeout(r.Context(), s.Options.Server.LongPoll)
	defer cancel()
	began := time.Now()
	status, body, err := get(ctx, page)
	got := &probed{Status: status, Took: millis(time.Since(began))}
	if err != nil {
		got.Error = "no answer"
	}
	for part, state := range load.PartStates(body) {
		if resilience.State(state).Degraded() {
			got.Lacks = append(got.Lacks, part+" "+state)
		}
	}
	slices.Sort(got.Lacks)
	return got
}

func get(ctx context.Context, page string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return 0, nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(io.LimitReader(res.Body, load.MaxPage))
	return res.StatusCode, body, err
}
