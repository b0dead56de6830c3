package main

import (
	"fmt"
	"testing"
	"time"

	"afloat/internal/store"
	"afloat/test/fleet/state"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return began.Add(time.Duration(seconds * float64(time.Second))) }

// posted is a comment whose tries began at those seconds, took 100 ms, and had those answers; a 303 acknowledges it.
func posted(n int, direct bool, tries ...float64) *comment {
	c := &comment{slug: "a", text: fmt.Sprint("no ", n, "."), direct: direct}
	for i := 0; i < len(tries); i += 2 {
		c.tries = append(c.tries, try{at: at(tries[i]), took: 100 * time.Millisecond, status: int(tries[i+1])})
		if tries[i+1] == 303 {
			c.acked = at(tries[i] + .1)
		}
	}
	return c
}

func rows(numbers ...int) (all []state.Comment) {
	for _, n := range numbers {
		all = append(all, state.Comment{Slug: "a", Text: fmt.Sprint("no ", n, ".")})
	}
	return all
}

func TestReckoning(t *testing.T) {
	comments := []*comment{
		posted(0, true, 0, 303),
		posted(1, false, 1, 303),
		posted(2, true, 2, 0, 3.5, 503, 5, 303),
		posted(3, true, 4, 503),
		posted(4, true, 4.5, 303),
	}
	comments[1].unseen = "no page"
	for _, c := range []struct {
		about string
		rows  []state.Comment
		want  ledger
	}{
		{"all there", rows(0, 1, 2, 4), ledger{}},
		{"two lost", rows(0, 4), ledger{Lost: 2}},
		{"one doubled", rows(0, 1, 1, 2, 4), ledger{Doubled: 1}},
		{"one written though its writer was told it was not", rows(0, 1, 3, 2, 4), ledger{}},
		{"the later one first", rows(1, 0, 2, 4), ledger{Disordered: 1}},
		{"both were under way at once, so either order is right", rows(0, 1, 3, 4, 2), ledger{Disordered: 0}},
		{"nothing there", nil, ledger{Lost: 4}},
	} {
		got := reckon(comments, c.rows, nil)
		if got.Lost != c.want.Lost || got.Doubled != c.want.Doubled {
			t.Errorf("%s: %d lost and %d doubled", c.about, got.Lost, got.Doubled)
		}
		if c.want.Disordered != got.Disordered {
			t.Errorf("%s: %d out of order", c.about, got.Disordered)
		}
		if got.Written != 5 || got.Acknowledged != 4 || got.Outbox != 1 || got.Refused != 2 || got.Broken != 1 || got.GivenUp != 1 || got.Unseen["no page"] != 1 {
			t.Errorf("%s: %+v", c.about, got)
		}
	}
}

func TestWhoMayPass(t *testing.T) {
	comments := []*comment{posted(0, false, 0, 303), posted(1, true, 1, 303)}
	for n, want := range []ledger{{Disordered: 1}, {Passed: 1}} {
		got := reckon(comments, rows(1, 0), map[string]bool{store.KeyHash(comments[n].key()): true})
		if got.Passed != want.Passed || got.Disordered != want.Disordered {
			t.Errorf("no %d went past the outbox: %+v", n, got)
		}
	}
}

func TestOrderIsOneArticles(t *testing.T) {
	comments := []*comment{posted(0, true, 0, 303), posted(1, true, 1, 303)}
	comments[1].slug = "b"
	if got := reckon(comments, rows(1, 0), nil); got.Disordered != 0 {
		t.Errorf("%d out of order, on two articles", got.Disordered)
	}
}

func TestDirectAgain(t *testing.T) {
	for _, c := range []struct {
		about    string
		comments []*comment
		want     float64
	}{
		{"always", []*comment{posted(0, true, 0, 303), posted(1, true, 11, 303)}, 0},
		{"a gap before the fault", []*comment{posted(0, false, 5, 303), posted(1, true, 11, 303)}, 0},
		{"back after the outbox", []*comment{posted(0, true, 10.2, 303), posted(1, false, 11, 303), posted(2, false, 20, 303), posted(3, true, 25, 303), posted(4, true, 26, 303)}, 15.1},
		{"back for a moment only", []*comment{posted(0, false, 11, 303), posted(1, true, 12, 303), posted(2, false, 13, 303), posted(3, true, 20, 303)}, 10.1},
		{"after an error, by the same writer", []*comment{posted(0, true, 11, 0, 13, 303)}, 3.1},
		{"never", []*comment{posted(0, true, 10.1, 303), posted(1, false, 11, 303)}, -1},
	} {
		if got := seconds(directAgain(c.comments, at(10))); got != c.want { // as the table has it
			t.Errorf("%s: after %v s, want %v", c.about, got, c.want)
		}
	}
}

func TestRefusedUntil(t *testing.T) {
	comments := []*comment{posted(0, true, 11, 0, 12, 502), posted(1, true, 11, 503, 12.5, 503, 14, 303)}
	if got := refusedUntil(comments, at(10)); got != 2600*time.Millisecond {
		t.Errorf("refused until %v after the fault", got)
	}
	if got := slowestAnswer([]*comment{{tries: []try{{took: time.Minute}, {took: time.Second, status: 503}}}}); got != time.Second {
		t.Errorf("the slowest answer took %v; no answer is none", got)
	}
}
