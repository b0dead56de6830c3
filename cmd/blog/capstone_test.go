package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"afloat/internal/capstone"
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// caseOpen bounds the wait for one case's evidence: at two looks in three seconds enough of them for a fault that
// comes at random.
const caseOpen = 35 * time.Second

// Each case is started for real, and its pages show all the evidence that is told of it afterwards, and not that of
// any other case. While it is open no page of the blog or the patient names it.
func TestCapstone(t *testing.T) {
	base, b := workbench(t)
	x := capstone.New(b.runner, policy.Capstone{For: 3 * caseOpen, Every: 1600 * time.Millisecond, Patience: 2 * time.Second, Looks: 30})
	saw := map[uint64]capstone.Sitting{}
	for seed := uint64(1); seed <= 6; seed++ {
		c := capstone.Of(seed)
		name := fmt.Sprintf("%s %s without %s", c.Fault.Link, c.Fault.Kind, c.Lacks)
		if err := x.Open(seed); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := x.Open(seed); err == nil {
			t.Errorf("%s: it was opened twice", name)
		}
		saw[seed] = evidence(x, c)
		if absent := holds(c, saw[seed]); absent != "" { // once more: a machine that is busy with something else has a fault of its own
			t.Logf("%s, %d looks, %+v: not seen at the first try: %s", name, len(saw[seed].Saw.Patient), saw[seed].Saw.Evidence(), absent)
			b.runner.Cancel()
			if err := x.Open(seed); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			saw[seed] = evidence(x, c)
		}
		t.Logf("%s, %d looks: %+v", name, len(saw[seed].Saw.Patient), saw[seed].Saw.Evidence())
		if absent := holds(c, saw[seed]); absent != "" {
			t.Errorf("%s, %v: not seen: %s", name, saw[seed].Err, absent)
		}
		namesNothing(t, base, saw[seed], name)
		if !b.runner.Cancel() {
			t.Errorf("%s: nothing was under way", name)
		}
		for _, st := range b.rig.Links.Status().Faults {
			if st.Kind != lab.Healthy {
				t.Errorf("%s: %s is still %s after it", name, st.Link, st.Kind)
			}
		}
		if at, _, _ := b.rig.Custom.Running(); at != "" {
			t.Errorf("%s: the patient is still at %s", name, at)
		}
		if s, _ := x.Latest(); !s.Over {
			t.Errorf("%s: it is not over", name)
		}
		eventually(t, "the timeline tells what it was", func() bool {
			_, told := get(t, base+"/lab/timeline.json")
			return strings.Count(told, "It was this: ") >= int(seed)
		})
	}
	for mine, s := range saw {
		for other := range saw {
			if other != mine && holds(capstone.Of(other), s) == "" {
				t.Errorf("all evidence of “%s” is there in “%s”: which of them it is can’t be known", capstone.Of(other).Finding, capstone.Of(mine).Finding)
			}
		}
	}
}

// evidence waits until the looks show every clue, or for as long as caseOpen since the first of them.
func evidence(x *capstone.Exercise, c capstone.Case) capstone.Sitting {
	var first time.Time
	for ; ; time.Sleep(200 * time.Millisecond) {
		s, _ := x.Latest()
		if first.IsZero() && len(s.Saw.Patient) > 0 {
			first = time.Now()
		}
		over := s.Over || !first.IsZero() && time.Since(first) > caseOpen
		if over || len(s.Saw.Patient) >= 6 && holds(c, s) == "" {
			return s
		}
	}
}

// holds is the first clue that the looks don't show, "" where they show all.
func holds(c capstone.Case, s capstone.Sitting) string {
	evidence := s.Saw.Evidence()
	for _, clue := range c.Clues {
		if !clue.Holds(evidence) {
			return clue.Look + " " + clue.Tells
		}
	}
	return ""
}

var revealed = regexp.MustCompile(`It was this: \w+ \w+( \w+)?`)

// namesNothing reads every page that tells of faults or protections.
func namesNothing(t *testing.T, base string, s capstone.Sitting, name string) {
	t.Helper()
	var pages []string
	for _, path := range []string{
		"/", s.Page + "?xray=1", "/about", "/lab", "/lab?fragment=1", "/lab/bar", "/lab/bar?fragment=1", "/lab/faults", "/lab/status", "/lab/timeline.json", "/lab/twin", "/lab/protections",
		"/lab/parts/postgres", "/lab/parts/redis", "/lab/parts/recommendations", "/lab/experiments", "/lab/availability", "/metrics", capstone.Page(s.Seed),
	} {
		pages = append(pages, base+path)
	}
	for _, path := range []string{"/about", "/lab/bar", "/lab/faults", "/lab/timeline.json", "/metrics"} {
		pages = append(pages, s.Patient+path)
	}
	for _, page := range pages {
		_, text := get(t, page)
		text = revealed.ReplaceAllString(text, "") // of the cases before
		for _, told := range []string{
			"off are", "Postgres hangs", "Postgres is slow", "Postgres is flaky", "Postgres resets", "Postgres refuses", "Redis refuses", "Recommendations hang",
			`checked><span>refuse`, `checked><span>hang`, `checked><span>slow`, `checked><span>flaky`, `checked><span>reset`,
		} {
			if strings.Contains(text, told) {
				t.Errorf("%s: %s says %q", name, page, told)
			}
		}
		for _, kind := range fault.Kinds {
			for _, told := range []string{`"kind": "%s"`, `data-kind="%s"`, `fault="%s"} 1`, `kind="%s"} 1`} {
				if told = fmt.Sprintf(told, kind); strings.Contains(text, told) {
					t.Errorf("%s: %s says %s", name, page, told)
				}
			}
		}
	}
	for _, page := range []string{base + "/", base + "/lab/bar", s.Patient + "/lab/bar"} {
		if _, text := get(t, page); !strings.Contains(text, "A hidden fault of the capstone is on") {
			t.Errorf("%s: %s says nothing of a hidden fault", name, page)
		}
	}
	if status, text := post(t, base+"/lab/faults", url.Values{"link": {"redis"}, "kind": {"hang"}}); status != 409 || !strings.Contains(text, "What is broken?") {
		t.Errorf("%s: another fault on top of it: %d %s", name, status, text)
	}
}
