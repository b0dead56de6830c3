package web

import (
	"context"
	"net/http"

	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// readerRoutes are the pages whose outcomes the timeline counts: what readers
// come for. The lab, the probes and the static files pass no dependency.
var readerRoutes = map[string]bool{
	"/": true, "/posts/{slug}": true, "/tags/{tag}": true, "/archive": true, "/archive/{year:[0-9]{4}}": true, "/search": true,
}

// A visit is one request on its way, and how the page turns out. The handler's
// own goroutine fills it in.
type visit struct {
	main     resilience.State // of what the page is about; "" while that isn't known
	degraded bool             // some optional part is
}

type visitKey struct{}

// noteVisit gives a request its visit.
func noteVisit(r *http.Request) (*http.Request, *visit) {
	v := &visit{}
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v)), v
}

// visitOf returns the request's visit, or one that nobody reads.
func visitOf(r *http.Request) *visit {
	if v, ok := r.Context().Value(visitKey{}).(*visit); ok {
		return v
	}
	return &visit{}
}

// outcome says in one word what the reader got. It is unknown for a page that
// shows nothing that was read from anywhere, such as one that never was.
func (v *visit) outcome(status int) (o telemetry.Outcome, known bool) {
	switch {
	case status == 0 || status >= http.StatusInternalServerError: // the reader left in vain, or with an error
		return telemetry.Failed, true
	case v.main == "":
		return 0, false
	case v.main.Degraded():
		return telemetry.Stale, true
	case v.degraded:
		return telemetry.Partial, true
	case v.main == resilience.Cached:
		return telemetry.Cached, true
	}
	return telemetry.Fresh, true
}

// again is the outcome for those who get a page that was finished before.
func (v *visit) again() telemetry.Outcome {
	o, _ := v.outcome(http.StatusOK)
	return max(o, telemetry.Cached)
}
