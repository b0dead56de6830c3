package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"afloat/internal/lab"
	"afloat/internal/telemetry"
)

// A position is how far a stream of events has come: the last second and the
// last mark that were sent. It is the id of those events, so that a browser
// which lost the stream says where to go on.
type position struct{ second, mark int64 }

func (p position) String() string { return fmt.Sprintf("%d-%d", p.second, p.mark) }

// settled is the last second whose figures are final.
func (s *Server) settled() int64 { return time.Now().Add(-s.LabLimits.Settle).Unix() - 1 }

// kept is the number of seconds that the timeline goes back.
func (s *Server) kept() int { return int(s.LabLimits.Timeline / time.Second) }

// labTimeline is GET /lab/timeline.json: the figures of the last seconds, as
// many as ?seconds= says, and all that are kept where it says nothing. The
// answer's cursor, given to /lab/events as ?after=, has the stream go on where
// these figures end.
func (s *Server) labTimeline(w http.ResponseWriter, r *http.Request) error {
	seconds := s.kept()
	if raw := r.URL.Query().Get("seconds"); raw != "" {
		n, err := strconv.Atoi(raw)
		if err != nil || n < 1 || n > seconds {
			return &lab.BadOrder{Fields: []lab.BadField{{Field: "seconds", Range: fmt.Sprintf("from 1 to %d", seconds), Unit: "whole seconds", Got: raw}}}
		}
		seconds = n
	}
	series, cursor := s.recent(seconds)
	return writeJSON(w, http.StatusOK, struct {
		Cursor string `json:"cursor"`
		telemetry.Series
	}{cursor, series})
}

// recent returns the last seconds that are settled, and the cursor of a stream
// that goes on after them.
func (s *Server) recent(seconds int) (telemetry.Series, string) {
	end := s.settled() + 1
	series := s.Timeline.Window(time.Unix(end-int64(seconds), 0), time.Unix(end, 0))
	// Marks of the seconds to come are left to the stream.
	marks, mark, _ := s.Timeline.Marks(0)
	for _, m := range marks {
		if m.At.Unix() >= end {
			mark = m.Seq - 1
			break
		}
	}
	return series, position{end - 1, mark}.String()
}

// positionOf reads where a request wants to go on. Without a word on that, or
// with one that makes no sense, it is now.
func (s *Server) positionOf(r *http.Request) position {
	_, mark, _ := s.Timeline.Marks(0)
	now := position{s.settled(), mark}
	said := r.Header.Get("Last-Event-ID")
	if said == "" {
		said = r.URL.Query().Get("after")
	}
	first, last, _ := strings.Cut(said, "-")
	second, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return now
	}
	if mark, err = strconv.ParseInt(last, 10, 64); err != nil {
		return now
	}
	oldest := now.second - int64(s.kept())
	return position{min(max(second, oldest), now.second), min(mark, now.mark)}
}

// MarkFaults marks on the timeline when each fault of the lab begins and ends,
// until ctx ends.
func (s *Server) MarkFaults(ctx context.Context) {
	if s.Lab == nil {
		return
	}
	on := map[string]string{} // link → what is on, in words; "" while it is healthy
	hidden := ""              // the hidden fault that is on, in words; "" while there is none
	for {
		state, changed := s.Lab.Watch()
		hidden = s.markHidden(state, hidden)
		for _, f := range state.Faults {
			words := faultWords(f.Link, f.Label, f.Kind)
			if f.Hidden {
				words = ""
			}
			switch words {
			case on[f.Link]:
			case "":
				s.Timeline.Mark(telemetry.FaultEnds, f.Link, f.Label+": healthy again")
			default:
				s.Timeline.Mark(telemetry.FaultBegins, f.Link, words)
			}
			on[f.Link] = words
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// markHidden marks that a hidden fault begins, and when it is over what it was.
func (s *Server) markHidden(state lab.State, was string) string {
	f, on := lab.HiddenIn(state.Faults)
	now := ""
	if on {
		now = faultWords(f.Link, f.Label, f.Kind)
	}
	switch {
	case was == now:
	case was == "":
		s.Timeline.Mark(telemetry.FaultBegins, lab.Hidden, hiddenWords)
	case now == "":
		s.Timeline.Mark(telemetry.FaultEnds, lab.Hidden, "The hidden fault is over. It was this: "+was)
	}
	return now
}
