package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"afloat/internal/fleet"
)

// labEvents is GET /lab/events, a stream of Server-Sent Events: "second", the
// figures of one; "mark"; "faults", when a link's state changes, and at the
// start; "run", the progress of an experiment; and "fleet", when the state or the
// role of a node changes, and at the start. It touches this process's
// memory only, so it goes on through every fault.
func (s *Server) labEvents(w http.ResponseWriter, r *http.Request) error {
	if s.streams.Add(1) > int64(s.LabLimits.Clients) {
		s.streams.Add(-1)
		w.Header().Set("Retry-After", strconv.Itoa(int(s.Options.Server.RetryAfter.Seconds())))
		return writeJSON(w, http.StatusServiceUnavailable, map[string]string{
			"error": fmt.Sprintf("%d streams are open, which is as many as there may be: close another page of the lab", s.LabLimits.Clients),
		})
	}
	defer s.streams.Add(-1)
	noStore(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for a proxy that would otherwise collect events
	if r.Method == http.MethodHead {
		return nil
	}
	e := &eventStream{Server: s, position: s.positionOf(r), progress: []byte("null"), out: w, control: http.NewResponseController(w)}
	fmt.Fprintf(&e.buffer, "retry: %d\n\n", s.LabLimits.Retry.Milliseconds())
	e.run(r.Context())
	return nil
}

// An eventStream is one client's. Each has its own position and reads for
// itself what is new, so that none can hold up another.
type eventStream struct {
	*Server
	position
	rev      int64           // of the faults that were sent
	progress []byte          // that was sent
	picture  <-chan struct{} // closed when the picture of the fleet that was sent is an old one; nil: none was
	buffer   bytes.Buffer
	out      http.ResponseWriter
	control  *http.ResponseController
}

// run sends what is new until the client leaves or falls behind, or the server
// stops.
func (e *eventStream) run(ctx context.Context) {
	beat := time.NewTicker(e.LabLimits.Heartbeat)
	defer beat.Stop()
	for {
		marked := e.collectMarks()
		faults := e.collectFaults()
		progress := e.collectProgress()
		e.collectFleet()
		next := e.collectSeconds()
		if e.flush() != nil {
			return
		}
		select {
		case <-marked:
		case <-faults:
		case <-progress:
		case <-e.picture:
		case <-next:
		case <-beat.C:
			e.buffer.WriteString(": afloat\n\n")
		case <-ctx.Done():
			return
		case <-e.Stopping.Done():
			return
		}
	}
}

func (e *eventStream) collectMarks() (more <-chan struct{}) {
	marks, _, more := e.Timeline.Marks(e.mark)
	for _, m := range marks {
		e.mark = m.Seq
		e.event("mark", e.position.String(), m)
	}
	return more
}

// collectSeconds returns a channel that tells when the next is settled.
func (e *eventStream) collectSeconds() (more <-chan time.Time) {
	last := e.settled()
	e.second = min(e.second, last) // where the clock was set back
	for e.second < last {
		e.second++
		series := e.Timeline.Window(time.Unix(e.second, 0), time.Unix(e.second+1, 0))
		series.Marks = nil // which are events of their own
		e.event("second", e.position.String(), series)
	}
	return time.After(time.Until(time.Unix(last+2, 0).Add(e.LabLimits.Settle)))
}

func (e *eventStream) collectFaults() (more <-chan struct{}) {
	if e.Lab == nil {
		return nil
	}
	state, more := e.Lab.Watch()
	if state.Rev != e.rev {
		e.rev = state.Rev
		e.event("faults", "", state.Masked())
	}
	return more
}

func (e *eventStream) collectProgress() (more <-chan struct{}) {
	if e.Progress == nil {
		return nil
	}
	now, more := e.Progress()
	said, err := json.Marshal(now)
	if err == nil && !bytes.Equal(said, e.progress) {
		e.progress = said
		e.event("run", "", json.RawMessage(said))
	}
	return more
}

func (e *eventStream) collectFleet() {
	if e.Fleet == nil {
		return
	}
	select {
	case <-e.picture:
	default:
		if e.picture != nil {
			return // as it was
		}
	}
	var now fleet.Picture
	now, e.picture = e.Fleet.Watch()
	e.event("fleet", "", now)
}

// event appends one event. Only what a stream can resume after has an id.
func (e *eventStream) event(name, id string, v any) {
	data, err := json.Marshal(v) // on one line, as an event's data has to be
	if err != nil {
		e.Log.Error("an event of the lab could not be written", "event", name, "err", err)
		return
	}
	if id != "" {
		fmt.Fprintf(&e.buffer, "id: %s\n", id)
	}
	fmt.Fprintf(&e.buffer, "event: %s\ndata: %s\n\n", name, data)
}

// flush sends what was collected. The server's limit on writing is for pages,
// and would end a stream; each of its writes gets a limit of its own. A client
// that doesn't take it in time is dropped: it may come back, and go on where it
// was.
func (e *eventStream) flush() error {
	if e.buffer.Len() == 0 {
		return nil
	}
	_ = e.control.SetWriteDeadline(time.Now().Add(e.LabLimits.Write)) // fails only where there is no connection
	if _, err := e.out.Write(e.buffer.Bytes()); err != nil {
		return err
	}
	e.buffer.Reset()
	return e.control.Flush()
}
