package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
	"afloat/internal/lab/experiments"
	"afloat/internal/store"
)

// The pages of the lab's experiments: a form whose every parameter is in the URL, a POST that starts a run, a page that
// shows how far it is by refreshing itself, and the result. Nothing on them needs a script.

type experimentsPage struct {
	frame
	Rows    []experimentRow
	Running *runView // nil: none is under way
}

type experimentRow struct {
	URL, Code, Title, Question, Label string
	Finding                           string // of the latest run; "" where there was none since the start
	Met                               bool
}

type experimentPage struct {
	frame
	E         *lab.Experiment
	Fields    []fieldView
	Problem   string   // why nothing was started
	Mine      *runView // the run that is shown; nil: none yet
	Busy      *runView // a run that is under way, of this or of another experiment; nil: none
	Command   string   // to run it without a browser
	Predicted string   // what the reader chose before the run; "" where nothing
	Right     bool     // the measurement bears it out
	Answer    string   // what it bears out
	LastURL   string   // the latest result, for who has predicted; "" where there is none
	Back      string   // the article it was started from; "" where it was this page
}

func experimentURL(name string) string { return "/lab/experiments/" + url.PathEscape(name) }

// labExperiments is GET /lab/experiments.
func (s *Server) labExperiments(w http.ResponseWriter, r *http.Request) error {
	page := experimentsPage{frame: s.labFrame(r, "Experiments"), Running: s.underWay()}
	for _, e := range experiments.All() {
		row := experimentRow{URL: experimentURL(e.Name), Code: e.Code, Title: e.Title, Question: e.Question, Label: string(e.Label)}
		if last, ok := s.Runner.Last(e.Name); ok {
			row.Finding, row.Met = last.Result.Finding, last.Result.Met()
		}
		page.Rows = append(page.Rows, row)
	}
	return s.renderWhole(w, r, "lab-experiments", page, false)
}

// labExperiment is GET /lab/experiments/{name}: the question and the form, and the run under way; with ?run= that run. An
// earlier result is a link away, so that it spoils nobody's prediction.
func (s *Server) labExperiment(w http.ResponseWriter, r *http.Request) error {
	e := experiments.Find(chi.URLParam(r, "name"))
	if e == nil {
		return store.ErrNotFound
	}
	run, found := s.Runner.Current()
	found = found && run.Experiment.Name == e.Name
	if id := r.URL.Query().Get("run"); id != "" {
		if run, found = s.Runner.Find(id); !found || run.Experiment.Name != e.Name {
			return store.ErrNotFound
		}
	}
	given := r.URL.Query()
	given.Del("prediction")
	given.Del("back")
	if found && len(given) <= 1 { // nothing asked but the run itself: its values are the form's
		for name, value := range run.Values {
			given.Set(name, value)
		}
	}
	var shown *lab.Run
	if found {
		shown = &run
	}
	return s.renderExperiment(w, r, http.StatusOK, e, given, shown, "")
}

// startExperiment is POST /lab/experiments/{name}: 303 to the page of the run.
func (s *Server) startExperiment(w http.ResponseWriter, r *http.Request) error {
	e := experiments.Find(chi.URLParam(r, "name"))
	if e == nil {
		return store.ErrNotFound
	}
	if err := r.ParseForm(); err != nil {
		return &lab.BadOrder{Fields: []lab.BadField{{Field: "body", Range: "a form with the experiment's parameters", Got: "something else"}}}
	}
	values, err := lab.ParseValues(e.Params, r.PostForm)
	status := http.StatusBadRequest
	if err == nil {
		var run lab.Run
		if run, err = s.Runner.Start(e, values); err == nil {
			to := url.Values{"run": {run.ID}}
			if said := r.PostForm.Get("prediction"); said != "" {
				to.Set("prediction", said)
			}
			if back := r.PostForm.Get("back"); back != "" {
				to.Set("back", localPath(back))
			}
			s.seeOther(w, r, experimentURL(e.Name)+"?"+to.Encode(), run)
			return nil
		}
		status = http.StatusConflict
	}
	if busy := (*lab.Busy)(nil); status == http.StatusConflict && !errors.As(err, &busy) || !wantsHTML(r) {
		return err
	}
	return s.renderExperiment(w, r, status, e, r.PostForm, nil, err.Error())
}

// seeOther sends a browser to the run's page, and tells a script its ID.
func (s *Server) seeOther(w http.ResponseWriter, r *http.Request, page string, run lab.Run) {
	if wantsHTML(r) {
		http.Redirect(w, r, page, http.StatusSeeOther)
		return
	}
	w.Header().Set("Location", page)
	_ = writeJSON(w, http.StatusAccepted, map[string]string{"run": run.ID, "page": page}) // what is left to do if the reader is gone
}

// cancelExperiment is POST /lab/cancel: it stops the run under way and goes back.
func (s *Server) cancelExperiment(w http.ResponseWriter, r *http.Request) error {
	s.Runner.Cancel()
	http.Redirect(w, r, localPath(r.PostFormValue("back")), http.StatusSeeOther)
	return nil
}

func (s *Server) renderExperiment(w http.ResponseWriter, r *http.Request, status int, e *lab.Experiment, given url.Values, run *lab.Run, problem string) error {
	page := experimentPage{frame: s.labFrame(r, e.Title), E: e, Problem: problem, Busy: s.underWay()}
	page.Here = experimentURL(e.Name)
	if back := r.URL.Query().Get("back"); back != "" {
		page.Back = localPath(back)
	}
	for _, p := range e.Params {
		page.Fields = append(page.Fields, viewField(p, given))
	}
	page.Command = command(e, given)
	if n, err := strconv.Atoi(r.URL.Query().Get("prediction")); err == nil && n >= 0 && n < len(e.Choices) {
		page.Predicted, page.Right, page.Answer = e.Choices[n], n == e.Answer, e.Choices[e.Answer]
	}
	if last, ok := s.Runner.Last(e.Name); ok && (run == nil || run.ID != last.ID) {
		page.LastURL = viewRun(last).URL
	}
	if run != nil {
		page.Mine = viewRun(*run)
		if page.Back != "" { // who stops it comes back here, and still wants to return to the article
			page.Mine.URL += "&" + url.Values{"back": {page.Back}}.Encode()
		}
		if !run.Over() {
			page.Refresh, page.Busy = refreshEvery, nil
			page.Here = page.Mine.URL
		}
	}
	body, err := s.pages.render("lab-experiment", page)
	if err != nil {
		return err
	}
	writePage(w, status, body)
	return nil
}

// refreshEvery is how often a page asks how far a run is, in seconds: slow
// enough to be read.
const refreshEvery = 2

// labFrame is the frame of a page that is no place for search engines.
func (s *Server) labFrame(r *http.Request, title string) frame {
	f := s.frame(r, title, "lab")
	f.Canonical, f.XRayURL, f.XRay, f.OtherURL = "", "", false, ""
	return f
}

// underWay is the run that nobody may disturb; nil if there is none.
func (s *Server) underWay() *runView {
	if run, ok := s.Runner.Current(); ok {
		return viewRun(run)
	}
	return nil
}
