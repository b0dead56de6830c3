package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// Which parts of a page may be missing is a decision, and the lab lets a reader take the other one: a widget that is
// marked as critical takes its page down when it can't be had, as every part of a naive page does. What a page has sent
// it can't take back, so a page with a critical part is not streamed.

// criticalParts are the widgets that can be marked.
var criticalParts = []string{"comments", "recommendations", "popular", "counts"}

// errCritical is the error of a page that lacks a part marked as critical.
var errCritical = errors.New("a part that is marked as critical is missing")

// marks are the critical widgets of one server: always those it was started with, and for a time those that a reader
// marked, on this server or on one that the switchboard has joined.
type marks struct {
	always []string
	lab    *lab.Switchboard // nil: nobody can mark any
}

// CriticalParts are the widgets that Options.Critical may name.
func CriticalParts() []string { return slices.Clone(criticalParts) }

// CheckCritical refuses what Options.Critical may not name.
func CheckCritical(parts []string) error {
	for _, part := range parts {
		if !slices.Contains(criticalParts, part) {
			return fmt.Errorf("no part %q can be critical: want any of %s", part, strings.Join(criticalParts, ", "))
		}
	}
	return nil
}

// now returns the critical parts, and until when those that were chosen are so.
func (m *marks) now() ([]string, time.Time) {
	if m.lab == nil {
		return m.always, time.Time{}
	}
	parts, until := m.lab.Critical()
	if len(parts) == 0 {
		return m.always, time.Time{}
	}
	return append(slices.Clone(m.always), parts...), until
}

func (m *marks) any() bool {
	parts, _ := m.now()
	return len(parts) > 0
}

// lacks reports whether a part that must be there isn't.
func (m *marks) lacks(part string, state resilience.State) bool {
	if state != resilience.Missing {
		return false
	}
	parts, _ := m.now()
	return slices.Contains(parts, part)
}

// choose marks these parts and no others, until the lab's longest fault would be over; none ends it.
func (s *Server) choose(parts []string) { s.Lab.MarkCritical(parts, s.Options.Server.Fault.MaxFor) }

// criticality is the JSON of /lab/critical.
type criticality struct {
	Critical []string  `json:"critical"` // the post always is, too
	Until    time.Time `json:"until,omitzero"`
}

// listCritical is GET /lab/critical.
func (s *Server) listCritical(w http.ResponseWriter, _ *http.Request) error {
	parts, until := s.critical.now()
	return writeJSON(w, http.StatusOK, criticality{append([]string{}, parts...), until})
}

// setCritical is POST /lab/critical: a form that says which parts are critical. A part that it doesn't name is not, as
// a box that isn't ticked is not sent.
func (s *Server) setCritical(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return &lab.BadOrder{Fields: []lab.BadField{{Field: "body", Range: "a form such as comments=on&popular=on", Got: "something else"}}}
	}
	parts, err := readMarks(r.PostForm)
	if err != nil {
		return err
	}
	s.choose(parts)
	if wantsHTML(r) {
		http.Redirect(w, r, localPath(r.PostForm.Get("back")), http.StatusSeeOther)
		return nil
	}
	return s.listCritical(w, r)
}

func readMarks(form url.Values) (parts []string, err error) {
	bad := &lab.BadOrder{}
	for name, values := range form {
		switch on := values[len(values)-1]; {
		case name == "back": // where to go afterwards
		case !slices.Contains(criticalParts, name):
			bad.Fields = append(bad.Fields, lab.BadField{Field: name, Range: "no other field than " + strings.Join(criticalParts, ", "), Got: name})
		case on == "on":
			parts = append(parts, name)
		case on != "off":
			bad.Fields = append(bad.Fields, lab.BadField{Field: name, Range: "on or off", Got: on})
		}
	}
	if len(bad.Fields) > 0 {
		slices.SortFunc(bad.Fields, func(a, b lab.BadField) int { return strings.Compare(a.Field, b.Field) })
		return nil, bad
	}
	slices.Sort(parts)
	return parts, nil
}
