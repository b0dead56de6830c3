package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPercentileAndMedian(t *testing.T) {
	var d []time.Duration
	for i := range 200 {
		d = append(d, time.Duration(200-i)*time.Millisecond)
	}
	for percent, want := range map[float64]float64{50: 100, 99: 198, 100: 200} {
		if got := percentile(d, percent); got != want {
			t.Errorf("p%v is %v ms, want %v", percent, got, want)
		}
	}
	if got := median([]float64{9, 1, 2, 4}); got != 3 {
		t.Errorf("median is %v, want 3", got)
	}
}

// reported is a report with two servers, two rounds of each.
func reported() *report {
	r := newReport("quick hot")
	for _, v := range []float64{30_000, 31_000} {
		r.add("hot", "bare net/http", "req/s", v)
		r.add("hot", "blog", "req/s", v*0.9)
	}
	r.add("hot", "blog", "p99-ms", 1.25)
	return r
}

func TestReportFormats(t *testing.T) {
	r := reported()
	r.aim("hot: at least 0.85 of bare net/http", r.ratio("hot", "req/s", "blog", "bare net/http"), atLeast(0.85), "×")
	for _, want := range []string{
		"| hot: at least 0.85 of bare net/http | 0.9 × | met |",
		"| | req/s | p99-ms |",
		"| bare net/http | 30,500 (30,000–31,000) |  |",
		"| blog | 27,400 (27,000–27,900) | 1.25 |",
	} {
		if !strings.Contains(r.markdown(), want) {
			t.Errorf("the table lacks %q:\n%s", want, r.markdown())
		}
	}
	for _, want := range []string{"Benchmarkhot/blog 1 27000 req/s 1.25 p99-ms\nBenchmarkhot/blog 1 27900 req/s\n", "Benchmarkhot/bare_net/http 1 30000 req/s\n"} {
		if !strings.Contains(r.benchmarks(), want) {
			t.Errorf("the benchmark format lacks %q:\n%s", want, r.benchmarks())
		}
	}
}

// What is compared with is the run before of the same plan, whatever ran
// between the two.
func TestRunBeforeIsKept(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	first := reported()
	first.add("hot", "only in the first", "req/s", 1)
	for _, r := range []*report{first, newReport("full"), reported()} {
		if err := r.write(dir); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.ReadFile(first.before(dir))
	if err != nil || string(before) != first.benchmarks() {
		t.Errorf("the first run is not kept: %v\n%s", err, before)
	}
	if err := newReport("full").compare(t.Context(), dir, &out); err != nil || !strings.Contains(out.String(), "no earlier run") {
		t.Errorf("the only run of a plan is compared: %v %s", err, out.String())
	}
}

// Charts are well-formed, and their figures are in the description too.
func TestCharts(t *testing.T) {
	bars := barChart("a < b", "p99, ms", []bar{{"healthy", 1.5}, {"redis & hang", 3}})
	lines := lineChart("tail", "s", "ms", []line{{"blog", []point{{0, 1}, {1, 250}}}, {"twin", []point{{0, 2}, {1, 3000}}}}, 0.5)
	for svg, want := range map[string]string{bars: "redis &amp; hang: 3. ", lines: "twin: at most 3,000 at 1 s. "} {
		if !strings.Contains(svg, want) {
			t.Errorf("the description lacks %q:\n%s", want, svg)
		}
		for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in\n%s", err, svg)
			}
		}
	}
}
