package capstone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/policy"
)

// Six cases, and no two alike; what is right is offered, and enough is said of why.
func TestCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		name := strings.Join(c.right(), ", ")
		if seen[name] {
			t.Errorf("two cases are %s", name)
		}
		seen[name] = true
		for i, q := range Questions(1) {
			if _, offered := q.text(c.right()[i]); !offered {
				t.Errorf("%s: %q is no choice of “%s”", name, c.right()[i], q.Asks)
			}
		}
		if len(c.Clues) < 3 || c.Finding == "" || len(c.Story) == 0 || len(c.Read) == 0 {
			t.Errorf("%s: too little is said of it", name)
		}
		if c.Page != homePage && c.Page != articlePage {
			t.Errorf("%s: shows on %q", name, c.Page)
		}
		if on := allBut(c.Lacks); len(on) != len(policy.Protections())-1 || slices.Contains(on, string(c.Lacks)) {
			t.Errorf("%s: the patient has %v", name, on)
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d cases, want 6", len(seen))
	}
}

// A seed is one case for ever; six in a row are all there are; and the choices come in another order each time.
func TestSeeds(t *testing.T) {
	orders, firsts := map[string]bool{}, map[string]bool{}
	for block := range uint64(50) {
		inARow := map[string]bool{}
		for n := range uint64(6) {
			seed := 6*block + n + 1
			name := strings.Join(Of(seed).right(), ", ")
			if again := strings.Join(Of(seed).right(), ", "); again != name {
				t.Fatalf("seed %d is %s, then %s", seed, name, again)
			}
			inARow[name] = true
			var order []string
			for _, q := range Questions(seed) {
				for _, c := range q.Choices {
					order = append(order, c.Value)
				}
			}
			orders[strings.Join(order, " ")] = true
			if n == 0 {
				firsts[name] = true
			}
		}
		if len(inARow) != 6 {
			t.Errorf("block %d has %d cases", block, len(inARow))
		}
	}
	if len(firsts) != 6 || len(orders) < 290 {
		t.Errorf("%d cases come first, the choices in %d orders of 300: a seed gives too much away", len(firsts), len(orders))
	}
}

func TestJudge(t *testing.T) {
	for seed := range uint64(12) {
		truth := Of(seed + 1).right()
		verdicts, offered := Judge(seed+1, truth)
		if !offered || len(verdicts) != 3 {
			t.Fatalf("seed %d: %v %v", seed+1, verdicts, offered)
		}
		for i, v := range verdicts {
			if !v.Right || v.Said != v.Truth || v.Said == "" {
				t.Errorf("seed %d: the right answer is judged %+v", seed+1, v)
			}
			wrong := slices.Clone(truth)
			for _, c := range Questions(seed + 1)[i].Choices {
				if c.Value == truth[i] {
					continue
				}
				wrong[i] = c.Value
				if got, _ := Judge(seed+1, wrong); got[i].Right || got[i].Said != c.Text || got[i].Truth != v.Truth {
					t.Errorf("seed %d: %q is judged %+v", seed+1, c.Value, got[i])
				}
			}
		}
		for _, none := range [][]string{{"", truth[1], truth[2]}, {truth[0], "moon", truth[2]}} {
			if _, offered := Judge(seed+1, none); offered {
				t.Errorf("%v was offered", none)
			}
		}
	}
}

// The page as internal/web renders it; that it still does, the live test in cmd/blog shows.
const page = `<article data-part="post" data-state="cached" class="part post">
<details class="xray" open>
<summary>post · cached 3 s · ladder.go</summary>
<dl><div><dt>state</dt><dd>cached</dd></div><div><dt>source</dt><dd>memory</dd></div></dl></details></article>
<section data-part="comments" data-state="stale" slot="comments"><details class="xray" open>
<summary>comments · stale 41 s · 2 tries, 212 ms · breaker half-open · comments.go</summary>
<dl><div><dt>source</dt><dd>memory</dd></div>
<div><dt>error</dt><dd>breaker open</dd></div></dl></details></section>
<section data-part="popular" data-state="missing"><p>Out of reach</p></section>`

func TestParse(t *testing.T) {
	got := parse([]byte(page))
	want := map[string]Seen{
		"post":     {State: "cached", Source: "memory"},
		"comments": {State: "stale", Source: "memory", Tries: 2, Took: 212 * ms, Breaker: "half-open", Error: "breaker open"},
		"popular":  {State: "missing"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestSummarise(t *testing.T) {
	comments := func(s Seen) map[string]Seen { return map[string]Seen{"comments": s} }
	got := Summarise([]Look{
		{Status: 200, Took: 5 * ms, Parts: comments(Seen{State: "fresh", Tries: 1, Took: 4 * ms, Breaker: "closed"})},
		{Status: 200, Took: 60 * ms, Parts: comments(Seen{State: "stale", Tries: 2, Took: 50 * ms, Breaker: "closed", Error: "reset"})},
		{Status: 200, Took: 2 * ms, Parts: comments(Seen{State: "cached"})},
		{Status: 503, Took: 3 * ms, Parts: comments(Seen{State: "missing"})},
		{Status: 0, Took: 3 * time.Second},
	})
	if got.Looks != 5 || got.OK != 3 || got.Errors != 1 || got.Waiting != 1 || got.Median != 5*ms || got.Longest != 3*time.Second {
		t.Errorf("%+v", got)
	}
	c := got.Parts["comments"]
	if c.Looks != 3 || c.Asked != 2 || c.FewestTries != 1 || c.MostTries != 2 || c.Quickest != 4*ms || c.Slowest != 50*ms || c.typical() != 50*ms || !c.cut() || c.without() {
		t.Errorf("%+v", c)
	}
	if c.Back != 1 || c.Last != "cached" {
		t.Errorf("well again %d times, and %s at last", c.Back, c.Last)
	}
	if d := c.degraded(); d < 0.33 || d > 0.34 {
		t.Errorf("degraded in %v of the looks", d)
	}
	if none := Summarise(nil); none.mostly(none.OK) || none.Median != 0 {
		t.Errorf("of nothing: %+v", none)
	}
}

// No clue is seen in two blogs that are well, nor where nothing was measured.
func TestCluesCanBeAbsent(t *testing.T) {
	well := Look{Status: 200, Took: 2 * ms, Parts: map[string]Seen{}}
	for _, part := range []string{"post", "list", "comments", "recommendations", "popular"} {
		well.Parts[part] = Seen{State: "fresh", Tries: 1, Took: ms, Breaker: "closed"}
	}
	healthy := Summarise([]Look{well, well, well})
	for _, c := range Cases() {
		for _, nothing := range []Evidence{{healthy, healthy, healthy}, Measured{}.Evidence()} {
			all := true
			for _, clue := range c.Clues {
				all = all && clue.Holds(nothing)
			}
			if all {
				t.Errorf("%s is seen where nothing is wrong", c.Finding)
			}
		}
	}
}
