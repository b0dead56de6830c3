package load

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Result is what the readers got. Latencies are of all requests, failed ones
// included, from the moment a reader was due until the last byte.
type Result struct {
	Offered  float64                   `json:"offered_per_second"` // arrivals a second, as drawn
	Requests int                       `json:"requests"`
	Success  int                       `json:"success"`  // answered 200, with nothing wrong by the plan's Check
	Complete int                       `json:"complete"` // answered 200, and no part stale, fallback or missing
	Unsent   int                       `json:"unsent"`   // arrivals that were never sent
	Statuses map[int]int               `json:"statuses"` // HTTP status → requests
	Errors   map[string]int            `json:"errors"`   // class → requests without a whole reply, or with a wrong one
	Parts    map[string]map[string]int `json:"parts"`    // part → state → pages
	P50      time.Duration             `json:"p50_ns"`
	P99      time.Duration             `json:"p99_ns"`
	Max      time.Duration             `json:"max_ns"`
	Mean     time.Duration             `json:"mean_ns"`
}

// tally gathers replies.
type tally struct {
	Result
	check     func(path string, body []byte) error // may be nil
	latencies []time.Duration
}

func newTally(check func(path string, body []byte) error) *tally {
	return &tally{check: check, Result: Result{Statuses: map[int]int{}, Errors: map[string]int{}, Parts: map[string]map[string]int{}}}
}

// add counts a reply to the arrival, which ended so long after it was due.
func (t *tally) add(reply *vegeta.Result, of arrival, latency time.Duration) Sample {
	s := Sample{Due: of.at, Path: of.path, Status: int(reply.Code), Latency: latency}
	t.Requests++
	t.latencies = append(t.latencies, latency)
	if reply.Code == 0 {
		s.Error = errorClass(reply.Error)
		t.Errors[s.Error]++
		return s
	}
	t.Statuses[int(reply.Code)]++
	if t.check != nil && reply.Code == http.StatusOK && t.check(of.path, reply.Body) != nil {
		s.Error = Wrong
		t.Errors[s.Error]++
		return s
	}
	parts := PartStates(reply.Body)
	for part, state := range parts {
		if t.Parts[part] == nil {
			t.Parts[part] = map[string]int{}
		}
		t.Parts[part][state]++
	}
	if reply.Code == http.StatusOK {
		t.Success++
		if s.Complete = whole(parts); s.Complete {
			t.Complete++
		}
	}
	return s
}

func (t *tally) result(arrivals int, duration time.Duration) Result {
	r := t.Result
	r.Offered = float64(arrivals) / duration.Seconds()
	r.Unsent = arrivals - r.Requests
	if len(t.latencies) == 0 {
		return r
	}
	slices.Sort(t.latencies)
	var sum time.Duration
	for _, l := range t.latencies {
		sum += l
	}
	r.P50, r.P99 = quantile(t.latencies, 50), quantile(t.latencies, 99)
	r.Max, r.Mean = t.latencies[len(t.latencies)-1], sum/time.Duration(len(t.latencies))
	return r
}

// quantile returns the smallest latency that at least percent % of the sorted
// ones don't exceed (the nearest-rank rule).
func quantile(sorted []time.Duration, percent int) time.Duration {
	rank := (len(sorted)*percent + 99) / 100
	return sorted[max(rank, 1)-1]
}

var (
	partMark    = []byte(` data-part="`)
	partPattern = regexp.MustCompile(`^<[^<>]*\bdata-part="([^"<>]+)"[^<>]*\bdata-state="([^"<>]+)"`)
)

// PartStates reads the state of each part from a page. A streamed page may
// hold a part twice, first as a placeholder: the last is what the reader sees.
func PartStates(body []byte) map[string]string {
	states := map[string]string{}
	// Pages are long and marks are few: a pattern that looked at every tag would keep a core busy at 200 pages a second.
	for {
		at := bytes.Index(body, partMark)
		if at < 0 {
			return states
		}
		if tag := bytes.LastIndexByte(body[:at], '<'); tag >= 0 {
			if match := partPattern.FindSubmatch(body[tag:]); match != nil {
				states[string(match[1])] = string(match[2])
			}
		}
		body = body[at+len(partMark):]
	}
}

func whole(parts map[string]string) bool {
	for _, state := range parts {
		if state == "stale" || state == "fallback" || state == "missing" {
			return false
		}
	}
	return true
}

// errorClass groups errors by cause; their text holds ports, which would make
// each its own. Vegeta passes on only the text.
func errorClass(text string) string {
	for _, class := range []struct{ name, sign string }{
		{"timeout", "Client.Timeout"},
		{"timeout", "deadline exceeded"},
		{"refused", "connection refused"},
		{"reset", "connection reset"},
		{"cut short", "EOF"},
	} {
		if strings.Contains(text, class.sign) {
			return class.name
		}
	}
	return "other"
}

// String returns the table that WriteTo writes.
func (r Result) String() string {
	var b strings.Builder
	_, _ = r.WriteTo(&b) // a strings.Builder never fails
	return b.String()
}

// WriteTo writes the result as a table for people.
func (r Result) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("offered", "%.1f requests/s", r.Offered)
	row("requests", "%d (%d unsent)", r.Requests, r.Unsent)
	row("answered 200", "%s", share(r.Success, r.Requests))
	row("complete", "%s", share(r.Complete, r.Requests))
	row("latency", "p50 %v, p99 %v, max %v, mean %v", round(r.P50), round(r.P99), round(r.Max), round(r.Mean))
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		row("status "+strconv.Itoa(status), "%s", share(r.Statuses[status], r.Requests))
	}
	for _, class := range slices.Sorted(maps.Keys(r.Errors)) {
		row("error: "+class, "%s", share(r.Errors[class], r.Requests))
	}
	for _, part := range slices.Sorted(maps.Keys(r.Parts)) {
		var states []string
		for _, state := range slices.Sorted(maps.Keys(r.Parts[part])) {
			states = append(states, fmt.Sprintf("%s %d", state, r.Parts[part][state]))
		}
		row("part "+part, "%s", strings.Join(states, ", "))
	}
	if err := table.Flush(); err != nil {
		return 0, err
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func share(n, of int) string {
	if of == 0 {
		return "0 of 0"
	}
	return fmt.Sprintf("%d of %d (%.2f %%)", n, of, 100*float64(n)/float64(of))
}

func round(d time.Duration) time.Duration { return d.Round(time.Second / 10_000) }
