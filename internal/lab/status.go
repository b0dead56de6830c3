package lab

import (
	"encoding/json"
	"fmt"
	"time"
)

// What is known about a link's fault, or about its health.
const (
	Confirmed    = "confirmed"     // the last probe saw what the status says
	Checking     = "checking"      // it changed, and no probe has come back yet
	NotConfirmed = "not confirmed" // the last probe saw something else
)

// A State is every link's status at one moment, in the order of the switchboard's wires.
type State struct {
	Rev      int64    `json:"rev"` // another number after each change, also from one run of the server to the next
	Faults   []Status `json:"faults"`
	Critical Marks    `json:"critical,omitzero"`
}

// A Status is one link's: what is on, until when, and what a probe through the link saw of it. In JSON its durations
// are written as in Go ("2s").
type Status struct {
	Link      string        `json:"link"`
	Label     string        `json:"label"`
	Kind      string        `json:"kind"` // one of fault.Kinds, or Healthy
	Latency   time.Duration `json:"latency"`
	Jitter    time.Duration `json:"jitter"`
	Rate      float64       `json:"rate,omitzero"`
	Until     time.Time     `json:"until,omitzero"` // when the fault ends
	Left      time.Duration `json:"left"`           // until then
	Confirmed bool          `json:"confirmed"`      // Verdict is Confirmed
	Verdict   string        `json:"verdict"`        // Confirmed, Checking or NotConfirmed
	Saw       string        `json:"saw,omitzero"`   // by the last probe: "refused after 0.2 ms"
	ProbedAt  time.Time     `json:"probed_at,omitzero"`
	Stamp     Stamp         `json:"stamp,omitzero"`  // of the latest order for this link, that which made it healthy too
	Hidden    bool          `json:"hidden,omitzero"` // not to be shown by name: see State.Masked
}

// plain is a Status without its methods; in written, text takes the place of its durations.
type (
	plain   Status
	written struct {
		plain
		Latency string `json:"latency,omitzero"`
		Jitter  string `json:"jitter,omitzero"`
		Left    string `json:"left,omitzero"`
	}
)

// MarshalJSON writes durations as text, and leaves out those that are zero.
func (s Status) MarshalJSON() ([]byte, error) {
	text := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(written{plain(s), text(s.Latency), text(s.Jitter), text(s.Left)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *Status) UnmarshalJSON(b []byte) error {
	var w written
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	for _, f := range []struct {
		text string
		into *time.Duration
	}{{w.Latency, &w.plain.Latency}, {w.Jitter, &w.plain.Jitter}, {w.Left, &w.plain.Left}} {
		if f.text == "" {
			continue
		}
		d, err := time.ParseDuration(f.text)
		if err != nil {
			return fmt.Errorf("status of link %q: %w", w.Link, err)
		}
		*f.into = d
	}
	*s = Status(w.plain)
	return nil
}
