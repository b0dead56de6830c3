package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/load"
)

func came(kind string, due float64, latency time.Duration, status int, err string) read {
	return read{kind: kind, due: at(due), Sample: load.Sample{Latency: latency, Status: status, Error: err}}
}

var moments = times{begin: at(0), fault: at(10), faulted: at(11), heal: at(30), healed: at(31), until: at(38), end: at(43)}

func TestReadsAreCountedByPhase(t *testing.T) {
	var r result
	r.read([]read{
		came(cachedReads, 1, 3*time.Millisecond, 200, ""),
		came(cachedReads, 2, 5*time.Millisecond, 503, ""), // before the fault: not its doing
		came(cachedReads, 11, 40*time.Millisecond, 200, ""),
		came(cachedReads, 10.5, time.Millisecond, 0, "cut short"), // while it was being killed
		came(uncachedReads, 12, 10*time.Millisecond, 503, ""),
		came(uncachedReads, 13, 6*time.Second, 200, ""),
		came(assetReads, 14, 10*time.Millisecond, 0, "reset"),
		came(assetReads, 32, 9*time.Second, 200, load.Wrong),
		came(twinReads, 15, time.Minute, 500, ""),
		came(cachedReads, 39, time.Minute, 500, ""), // too late to be judged
	}, moments)
	want := map[string]served{cachedReads: {1, 2}, uncachedReads: {2, 2}, assetReads: {2, 2}, twinReads: {1, 1}}
	for kind, w := range want {
		if r.Reads[kind] != w {
			t.Errorf("%s: %+v, want %+v", kind, r.Reads[kind], w)
		}
	}
	for cause, n := range map[string]int{"503": 1, "slow": 1, "reset": 1, load.Wrong: 1, "cut short": 1} {
		if r.Causes[cause] != n {
			t.Errorf("causes are %v, want %s × %d", r.Causes, cause, n)
		}
	}
	if r.Healthy.Reads != 2 || r.Healthy.Max != 5 || r.Fault.Reads != 5 || r.InHand != 1 || r.Fault.P50 != 10 || r.Fault.Max != 9000 {
		t.Errorf("healthy %+v, under the fault %+v", r.Healthy, r.Fault)
	}
}

// good is a case in which everything held.
func good() result {
	return result{
		Name: "edge-kill", Does: "kill -9: one edge", Targets: []string{"edge1"},
		Healthy: latency{Reads: 1000, P50: 2, P99: 40, Max: 50}, Fault: latency{Reads: 2000, P50: 2, P99: 120, Max: 800},
		Reads:    map[string]served{cachedReads: {0, 100}, uncachedReads: {0, 10}, assetReads: {0, 5}, twinReads: {3, 6}},
		Comments: ledger{Acknowledged: 100, Outbox: 40}, SlowestPost: 700, DirectAfter: 20, RedisGap: 2,
	}
}

func strict() bounds {
	return bounds{reads: everyRead, p99: 3, slowest: time.Second, post: 800 * time.Millisecond, direct: 25 * time.Second, redis: 4 * time.Second}
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		change func(*result)
		want   string
	}{
		{func(*result) {}, ""},
		{func(r *result) { r.Reads[uncachedReads] = served{1, 10} }, "1 of 10 uncached reads failed"},
		{func(r *result) { r.Reads[cachedReads], r.InHand = served{2, 100}, 2 }, "2 of 100 cached reads failed"},
		{func(r *result) { delete(r.Reads, assetReads) }, "no assets reads"},
		{func(r *result) { r.Fault.P99 = 120.5 }, "p99 120.5 ms"},
		{func(r *result) { r.Healthy.P99, r.Fault.P99 = 1, 59 }, ""}, // within what the machine itself may take
		{func(r *result) { r.Fault.Max = 1001 }, "slowest read 1001 ms"},
		{func(r *result) { r.SlowestPost = 801 }, "slowest answer to a comment 801 ms"},
		{func(r *result) { r.DirectAfter = 25.1 }, "direct again after 25.1 s"},
		{func(r *result) { r.DirectAfter = -1 }, "direct again after -1.0 s"},
		{func(r *result) { r.Comments.Refused, r.RefusedUntil = 2, 0.1 }, "2 POSTs refused"},
		{func(r *result) { r.Comments.GivenUp = 1 }, "1 comments never acknowledged"},
		{func(r *result) { r.RedisGap = 4.1 }, "4.1 s without Redis writes"},
		{func(r *result) { r.Comments.Lost = 1 }, "1 acknowledged comments lost"},
		{func(r *result) { r.Comments.Doubled = 1 }, "1 comments doubled"},
		{func(r *result) { r.Comments.Disordered = 1 }, "1 comments out of order"},
		{func(r *result) { r.Comments.Passed = 1 }, "1 comments out of order, which went past"},
		{func(r *result) { r.Comments.Acknowledged = 0 }, "no comment was acknowledged"},
	} {
		r := good()
		c.change(&r)
		r.judge(strict())
		if got := strings.Join(r.Broken, "; "); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("the verdict is %q, want %q", got, c.want)
		}
	}
}

