package web

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
)

// order sets a fault, unless an experiment has the links to itself.
func (s *Server) order(ctx context.Context, o lab.Order) error {
	if o.Link == lab.All && o.Kind == lab.Healthy {
		s.choose(nil)
	}
	if s.Runner == nil {
		_, err := s.Lab.Apply(ctx, o)
		return err
	}
	_, err := s.Runner.Apply(ctx, o)
	return err
}

// clear makes one link healthy, or "" everything in the lab as it was at the start.
func (s *Server) clear(link string) error {
	switch {
	case link == "" && s.Runner != nil:
		s.choose(nil)
		s.Runner.Restore()
		return nil
	case link == "":
		s.choose(nil)
	case s.Runner != nil:
		if err := s.Runner.Busy(); err != nil {
			return err
		}
	}
	return s.Lab.Clear(link)
}

// busy answers whoever disturbs an experiment: 409, naming it and until when it runs.
func (s *Server) busy(w http.ResponseWriter, r *http.Request, b *lab.Busy) {
	if wantsHTML(r) {
		if err := s.renderFaultBar(w, r, http.StatusConflict, localPath(r.PostFormValue("back")), b.Error()); err == nil {
			return
		}
	}
	_ = writeJSON(w, http.StatusConflict, conflict{b.Error(), b.What, b.Until}) // what is left to do if the reader is gone
}

type conflict struct {
	Error string    `json:"error"`
	What  string    `json:"what"`
	Until time.Time `json:"until,omitzero"`
}

// labControls are the routes by which the lab is worked: of the blog itself, not of a twin that follows it.
func (s *Server) labControls(r chi.Router, page func(func(http.ResponseWriter, *http.Request) error) http.HandlerFunc) {
	r.Post("/faults", page(s.setFault))
	r.Delete("/faults", page(s.clearFaults))
	r.Delete("/faults/{link}", page(s.clearFaults))
	r.Get("/critical", page(s.listCritical))
	r.Post("/critical", page(s.setCritical))
	if s.Runner != nil {
		s.labLiveRoutes(r, page)
		r.Get("/experiments", page(s.labExperiments))
		r.Get("/experiments/{name}", page(s.labExperiment))
		r.Post("/experiments/{name}", page(s.startExperiment))
		r.Post("/cancel", page(s.cancelExperiment))
		r.Get("/twin", page(s.labTwin))
		r.Get("/protections", page(s.labProtections))
		r.Post("/protections", page(s.serveCustom))
		r.Get("/availability", page(s.labAvailability))
		r.Get("/capstone", page(s.labCapstone))
		r.Post("/capstone", page(s.openCase))
	}
}
