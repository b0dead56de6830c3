package lab

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/fault"
)

// A hidden fault breaks its link, is verified, expires and can be cleared like any other; a follower is told of it
// whole, and a masked state tells nothing that differs from link to link.
func TestHiddenFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		wires := []Wire{newDependency().wire("redis", "Redis"), newDependency().wire("postgres", "Postgres")}
		s, err := NewSwitchboard(wires, testLimits, slog.New(slog.NewTextHandler(&said, nil)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		synctest.Wait()
		s.mu.Lock()  // it is held where the log is written
		said.Reset() // the first probes name the healthy links
		s.mu.Unlock()
		if healthy := s.Status(); healthy.Masked().Faults[0].Kind != Healthy {
			t.Errorf("%+v is masked, and nothing is hidden", healthy)
		}
		got, err := s.Apply(t.Context(), Order{Link: "postgres", Kind: "flaky", Rate: 0.5, Hidden: true, For: time.Minute})
		if err != nil || !got[0].Hidden || !got[0].Confirmed {
			t.Fatalf("%+v %v", got, err)
		}
		state := s.Status()
		masked := state.Masked()
		for i, link := range []string{"redis", "postgres"} {
			m := masked.Faults[i]
			if m.Link != link || m.Kind != Hidden || m.Left != state.Faults[1].Left {
				t.Errorf("%+v", m)
			}
			m.Link, m.Label = "", ""
			masked.Faults[i] = m
		}
		if masked.Faults[0] != masked.Faults[1] {
			t.Errorf("the links differ: %+v", masked.Faults)
		}
		if state.Faults[1].Kind != "flaky" {
			t.Errorf("the state itself was changed: %+v", state)
		}
		told, err := json.Marshal(state)
		if err != nil {
			t.Fatal(err)
		}
		var heard State
		if err := json.Unmarshal(told, &heard); err != nil {
			t.Fatal(err)
		}
		follower := fault.NewLink("postgres")
		defer follower.Close()
		mirror([]*fault.Link{follower}, heard, slog.New(slog.DiscardHandler))
		if f, on := follower.Current(); !on || f.Kind != fault.Flaky || !f.Hidden {
			t.Errorf("a follower has %+v", f)
		}
		s.mu.Lock()
		log := said.String()
		s.mu.Unlock()
		if strings.Contains(log, "flaky") || strings.Contains(log, "postgres") || !strings.Contains(log, "hidden") {
			t.Errorf("the log names it: %s", log)
		}
		time.Sleep(time.Minute + time.Second)
		if over := s.Status(); over.Masked().Faults[1].Kind != Healthy {
			t.Errorf("it goes on: %+v", over)
		}
	})
}
