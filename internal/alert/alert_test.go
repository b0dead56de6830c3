package alert

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

// TestTheRulesAreThoseOfTheManual: whoever copies the rules from docs/operations.md gets what the lab evaluates.
func TestTheRulesAreThoseOfTheManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		_, rule, ok := strings.Cut(string(text), "- alert: "+r.Name+"\n")
		rule, _, _ = strings.Cut(rule, "- alert:")
		if !ok {
			t.Errorf("the manual has no rule %s", r.Name)
			continue
		}
		words := strings.Join(strings.Fields(rule), " ")
		for _, want := range []string{
			strings.Join(strings.Fields(r.Expr()), " "), " for: " + span(r.For) + " ", "severity: " + r.Severity + "}",
		} {
			if !strings.Contains(words, want) {
				t.Errorf("%s: the manual has not %q but\n%s", r.Name, want, words)
			}
		}
	}
}

func TestFind(t *testing.T) {
	if r, ok := Find("PartsMissing"); !ok || r.By != "part" {
		t.Errorf("%+v, %v", r, ok)
	}
	if _, ok := Find("Nothing"); ok {
		t.Error("a rule is there that isn't")
	}
}

func TestRead(t *testing.T) {
	at := time.Unix(7, 0)
	s, err := Read(strings.NewReader(`# HELP parts what
parts{part="a \"b\"",state="missing"} 3
parts_created{part="a"} 9
parts 4.5e1 1700000000
others{x="y"} 1
`), at, "parts")
	if err != nil || len(s.Series) != 2 || !s.At.Equal(at) {
		t.Fatalf("%+v: %v", s, err)
	}
	if got := s.Series[0]; got.Value != 3 || !maps.Equal(got.Labels, map[string]string{"part": `a "b"`, "state": "missing"}) {
		t.Errorf("%+v", got)
	}
	if got := s.Series[1]; got.Value != 45 || len(got.Labels) != 0 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{`parts{part=a} 1`, `parts{part="a} 1`, `parts{part="a"} many`, `parts{part} 1`} {
		if _, err := Read(strings.NewReader(bad), at, "parts"); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// TestReadTypes: what is exported with its type is read like what isn't.
func TestReadTypes(t *testing.T) {
	for _, kind := range []string{"counter", "gauge", "untyped"} {
		s, err := Read(strings.NewReader("# TYPE parts "+kind+"\nparts 3\n"), time.Unix(7, 0), "parts")
		if err != nil || len(s.Series) != 1 || s.Series[0].Value != 3 {
			t.Errorf("%s: %+v, %v", kind, s, err)
		}
	}
}

// counted makes a scrape a second, from counts of missing and fresh comments and of other parts, which are well.
func counted(t *testing.T, counts ...[3]int) []Scrape {
	t.Helper()
	var all []Scrape
	for i, c := range counts {
		text := fmt.Sprintf("afloat_parts_total{part=\"comments\",state=\"missing\"} %d\nafloat_parts_total{part=\"comments\",state=\"fresh\"} %d\nafloat_parts_total{part=\"post\",state=\"fresh\"} %d\n", c[0], c[1], c[2])
		s, err := Read(strings.NewReader(text), time.Unix(int64(i), 0), "afloat_parts_total")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

var quick = Rule{Metric: "afloat_parts_total", Label: "state", Value: "missing", By: "part", Window: 3 * time.Second, Above: 0.5, For: 2 * time.Second}

// TestWatch: by hand. From second 2 on all comments are missing. Of the window's rises, those of the scrapes less than
// 3 s old, 0, 1/2 and 1 are missing at seconds 2, 3 and 4; so it is too much from second 4 on, and fires at 6.
func TestWatch(t *testing.T) {
	scrapes := counted(t, [3]int{0, 0, 0}, [3]int{0, 10, 10}, [3]int{0, 20, 20}, [3]int{10, 20, 30}, [3]int{20, 20, 40}, [3]int{30, 20, 50}, [3]int{40, 20, 60})
	got, fired := quick.Watch(scrapes)
	if !fired || got.Group != "comments" || got.Since.Unix() != 4 || got.At.Unix() != 6 || got.Share != 1 {
		t.Errorf("%v %+v", fired, got)
	}
	if shares := quick.Shares(scrapes[:4]); shares["comments"] != 0.5 || shares["post"] != 0 {
		t.Errorf("%v", shares)
	}
	if _, fired := quick.Watch(scrapes[:6]); fired {
		t.Error("it fires before its time")
	}
}

// TestItWaitsAnew: what mends itself in between starts the wait again.
func TestItWaitsAnew(t *testing.T) {
	scrapes := counted(t, [3]int{0, 0, 0}, [3]int{10, 0, 0}, [3]int{20, 0, 0}, [3]int{20, 90, 0}, [3]int{110, 90, 0}, [3]int{200, 90, 0})
	if got, fired := quick.Watch(scrapes); fired {
		t.Errorf("%+v", got)
	}
}

// TestACounterMayBeginAndRestart: a new series rises from its first value, and one that has fallen from 0.
func TestACounterMayBeginAndRestart(t *testing.T) {
	rule := quick
	rule.Window = time.Minute
	scrapes := counted(t, [3]int{100, 50, 0}, [3]int{130, 60, 0}, [3]int{30, 10, 0})
	if got := rule.Shares(scrapes)["comments"]; got != 0.75 {
		t.Errorf("%v of 80, want 60", got)
	}
	if got := rule.Shares(scrapes[:1]); len(got) != 0 {
		t.Errorf("%v of a single scrape", got)
	}
	if got := rule.Shares(nil); len(got) != 0 {
		t.Errorf("%v of nothing", got)
	}
}

func TestScaled(t *testing.T) {
	r := Rule{Window: 5 * time.Minute, For: 10 * time.Minute}.Scaled(60)
	if r.Window != 5*time.Second || r.For != 10*time.Second {
		t.Errorf("%+v", r)
	}
	if got := span(r.For) + " " + span(90*time.Minute) + " " + span(5*time.Minute); got != "10s 1h30m 5m" {
		t.Error(got)
	}
}
