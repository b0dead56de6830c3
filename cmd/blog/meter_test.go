package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"afloat/internal/telemetry"
	"afloat/internal/testenv"
)

// scrape returns the value of each series of a blog, by name and labels.
func scrape(t *testing.T, s *server) map[string]float64 {
	t.Helper()
	status, text := get(t, s.url+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d: %s", status, text)
	}
	series := map[string]float64{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[at+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, twice := series[line[:at]]; twice {
			t.Errorf("%s stands there twice", line[:at])
		}
		series[line[:at]] = value
	}
	return series
}

// TestMetrics scrapes a blog through an outage that it makes itself.
func TestMetrics(t *testing.T) {
	s := serveHere(t, env{"DATABASE_URL": testenv.Postgres(t), "REDIS_URL": testenv.Redis(t), "LAB": "on"}, "-twin", "18081")
	page := s.url + "/posts/" + shipped(t)[0].Slug
	eventually(t, "an article from the database", func() bool {
		_, text := get(t, page)
		return state(text, "post") == "fresh" || state(text, "post") == "cached"
	})
	above := func(name string, least float64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s above %v", name, least), func() bool { return scrape(t, s)[name] > least })
	}
	above(`afloat_http_requests_total{method="GET",outcome="2xx",route="/posts/{slug}"}`, 0)
	above(`afloat_parts_total{part="post",source="postgres",state="fresh"}`, 0)
	above(`afloat_attempts_total{policy="post reads"}`, 0)
	above(`afloat_postgres_connections{pool="readers",state="idle"}`, 0)
	above(`afloat_postgres_connections_max{pool="background"}`, 0)
	above(`afloat_redis_pool_misses_total`, 0)
	above(`afloat_site_version`, 0)
	above(`afloat_site_vouched`, 0)
	above(`afloat_snapshot_version`, 0)
	above(`afloat_breaker_state{policy="comment writes",state="closed"}`, 0)

	// The lab's figures are of the same calls.
	_, status := get(t, s.url+"/lab/status")
	for _, want := range []string{`"readers"`, `"background"`, `"in_flight": 0`, `"budget_tokens"`, `"link": "recommendations"`} {
		if !strings.Contains(status, want) {
			t.Errorf("/lab/status lacks %s", want)
		}
	}
	eventually(t, "a page on the timeline", func() bool {
		_, text := get(t, s.url+"/lab/timeline.json")
		var figures telemetry.Series
		if err := json.Unmarshal([]byte(text), &figures); err != nil {
			t.Fatal(err)
		}
		n := uint64(0)
		for _, o := range []telemetry.Outcome{telemetry.Fresh, telemetry.Cached, telemetry.Partial} {
			for _, pages := range figures.Pages[o] {
				n += pages
			}
		}
		return n > 0
	})

	// A scrape passes no fault: it must work in an outage most of all.
	if status, text := post(t, s.url+"/lab/faults", url.Values{"link": {"all"}, "kind": {"hang"}}); status != http.StatusOK {
		t.Fatalf("%d: %s", status, text)
	}
	above(`afloat_fault{kind="hang",link="postgres"}`, 0)
	for _, a := range shipped(t)[1:] { // their comments were never read, so there is no copy
		get(t, s.url+"/posts/"+a.Slug)
	}
	above(`afloat_parts_total{part="comments",source="placeholder",state="missing"}`, 0)
	above(`afloat_failures_total{class="timeout",policy="post reads"}`, 0) // the poll's, if nobody else's
	eventually(t, "an open breaker", func() bool {
		get(t, page)
		now := scrape(t, s)
		return now[`afloat_breaker_state{policy="post reads",state="open"}`]+now[`afloat_breaker_state{policy="post reads",state="half-open"}`] == 1
	})

	// Strangers make no new series.
	before := slices.Sorted(maps.Keys(scrape(t, s)))
	for i := range 200 {
		get(t, fmt.Sprintf("%s/%d/%%00%d", s.url, i, i))
		get(t, fmt.Sprintf("%s/posts/x%d", s.url, i))
	}
	if after := slices.Sorted(maps.Keys(scrape(t, s))); len(after) > len(before)+40 {
		t.Errorf("%d series were %d before: %q", len(after), len(before), slices.DeleteFunc(after, func(name string) bool { _, was := slices.BinarySearch(before, name); return was }))
	}
}
