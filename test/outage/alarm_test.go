package outage

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"afloat/internal/alert"
)

// TestCopiesRefusedRings: with Redis stopped every page is served, and whoever watches what readers miss hears nothing.
// The rule of docs/operations.md that watches the use of the fallback rings, with its times divided by 20; while all is
// well it doesn't.
func TestCopiesRefusedRings(t *testing.T) {
	// A rate of these calls is above 0 when their share of all refused calls is.
	copies := alert.Rule{
		Name: "CopiesRefused", Metric: "afloat_rejected_total", Label: "policy", Value: "redis copies",
		Window: time.Minute, For: 5 * time.Minute,
	}
	manual, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	if expr := fmt.Sprintf("sum(rate(%s{%s=%q}[1m])) > 0\n        for: 5m\n", copies.Metric, copies.Label, copies.Value); !strings.Contains(string(manual), "- alert: CopiesRefused") || !strings.Contains(string(manual), expr) {
		t.Fatalf("the manual's rule is another one than\n%s", expr)
	}

	f := startFleet(t)
	if _, ok := f.untilWhole(f.blog.url, 30*time.Second); !ok {
		t.Fatalf("the healthy blog is not whole:\n%s", f.describe(f.blog.url))
	}
	const faster, well, ill = 20, 20 * time.Second, 30 * time.Second // each longer than the rule's 15 s
	rules := []alert.Rule{copies.Scaled(faster)}
	for _, r := range alert.Rules() {
		rules = append(rules, r.Scaled(faster))
	}
	rings := func(when string, scrapes []alert.Scrape) (copies bool) {
		t.Helper()
		for _, r := range rules[1:] {
			if firing, fired := r.Watch(scrapes); fired {
				t.Errorf("%s %s rings for %q", when, r.Name, firing.Group)
			}
		}
		_, copies = rules[0].Watch(scrapes)
		return copies
	}

	crowd := f.readers(t, well)
	if rings("while all is well", f.scrapes(t, well)) {
		t.Error("it rings while all is well")
	}
	served(t, "while all is well", <-crowd)
	f.redis.Pause()
	defer f.redis.Resume()
	crowd = f.readers(t, ill)
	if !rings("without Redis", f.scrapes(t, ill)) {
		t.Error("it doesn't ring without Redis")
	}
	served(t, "without Redis", <-crowd)
}

// scrapes reads the blog's metrics twice a second for so long.
func (f *fleet) scrapes(t *testing.T, during time.Duration) (all []alert.Scrape) {
	t.Helper()
	for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		text := get(f.blog.url + "/metrics").text
		s, err := alert.Read(strings.NewReader(text), time.Now(), "afloat_rejected_total", "afloat_parts_total", "afloat_http_requests_total")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}