func TestWhatAFrontHasInHand(t *testing.T) {
	for inHand, want := range map[int]int{2: 0, 3: 0, 1: 1} {
		r := good()
		r.Reads[cachedReads], r.InHand = served{2, 100}, inHand
		r.judge(bounds{reads: everyRead, inHand: true})
		if len(r.Broken) != want {
			t.Errorf("%d in its hands: %q", inHand, r.Broken)
		}
	}
}

func TestAnExceptionStillLosesNothing(t *testing.T) {
	r := good()
	r.Reads[cachedReads], r.Comments.Lost = served{50, 100}, 1
	r.judge(bounds{exception: "it holds the port"})
	if len(r.Broken) != 1 || r.Exception == "" {
		t.Errorf("broken: %q", r.Broken)
	}
}

func TestResume(t *testing.T) {
	dir := t.TempDir()
	if before, err := resume(dir); err != nil || before.Results != nil {
		t.Fatalf("an empty directory resumes with %v, %v", before, err)
	}
	first := newReport(200, "abc")
	for _, name := range []string{"zone", "edge-kill", "zone"} { // the second of a name replaces the first
		r := good()
		r.Name = name
		if err := first.add(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	second, err := resume(dir)
	if err != nil {
		t.Fatal(err)
	}
	if second.Rate != 200 || second.Wanted != 200 {
		t.Errorf("resumed at %g of %g readers a second", second.Rate, second.Wanted)
	}
	if len(second.Results) != 2 || second.Results[0].Name != "edge-kill" || !second.has("zone") || second.has("front-kill") {
		t.Errorf("resumed with %+v", second.Results)
	}
	table, err := os.ReadFile(filepath.Join(dir, "fleet.md"))
	if err != nil || strings.Count(string(table), "| holds |") != 2 || !strings.Contains(string(table), "| 0 of 115 |") {
		t.Errorf("the table is %v\n%s", err, table)
	}
	if err := os.WriteFile(filepath.Join(dir, figures), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := resume(dir); err == nil {
		t.Error("a torn file is taken for results")
	}
}

func TestTimelineIsADrawing(t *testing.T) {
	reads := []read{came(cachedReads, 1, time.Millisecond, 200, ""), came(cachedReads, 12, time.Millisecond, 503, ""), came(twinReads, 12, time.Millisecond, 503, "")}
	comments := []*comment{posted(0, true, 1, 303), posted(1, false, 12, 0, 13.5, 303)}
	l := timeline(reads, comments, moments)
	late := timeline(reads, append(slices.Clone(comments), posted(2, false, 12, 0, 60.2, 303)), moments)
	if len(late.Served) != 38 || len(late.Direct) != 61 || len(late.Refused) != 61 || late.Outbox[60] != 1 {
		t.Errorf("with a writer who comes after the readers: %d seconds of readers, %d of comments", len(late.Served), len(late.Direct))
	}
	if len(l.Served) != 38 || l.Served[1] != 1 || l.Failed[12] != 1 || l.P99[12] != 1 || l.TwinFailed[12] != 1 || l.Direct[1] != 1 || l.Refused[12] != 1 || l.Outbox[13] != 1 {
		t.Errorf("the seconds are %+v", l)
	}
	dir := t.TempDir()
	r := good()
	r.FaultAt, r.HealAt, r.Seconds = 10, 30, l
	if err := newReport(200, "abc").draw(dir, r); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "edge-kill.svg"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 reads failed", "fault from 10", "40 of them by the outbox"} {
		if !strings.Contains(string(svg), want) {
			t.Errorf("the drawing lacks %q", want)
		}
	}
	if n := strings.Count(string(svg), "<title "); n != 4 {
		t.Errorf("%d figures, want 4", n)
	}
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no XML: %v", err)
		}
	}
}
