package web

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/telemetry"
)

// Meter is told what readers got. Its methods are called on the way of each
// answer, by several goroutines at once: they must be quick, and never block.
type Meter interface {
	// Request tells of an answer: the pattern of its route, such as
	// /posts/{slug}, or [OtherRoute]; its method, or "other"; its status, 0 if
	// the reader left before one was sent; and how long its handler took.
	Request(route, method string, status int, took time.Duration)
	// Part tells of one part of a page, as a reader got it.
	Part(part string, p resilience.Provenance)
	// Page tells of a reader's page as a whole: an article, a list, an archive
	// or results; and how long its handler took.
	Page(o telemetry.Outcome, took time.Duration)
}

// OtherRoute stands for every address that has no route: there is no end of those.
const OtherRoute = "other"

// methods are those that are counted by name; a client may invent any other.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}

// livez is GET /livez: the process answers. It touches nothing, for whoever
// acts on it restarts the process, which mends no dependency.
func livez(w http.ResponseWriter, _ *http.Request) {
	noStore(w)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readiness is the answer of /readyz.
type readiness struct {
	Ready   bool         `json:"ready"`
	Reasons []store.Rung `json:"reasons"`
}

// readyz is GET /readyz: may a balancer send readers here? It may while any
// rung of the ladder can serve articles. What is optional has no say in it, nor
// has any one dependency: an outage that all servers share would take all of
// them out of the balancer at once, and make a partial outage a whole one.
//
// It asks no dependency, so that a probe is never slower than its timeout.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) error {
	if s.Stopping.Err() != nil {
		return writeJSON(w, http.StatusServiceUnavailable, readiness{Reasons: []store.Rung{{Name: "server", Detail: "shutting down"}}})
	}
	rungs := s.Posts.Rungs()
	if !slices.ContainsFunc(rungs, func(r store.Rung) bool { return r.OK }) {
		return writeJSON(w, http.StatusServiceUnavailable, readiness{Reasons: rungs})
	}
	return writeJSON(w, http.StatusOK, readiness{Ready: true, Reasons: rungs})
}

// observe tells the meter of each answer, and the log at debug level. While the
// server stops it also asks each client to leave, so that no balancer has a
// connection pooled when the listener closes.
func (s *Server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, sent := time.Now(), &sentWriter{ResponseWriter: w}
		if s.Stopping.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		r, visit := noteVisit(r)
		defer func() {
			route, took := chi.RouteContext(r.Context()).RoutePattern(), time.Since(began)
			status := s.answered(r, route, sent.status, took)
			if o, known := visit.outcome(status); known && readerRoutes[route] {
				s.Meter.Page(o, took)
			}
		}()
		next.ServeHTTP(sent, r)
	})
}

// answered notes one answer, and returns its status. route is a pattern, "" for
// none.
func (s *Server) answered(r *http.Request, route string, status int, took time.Duration) int {
	method := r.Method
	if !slices.Contains(methods, method) {
		method = OtherRoute
	}
	if route == "" {
		route = OtherRoute
	}
	if status == 0 && r.Context().Err() == nil {
		status = http.StatusOK // what net/http sends for a handler that says nothing
	}
	s.Meter.Request(route, method, status, took)
	if s.Log.Enabled(r.Context(), slog.LevelDebug) {
		s.Log.LogAttrs(r.Context(), slog.LevelDebug, "answered",
			slog.String("method", method), slog.String("route", route), slog.String("path", r.URL.Path),
			slog.Int("status", status), slog.Duration("took", took))
	}
	return status
}

// note tells the meter of what a page is about, and the log if it is degraded.
func (s *Server) note(r *http.Request, part string, p resilience.Provenance) {
	visitOf(r).main = p.State
	s.Meter.Part(part, p)
	s.Warnings.Part(r.Context(), part, s.policyOf(part), p)
}

// noMeter is told in vain.
type noMeter struct{}

func (noMeter) Request(string, string, int, time.Duration) {}
func (noMeter) Part(string, resilience.Provenance)         {}
func (noMeter) Page(telemetry.Outcome, time.Duration)      {}
