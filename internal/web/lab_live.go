package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
	"afloat/internal/telemetry"
)

// The lab's first page: the running system as it is wired, what its readers got in the last minutes, and the built-in
// readers. It reads this process's memory only, so it answers whatever is broken.

type livePage struct {
	frame
	Live     liveView
	Fields   []fieldView // of the built-in readers; none: there are no readers
	Problem  string      // why they were not started
	FaultBar faultBar
}

// liveView is what changes while the page is open.
type liveView struct {
	Headline string
	Node     string     // whose figures these are, where there are several servers; else ""
	Fleet    *fleetView // nil: there is none
	At       string     // when this was so
	Busy     *runView
	Maps     []mapView // the same drawn for a wide and for a narrow screen
	Parts    []dependencyView
	Readers  *readersView // nil: there are none
	Figures  []template.HTML
	Quiet    bool // nobody has read anything yet
}

type readersView struct {
	On, Ever            bool
	Rate                string // "20 a second"
	Until               string
	Count, OK, Complete int
	Problem             string // why the last load ended early
}

// labLiveRoutes are the lab's first page and what belongs to it.
func (s *Server) labLiveRoutes(r chi.Router, page func(func(http.ResponseWriter, *http.Request) error) http.HandlerFunc) {
	r.Get("/", page(s.labLive))
	r.Get("/parts/{link}", page(s.labPart))
	if s.Fleet != nil {
		r.Get("/fleet", page(s.labFleet))
	}
	if s.Readers != nil {
		r.Post("/readers", page(s.startReaders))
		r.Post("/readers/stop", page(s.stopReaders))
	}
}

// labLive is GET /lab; with ?fragment=1 only what changes while it is open.
func (s *Server) labLive(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("fragment") == "1" {
		return s.renderWhole(w, r, "lab-live-fragment", s.live(), false)
	}
	return s.renderLive(w, r, http.StatusOK, r.URL.Query(), "")
}

func (s *Server) renderLive(w http.ResponseWriter, r *http.Request, status int, given url.Values, problem string) error {
	page := livePage{frame: s.labFrame(r, "The lab"), Live: s.live(), Problem: problem}
	page.Here = "/lab"
	page.FaultBar = faultBar{frame: page.frame, Back: "/lab"}
	page.FaultBar.setRows(s.faults())
	if s.Readers != nil {
		for _, p := range s.Readers.Params() {
			page.Fields = append(page.Fields, viewField(p, given))
		}
	}
	body, err := s.pages.render("lab-live", page)
	if err != nil {
		return err
	}
	writePage(w, status, body)
	return nil
}

// startReaders is POST /lab/readers: 303 to the page that shows them.
func (s *Server) startReaders(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &lab.BadOrder{Fields: []lab.BadField{{Field: "body", Range: "a form with rate, for and seed", Got: "something else"}}}
	}
	values, err := lab.ParseValues(s.Readers.Params(), r.PostForm)
	status := http.StatusBadRequest
	if err == nil {
		if err = s.Readers.Start(values); err == nil {
			return s.toLive(w, r)
		}
		status = http.StatusConflict
	}
	if busy := (*lab.Busy)(nil); status == http.StatusConflict && !errors.As(err, &busy) || !wantsHTML(r) {
		return err
	}
	return s.renderLive(w, r, status, r.PostForm, err.Error())
}

// stopReaders is POST /lab/readers/stop. Where nobody reads there is nothing to do.
func (s *Server) stopReaders(w http.ResponseWriter, r *http.Request) error {
	s.Readers.Stop()
	return s.toLive(w, r)
}

func (s *Server) toLive(w http.ResponseWriter, r *http.Request) error {
	if wantsHTML(r) {
		http.Redirect(w, r, "/lab", http.StatusSeeOther)
		return nil
	}
	status := s.Readers.Status()
	return writeJSON(w, http.StatusOK, map[string]any{"on": status.On, "rate": status.Rate, "until": status.Until})
}

// live gathers what is so at the moment.
func (s *Server) live() liveView {
	rates, policies := s.Timeline.Rates(s.LabLimits.Rates), s.policies()
	v := liveView{At: time.Now().UTC().Format("15:04:05"), Busy: s.underWay(), Headline: headline(brokenInWords(s.faults()), rates.Readers)}
	for _, st := range s.dependencies() {
		v.Parts = append(v.Parts, s.dependency(st, rates, policies))
	}
	if s.Readers != nil {
		v.Readers = viewReaders(s.Readers.Status())
	}
	if s.Fleet != nil {
		v.Node, v.Fleet = s.Node, s.viewFleet()
	}
	v.Maps = s.maps(rates, v.Parts)
	v.Figures = s.liveFigures(rates)
	v.Quiet = len(v.Figures) == 0
	return v
}

func headline(faults []string, readers telemetry.Rate) string {
	state := "Everything is healthy"
	if len(faults) > 0 {
		state = strings.Join(faults, ", ")
	}
	switch {
	case readers.PerSecond == 0:
		return state + ". Nobody is reading"
	case readers.Errors == 0:
		return fmt.Sprintf("%s. Of %s pages a second none fails", state, perSecond(readers.PerSecond))
	}
	return fmt.Sprintf("%s. Of %s pages a second %s fail", state, perSecond(readers.PerSecond), perSecond(readers.Errors))
}

func viewReaders(st lab.ReadersStatus) *readersView {
	v := &readersView{
		On: st.On, Ever: !st.Began.IsZero(), Rate: fmt.Sprintf("%g a second", st.Rate), Until: st.Until.UTC().Format("15:04:05 UTC"),
		Count: st.Readers, OK: st.OK, Complete: st.Complete,
	}
	if st.Err != nil {
		v.Problem = st.Err.Error()
	}
	return v
}
