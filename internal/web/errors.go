package web

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"afloat/internal/lab"
	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
)

var (
	errMethod = errors.New("method not allowed")
	errHost   = errors.New("the lab does not answer to this Host")
	errLabOff = errors.New("the lab is off")
	errNoLab  = errors.New("a twin has no lab")
)

// answers maps errors to what readers are told. The error itself goes to the
// log only.
var answers = []struct {
	err              error
	status           int
	headline, detail string
}{
	{errCritical, http.StatusServiceUnavailable, "This page is out of reach for the moment", "A part of it can't be had, and the lab has marked that part as critical: without it there is no page."},
	{store.ErrNotFound, http.StatusNotFound, "There is no such page", "The address may be mistyped, or the page never was. The archive lists everything there is."},
	{errLabOff, http.StatusNotFound, "The lab is off on this server", "Nobody breaks anything here. The articles are complete without it. To break things, start a blog of your own with “make run”, where the lab is on, or set LAB=on on a server that is yours."},
	{errNoLab, http.StatusNotFound, "The lab is on the protected blog", "This twin has no lab of its own, and follows the faults that are set there. The line at the top of the page leads there."},
	{source.ErrNotFound, http.StatusNotFound, "There is no such file", "The source index lists every file that is shown."},
	{store.ErrWithdrawn, http.StatusGone, "This article was withdrawn", "It was published here once and has been taken back. The archive lists what there is."},
	{errMethod, http.StatusMethodNotAllowed, "That can't be done here", "This address answers another method. Following a link or a form of this site will work."},
	{errHost, http.StatusForbidden, "The lab does not answer to this name", "Open the blog by its own address, such as 127.0.0.1 or localhost, or name this Host in LAB_HOSTS."},
	{lab.ErrStopping, http.StatusServiceUnavailable, "This server is stopping", "Nothing new begins in its lab. Another one may start in its place."},
	{store.ErrUnavailable, http.StatusServiceUnavailable, "This page is out of reach for the moment", "The database does not answer, and no copy of this page is at hand. Every article that was read lately, or is in the snapshot, still opens."},
}

// notFound is for addresses that nothing answers. Lessons lead to the lab, and whoever follows them is told where it is.
func (s *Server) notFound(_ http.ResponseWriter, r *http.Request) error {
	switch {
	case s.Lab != nil || r.URL.Path != "/lab" && !strings.HasPrefix(r.URL.Path, "/lab/"):
		return store.ErrNotFound
	case s.isTwin():
		return errNoLab
	}
	return errLabOff
}

// methodNotAllowed names the methods that the address does answer, as RFC 9110
// asks (section 15.5.6); a handler of one's own gets no such header from chi.
func methodNotAllowed(w http.ResponseWriter, r *http.Request) error {
	routes := chi.RouteContext(r.Context()).Routes
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), method, r.URL.Path) {
			w.Header().Add("Allow", method)
		}
	}
	return errMethod
}

// answer adapts a handler that returns an error: the one place where errors
// become pages.
func (s *Server) answer(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if bad := (*lab.BadOrder)(nil); errors.As(err, &bad) {
		s.refuseOrder(w, r, bad)
		return
	}
	if busy := (*lab.Busy)(nil); errors.As(err, &busy) {
		s.busy(w, r, busy)
		return
	}
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		return // the reader has left: nobody to tell, and no failure
	}
	page := errorPage{
		frame: s.frame(r, "", ""), Status: http.StatusInternalServerError,
		Headline: "Something broke in the blog itself", Detail: "It is in the log. Reloading may help; the other pages are not affected.",
	}
	for _, a := range answers {
		if errors.Is(err, a.err) {
			page.Status, page.Headline, page.Detail = a.status, a.headline, a.detail
			break
		}
	}
	if page.Status == http.StatusInternalServerError {
		s.Log.Error("page failed", "path", r.URL.Path, "err", err)
	} else if page.Status >= 500 {
		missing := resilience.Provenance{Source: resilience.FromPlaceholder, State: resilience.Missing, Err: err}
		s.Meter.Part("page", missing)
		// Rate-limited like any part's warning: an outage must not be logged once a reader.
		s.Warnings.Part(r.Context(), "page", s.policyOf("post"), missing)
	}
	s.renderError(w, r, page)
}

func (s *Server) renderError(w http.ResponseWriter, r *http.Request, page errorPage) {
	page.Title = page.Headline
	page.Canonical = ""
	noStore(w)
	if page.Status == http.StatusGone && len(page.Faults) == 0 && !page.XRay {
		mayKeep(w.Header(), r) // or a CDN would keep the article, for the time of an outage
	}
	if page.Status == http.StatusServiceUnavailable {
		page.RetryAfter = int(s.Options.Server.RetryAfter.Seconds())
		w.Header().Set("Retry-After", strconv.Itoa(page.RetryAfter))
	}
	body, err := s.pages.render("error", page)
	if err != nil {
		s.Log.Error("the error page failed", "err", err)
		body = s.failed
	}
	writePage(w, page.Status, body)
}

// recoverPanics answers 500 where nothing was sent yet. Later than that it
// aborts the response, so that the reader's browser knows it is incomplete.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked, ok := w.(*sentWriter)
		if !ok {
			tracked = &sentWriter{ResponseWriter: w}
		}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			s.Log.Error("panic in a page", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
			if tracked.status != 0 {
				panic(http.ErrAbortHandler)
			}
			noStore(w)
			writePage(w, http.StatusInternalServerError, s.failed)
		}()
		next.ServeHTTP(tracked, r)
	})
}

// sentWriter knows whether the response has begun, and how.
type sentWriter struct {
	http.ResponseWriter
	status int // 0: nothing was sent yet
}

func (w *sentWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK { // 1xx announce a response, and are none
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *sentWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the flusher.
func (w *sentWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
