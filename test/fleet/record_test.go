package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"afloat/internal/recorded"
)

// TestOnlyTheDozenIsRecorded: what came to its end, as it came out.
func TestOnlyTheDozenIsRecorded(t *testing.T) {
	r := newReport(200, "abc")
	for _, name := range []string{"postgres-leader-kill", "zone", "front-kill"} {
		one := good()
		one.Name, one.Revision, one.Began = name, "abc", r.Date
		one.FaultAt, one.HealAt = 1, 2
		one.Seconds = recorded.Seconds{Served: []int{9, 9, 9}, Failed: []int{0, 1, 0}, P99: []float64{1, 2, 3}, Direct: []int{1, 0, 1}, Outbox: []int{0, 1, 0}, Refused: []int{0, 0, 0}}
		r.Results = append(r.Results, one)
	}
	r.Results[2].Failed = "it broke off"
	dir := t.TempDir()
	if err := r.record(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 || filepath.Base(files[0]) != "postgres-leader-kill.json" {
		t.Fatalf("%v: %v, want the leader's case only", err, files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || len(text) == 0 {
		t.Fatal(err)
	}
	c := r.recorded(r.Results[0])
	if c.DirectWithin != 25 || c.DirectAfter != 20 || c.Reads != (recorded.Served{Failed: 0, Of: 115}) || c.Twin != (recorded.Served{Failed: 3, Of: 6}) ||
		c.Comments.Outbox != 40 || c.Under.P99 != 120 || c.Machine != r.Machine || !slices.Equal(c.Seconds.Failed, []int{0, 1, 0}) {
		t.Errorf("recorded as %+v", c)
	}
	r.Results[0].Seconds.Failed = nil
	if err := r.record(dir); err == nil {
		t.Error("a case with half of its seconds is recorded")
	}
}
