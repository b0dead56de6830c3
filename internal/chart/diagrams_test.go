package chart

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// diagrams are examples of those kinds that show a course of events.
func diagrams() map[string]Figure {
	time := Axis{Label: "time since the call", Unit: "ms"}
	return map[string]Figure{
		"lanes": {
			ID: "lanes", Title: "A second copy answers after 11 ms", X: time,
			Plot: Lanes{
				{Group: "alone", Label: "first copy", Spans: []Span{{0, 90, "slow answer", Vermillion, false}}},
				{Group: "hedged", Label: "first copy", Spans: []Span{{0, 11, "works in vain", Vermillion, false}, {11, 11, "cancelled", Ink, false}}},
				{Group: "hedged", Label: "second copy, which has a name that takes several lines", Spans: []Span{{0, 10, "waits", 0, true}, {10, 11, "answers", Green, false}}},
			},
		},
		"one lane": {ID: "lane", Title: "Nothing but a moment", Plot: Lanes{{Label: "all", Spans: []Span{{From: 0, To: 0, Label: "it happens"}}}}},
		"no lanes": {ID: "lanes-none", Title: "Nothing", Plot: Lanes{{Label: "all", Spans: []Span{{From: 2, To: 1}, {From: math.NaN(), To: 1}}}}},
		"panels": {
			ID: "panels", Title: "Full jitter spreads what exponential backoff moves", X: time, Y: Axis{Label: "writes", Unit: "/10 ms"}, Marks: []Mark{{At: 12, Label: "the first is done"}},
			Plot: Panels{{"exponential: 3 waves", Count([]float64{1, 2, 2, 2, 21, 22, 22}, 20)}, {"full jitter", Count([]float64{1, 4, 9, 14, 22}, 20)}, {"nobody", nil}},
		},
		"no panels": {ID: "panels-none", Title: "Nothing", Plot: Panels{{"nobody", nil}}},
		"sequence": {
			ID: "sequence", Title: "A lost reply makes two comments",
			Plot: Sequence{Actors: []string{"Reader", "Blog", "Database with a long name"}, Steps: []Step{
				{Heading: "Without a key"},
				{From: 0, To: 1, Label: "post"}, {From: 1, To: 2, Label: "insert, in a sentence that takes several lines on a phone"}, {From: 2, To: 2, Label: "commits"},
				{From: 2, To: 1, Label: "done", Lost: true}, {From: 1, To: 0, Label: "error"},
				{Heading: "With a key", From: 0, To: 2, Label: "post"}, {From: 0, To: 0, Label: "reads"},
			}},
		},
		"states": {
			ID: "states", Title: "A breaker has three states",
			Plot: States{
				[]Box{{"closed", "calls pass"}, {"open", "calls are refused, and whoever has an older copy serves that"}, {"half-open", "one call passes"}},
				[]Arrow{{0, 1, "half of at least 5 calls in 5 s fail"}, {1, 2, "after 500 ms"}, {2, 1, "it fails"}, {2, 0, "it succeeds"}},
			},
		},
		"hostile sequence": {ID: "hostile-sequence", Title: "<script>", Plot: Sequence{[]string{"<script>a"}, []Step{{Heading: "<script>h", Label: "<script>l"}}}},
		"hostile states":   {ID: "hostile-states", Title: "<script>", Plot: States{[]Box{{"<script>b", "<script>s"}}, nil}},
		"hostile lanes":    {ID: "hostile-lanes", Title: "<script>", Plot: Lanes{{"<script>g", "<script>l", []Span{{To: 1, Label: "<script>s"}}}}},
		"no actors":        {ID: "actors-none", Title: "Nothing", Plot: Sequence{}},
		"no states":        {ID: "states-none", Title: "Nothing", Plot: States{}},
	}
}

// TestDiagramsSayEverything: each name and label is in the picture, in its description and in the table.
func TestDiagramsSayEverything(t *testing.T) {
	labels := map[string][]string{}
	for name, f := range diagrams() {
		switch plot := f.Plot.(type) {
		case Lanes:
			for _, l := range plot {
				for _, s := range l.Spans {
					if s.drawable() {
						labels[name] = append(labels[name], l.Group, l.Label, s.Label)
					}
				}
			}
		case Sequence:
			for _, s := range plot.Steps {
				labels[name] = append(labels[name], s.Heading, s.Label)
			}
		case States:
			for _, b := range plot.Boxes {
				labels[name] = append(labels[name], b.Name, b.Says)
			}
			for _, a := range plot.Arrows {
				labels[name] = append(labels[name], a.Label)
			}
		}
	}
	for name, all := range labels {
		f := diagrams()[name]
		for kind, drawing := range drawings(t, f) {
			picture, desc, table := strings.Join(texts(drawing), " "), named(drawing, "desc")[0].chars, fmt.Sprint(f.Table().Rows)
			for _, label := range all {
				if !strings.Contains(desc, label) || !strings.Contains(table, label) {
					t.Errorf("%s: %q is not in the description %q, or in the table %s", name, label, desc, table)
				}
				for _, word := range strings.Fields(label) {
					if !strings.Contains(picture, word) {
						t.Errorf("%s, %s: %q is not in the picture: %q", name, kind, word, picture)
					}
				}
			}
		}
	}
	if len(labels) < 7 {
		t.Errorf("only %d diagrams were looked at", len(labels))
	}
}

// TestLanesKeepTime: a bar is as long as what it stands for, and what waits is none.
func TestLanesKeepTime(t *testing.T) {
	all := drawings(t, diagrams()["lanes"])["wide"]
	bars := withClass(all, "ch-area")
	var widths []float64
	for _, b := range bars {
		var x0, y0, x1 float64
		if _, err := fmt.Sscanf(strings.NewReplacer("M", "", "H", " ").Replace(b.attr["d"]), "%f %f %f", &x0, &y0, &x1); err != nil {
			t.Fatalf("%s: %v", b.attr["d"], err)
		}
		widths = append(widths, x1-x0)
	}
	if len(widths) != 3 || math.Abs(widths[0]/widths[1]-90.0/11) > .1 || math.Abs(widths[1]/widths[2]-11) > .6 {
		t.Errorf("bars of %v, want them as 90 to 11 to 1", widths)
	}
	if got := len(withClass(all, "ch-whisker")); got != 1 {
		t.Errorf("%d waits, want 1", got)
	}
}

// TestWaysUpDontCross: the outermost leaves the box lowest, and meets the topmost.
func TestWaysUpDontCross(t *testing.T) {
	for kind, all := range drawings(t, diagrams()["states"]) {
		var ways [][4]float64
		for _, e := range withClass(all, "ch-arrow") {
			var w [4]float64
			if n, _ := fmt.Sscanf(strings.NewReplacer("M", "", "H", " ", "V", " ").Replace(e.attr["d"]), "%f %f %f %f", new(float64), &w[0], &w[1], &w[2]); n == 4 {
				ways = append(ways, w)
			}
		}
		if len(ways) != 2 {
			t.Fatalf("%s: %d ways up, want 2", kind, len(ways))
		}
		if near, far := ways[0], ways[1]; far[0] <= near[0] || far[1] <= near[1] || far[2] >= near[2] {
			t.Errorf("%s: from, at and to %v, and %v", kind, near, far)
		}
	}
}
