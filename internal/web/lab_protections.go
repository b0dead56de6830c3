package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"afloat/internal/lab"
	"afloat/internal/policy"
)

// protectionsPage switches the protections of the third server, one by one.
type protectionsPage struct {
	frame
	Switches []switchView
	Running  string // URL of the custom server; "" while there is none
	On       []string
	Critical []string
	Problem  string
	Busy     *runView
	None     bool // this blog can't start one
	Claims   []claimView
}

type switchView struct {
	Name, Label, Does, Needs string
	On                       bool
	Source                   sourceRef
}

// labProtections is GET /lab/protections.
func (s *Server) labProtections(w http.ResponseWriter, r *http.Request) error {
	return s.renderProtections(w, r, http.StatusOK, r.URL.Query()["on"], "")
}

// serveCustom is POST /lab/protections: it starts the custom server with the
// protections that are ticked, or stops it where the form says so.
func (s *Server) serveCustom(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil || s.Custom == nil {
		return s.renderProtections(w, r, http.StatusBadRequest, nil, "This blog can't start another one: it was told where its servers are, and runs none of its own.")
	}
	if err := s.Runner.Busy(); err != nil {
		return s.renderProtections(w, r, http.StatusConflict, r.PostForm["on"], err.Error())
	}
	if r.PostForm.Get("stop") != "" {
		s.Custom.Stop()
		http.Redirect(w, r, "/lab/protections", http.StatusSeeOther)
		return nil
	}
	on := r.PostForm["on"]
	if _, err := policy.ParseProtections(strings.Join(on, ",")); err != nil {
		return s.renderProtections(w, r, http.StatusBadRequest, on, err.Error())
	}
	if _, err := s.Custom.Serve(r.Context(), on, nil); err != nil {
		s.Log.Error("the custom server did not start", "err", err)
		return s.renderProtections(w, r, http.StatusServiceUnavailable, on, "It did not start; the log says why. Trying again may help.")
	}
	http.Redirect(w, r, "/lab/protections", http.StatusSeeOther)
	return nil
}

func (s *Server) renderProtections(w http.ResponseWriter, r *http.Request, status int, asked []string, problem string) error {
	page := protectionsPage{frame: s.labFrame(r, "Protections"), Problem: problem, Busy: s.underWay(), None: s.Custom == nil, Claims: s.claims[lab.ProtectionsPage]}
	page.Here = "/lab/protections"
	on := asked
	if s.Custom != nil {
		base, running, critical := s.Custom.Running()
		if base != "" && !s.hidden() { // else what it has is the question
			page.On, page.Critical = running, critical
			if u, err := url.Parse(base); err == nil {
				page.Running = otherURLOf(r, u.Port())
			}
			if len(asked) == 0 {
				on = running
			}
		}
	}
	for _, p := range policy.Protections() {
		var needs []string
		for _, n := range p.Needs {
			needs = append(needs, string(n))
		}
		page.Switches = append(page.Switches, switchView{
			Name: string(p.Protection), Label: p.Label, Does: p.Does, Needs: strings.Join(needs, ", "), On: slices.Contains(on, string(p.Protection)),
			Source: sourceRef{Text: p.Source, URL: sourceURL(p.Source, 0)},
		})
	}
	body, err := s.pages.render("lab-protections", page)
	if err != nil {
		return err
	}
	writePage(w, status, body)
	return nil
}

// otherURLOf is the home page of a server on another port of this host.
func otherURLOf(r *http.Request, port string) string {
	u, err := url.Parse(otherURL(r, port))
	if err != nil {
		return ""
	}
	u.Path, u.RawQuery = "/", ""
	return u.String()
}
