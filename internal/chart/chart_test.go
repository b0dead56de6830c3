package chart

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// element is a part of a drawing, with its text.
type element struct {
	name  string
	attr  map[string]string
	chars string
}

func (e element) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attr[name], 64)
	if err != nil {
		t.Fatalf("%s of %v: %v", name, e, err)
	}
	return v
}

// parse reads a document as strictly as XML is read.
func parse(t *testing.T, document string) []element {
	t.Helper()
	var all []element
	var open []int
	d := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open = append(open, len(all))
			all = append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].chars += string(token)
			}
		}
	}
}

// drawings are the three ways in which a figure is drawn, parsed.
func drawings(t *testing.T, f Figure) map[string][]element {
	t.Helper()
	svg := string(f.SVG())
	svg = strings.TrimSuffix(strings.TrimPrefix(svg, `<div class="chart ch-fit">`), "</div>")
	i := strings.LastIndex(svg, "<svg")
	return map[string][]element{"wide": parse(t, svg[:i]), "narrow": parse(t, svg[i:]), "alone": parse(t, string(f.Standalone()))}
}

// clean replaces what no text may hold, as browsers do.
func clean(s string) string {
	return strings.NewReplacer("\x00", "\ufffd", "\xff", "\ufffd").Replace(s)
}

// each runs a test on every drawing of every figure.
func each(t *testing.T, test func(t *testing.T, f Figure, all []element)) {
	for name, f := range figures() {
		for kind, all := range drawings(t, f) {
			t.Run(name+"/"+kind, func(t *testing.T) { test(t, f, all) })
		}
	}
}

func withClass(all []element, class string) []element {
	return slices.DeleteFunc(slices.Clone(all), func(e element) bool { return !slices.Contains(strings.Fields(e.attr["class"]), class) })
}

func named(all []element, name string) []element {
	return slices.DeleteFunc(slices.Clone(all), func(e element) bool { return e.name != name })
}

func texts(all []element) []string {
	var said []string
	for _, e := range named(all, "text") {
		said = append(said, e.chars)
	}
	return said
}

// TestDrawingsAreSafeAndAccessible: nothing that a strict Content-Security-Policy stops, no reference to elsewhere, a
// title and a description that the picture refers to, and only numbers where numbers belong.
func TestDrawingsAreSafeAndAccessible(t *testing.T) {
	reference := regexp.MustCompile(`url\(#(.*?)\)`)
	each(t, func(t *testing.T, f Figure, all []element) {
		ids := map[string]string{}
		for _, e := range all {
			if id := e.attr["id"]; id != "" {
				ids[id] = e.name + " " + e.chars
			}
		}
		for i, e := range all {
			if allowed := []string{"svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "line", "circle", "text"}; !slices.Contains(allowed, e.name) {
				t.Errorf("<%s> in a drawing", e.name)
			}
			if (e.name == "style") != (e.chars == CSS) {
				t.Errorf("<%s> holds %.60q", e.name, e.chars)
			}
			for name, value := range e.attr {
				if strings.HasPrefix(name, "on") || name == "style" || name == "href" {
					t.Errorf("<%s> has %s=%q", e.name, name, value)
				}
				if said := name == "class" || name == "id" || name == "aria-labelledby"; !said && (strings.Contains(value, "NaN") || strings.Contains(value, "Inf")) {
					t.Errorf("<%s> has %s=%q", e.name, name, value)
				}
				if m := reference.FindStringSubmatch(value); m != nil && !strings.HasPrefix(ids[m[1]], "pattern") {
					t.Errorf("no hatching has the id %s", m[1])
				}
			}
			if i > 0 {
				continue
			}
			title, desc, _ := strings.Cut(e.attr["aria-labelledby"], " ")
			if e.attr["role"] != "img" || ids[title] != "title "+clean(f.Title) || !strings.HasPrefix(ids[desc], "desc "+f.Desc) {
				t.Errorf("the picture says %v, its title %q and its description %q", e.attr, ids[title], ids[desc])
			}
		}
	})
}

// TestIDsAreUniqueOnAPage, of all figures together.
func TestIDsAreUniqueOnAPage(t *testing.T) {
	seen := map[string]int{}
	for name, f := range figures() {
		html := string(f.HTML())
		if strings.Contains(html, "<script") {
			t.Errorf("%s: markup of a text's own got through", name)
		}
		for _, e := range parse(t, clean(html)) {
			if id := e.attr["id"]; id != "" {
				seen[id]++
			}
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%d elements are called %s", n, id)
		}
	}
	if len(seen) < 5*len(figures()) {
		t.Errorf("only %d ids were found", len(seen))
	}
}

// TestTextsKeepApart: no text covers another, or leaves the drawing.
func TestTextsKeepApart(t *testing.T) {
	type box struct {
		left, right, top, bottom float64
		text                     string
	}
	each(t, func(t *testing.T, f Figure, all []element) {
		view := strings.Fields(all[0].attr["viewBox"])
		width, _ := strconv.ParseFloat(view[2], 64)
		var boxes []box
		for _, e := range named(all, "text") {
			x, y, w := e.number(t, "x"), e.number(t, "y"), textWidth(e.chars)
			if e.attr["class"] == "ch-title" {
				w *= 1.2
			}
			switch e.attr["text-anchor"] {
			case middle:
				x -= w / 2
			case end:
				x -= w
			}
			boxes = append(boxes, box{x, x + w, y - 11, y + 3, e.chars})
		}
		for i, a := range boxes {
			if a.left < -.5 || a.right > width+.5 {
				t.Errorf("%q reaches from %.0f to %.0f of %.0f", a.text, a.left, a.right, width)
			}
			for _, b := range boxes[:i] {
				if a.left < b.right && b.left < a.right && a.top < b.bottom-.5 && b.top < a.bottom-.5 {
					t.Errorf("%q covers %q: %v and %v", a.text, b.text, a, b)
				}
			}
		}
	})
}

// TestEverySeriesIsLabelled, in each drawing, also where it has no data.
func TestEverySeriesIsLabelled(t *testing.T) {
	each(t, func(t *testing.T, f Figure, all []element) {
		if f.Plot == nil || f.Plot.empty() {
			if !slices.Contains(texts(all), "no data yet") {
				t.Errorf("nothing says that there is nothing: %q", texts(all))
			}
			return
		}
		var names []string
		switch plot := f.Plot.(type) {
		case Lines:
			for _, s := range plot {
				names = append(names, s.Name)
			}
		case Stacked:
			for _, s := range plot {
				names = append(names, s.Name)
			}
		case Bars:
			for _, r := range plot {
				names = append(names, r.Group, r.Label, r.words(f.X))
			}
		case Interval:
			for _, r := range plot {
				names = append(names, r.Group, r.Label, r.words(f.X))
			}
		}
		names = append(names, f.Reference.Label, f.X.title())
		said := strings.Join(texts(all), " ")
		for _, name := range names {
			for _, word := range strings.Fields(name) {
				if !strings.Contains(said, word) {
					t.Errorf("%q is not in %q", name, said)
				}
			}
		}
		desc := named(all, "desc")[0].chars
		if len(names) > 2 && !strings.Contains(desc, names[len(names)-3]) {
			t.Errorf("%q is not in the description %q", names[len(names)-3], desc)
		}
	})
}

// TestNothingIsExaggerated: heights and lengths are as their values.
func TestNothingIsExaggerated(t *testing.T) {
	all := drawings(t, figures()["bars"])["wide"]
	bars := withClass(all, "ch-area")
	rows := figures()["bars"].Plot.(Bars)
	if len(bars) != len(rows) {
		t.Fatalf("%d bars for %d rows", len(bars), len(rows))
	}
	for i, b := range bars {
		if got, want := b.number(t, "width")/bars[0].number(t, "width"), rows[i].Value/rows[0].Value; got/want > 1.002 || got/want < .998 {
			t.Errorf("%s is %.4f as long as the first, want %.4f", rows[i].Label, got, want)
		}
	}
	for _, kind := range []string{"wide", "narrow", "alone"} {
		all = drawings(t, Figure{X: Axis{Min: -2}, Plot: Lines{{Name: "a", Points: []Point{{-2, 50}, {-1, 75}, {0, 100}}}}})[kind]
		base, dots := withClass(all, "ch-base")[0].number(t, "y1"), named(all, "circle")
		if got := (base - dots[0].number(t, "cy")) / (base - dots[2].number(t, "cy")); got < .498 || got > .502 {
			t.Errorf("%s: 50 stands at %.3f of the height of 100", kind, got)
		}
		zero := slices.IndexFunc(all, func(e element) bool { return e.name == "text" && e.chars == "0" })
		if at := all[zero].number(t, "y"); at < base || at > base+6 {
			t.Errorf("%s: 0 is written at %.1f, the axis is at %.1f", kind, at, base)
		}
	}
}

// TestGapsStayGaps: what is not a number, infinite or below zero is neither bridged nor drawn.
func TestGapsStayGaps(t *testing.T) {
	all := drawings(t, figures()["gaps"])["wide"]
	line := withClass(all, "ch-line")[0].attr["d"]
	if got := strings.Count(line, "M"); got != 3 || strings.Count(line, "L") != 1 {
		t.Errorf("the line is %s, want three pieces, of which one is long", line)
	}
	if got := len(named(all, "circle")); got != 5 {
		t.Errorf("%d points, want 4 and the label's", got)
	}
}

// TestStackAddsUp: layers stand on each other, and columns reach to the next.
func TestStackAddsUp(t *testing.T) {
	f := Figure{Plot: Stacked{{Name: "a", Points: []Point{{0, 30}, {1, 10}}}, {Name: "b", Points: []Point{{0, 70}}}}}
	areas := withClass(drawings(t, f)["wide"], "ch-area")
	column := regexp.MustCompile(`M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)V[\d.]+Z`)
	var got [][]float64
	for _, a := range areas {
		for _, m := range column.FindAllStringSubmatch(a.attr["d"], -1) {
			var c []float64
			for _, s := range m[1:] {
				v, err := strconv.ParseFloat(s, 64)
				if err != nil {
					t.Fatal(err)
				}
				c = append(c, v)
			}
			got = append(got, c)
		}
	}
	if len(got) != 3 {
		t.Fatalf("columns %v, want three", got)
	}
	below, next, above := got[0], got[1], got[2]
	if below[2] != above[1] || below[0] != above[0] || below[3] != next[0] || (above[1]-above[2])/(below[1]-below[2]) < 2.3 {
		t.Errorf("a: %v and %v, b: %v", below, next, above)
	}
}

// TestMarksAreDrawnAndTold: moments as lines, times as bands, and in words those that find no room.
func TestMarksAreDrawnAndTold(t *testing.T) {
	f := figures()["stacked"]
	all := drawings(t, f)["wide"]
	base := withClass(all, "ch-base")[0]
	second := (base.number(t, "x2") - base.number(t, "x1")) / 60
	spans := withClass(all, "ch-span")
	if len(spans) != 1 || spans[0].number(t, "width") < 24.9*second || spans[0].number(t, "width") > 25.1*second {
		t.Errorf("bands %v, want one of 25 s at %.1f a second", spans, second)
	}
	if got := len(withClass(all, "ch-mark")); got != 5 {
		t.Errorf("%d lines, want 3 and the band's 2", got)
	}
	now := figures()["now"]
	if got, want := now.Table().Note, "Redis refuses from −90\u202fs on; too long ago at −400\u202fs."; got != want {
		t.Errorf("the note is %q, want %q", got, want)
	}
	if said := texts(drawings(t, now)["wide"]); slices.Contains(said, "too long ago") {
		t.Errorf("a mark before the axis begins is labelled: %q", said)
	}
	first := func(class string) int {
		return slices.IndexFunc(all, func(e element) bool { return e.attr["class"] == class })
	}
	if first("ch-mark") < first("ch-area c1") {
		t.Error("the columns hide the marks")
	}
	crowd := figures()["crowd"]
	if got := len(withClass(drawings(t, crowd)["narrow"], "ch-mark")); got != len(crowd.Marks) {
		t.Errorf("%d lines for %d marks", got, len(crowd.Marks))
	}
}

func TestSameFigureSameBytes(t *testing.T) {
	again := figures()
	for name, f := range figures() {
		if f.HTML() != again[name].HTML() || string(f.Standalone()) != string(again[name].Standalone()) {
			t.Errorf("%s comes out differently", name)
		}
	}
}

func TestTable(t *testing.T) {
	for name, want := range map[string]string{
		"gaps":      "[time since the start (s) p99 (ms)] [[0 5] [10 –] [20 7] [30 –] [40 −3] [50 8] [55 9]]",
		"column":    "[time (s) all (ms)] [[3 2]]",
		"groups":    "[Group Row queries (1/s)] [[Postgres protected 3] [Postgres naive 1196] [Redis protected 240.2] [Redis naive –]]",
		"zoomed":    "[Row availability (%) from to] [[seed 1 99.98 99.50 100.00] [seed 2 98.00 97.00 99.40] [seed 3 99.999 99.99 100.00]]",
		"empty":     "[] []",
		"no plot":   "[] []",
		"histogram": "[latency (ms) from to readers]",
	} {
		table := figures()[name].Table()
		if got := fmt.Sprint(table.Head, " ", table.Rows); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		for _, row := range table.Rows {
			if len(row) != len(table.Head) {
				t.Errorf("%s: %q is not as wide as %q", name, row, table.Head)
			}
		}
	}
}

// TestStyleSheet: the copy that pages link to is the one that files embed, and it knows every class that is used.
func TestStyleSheet(t *testing.T) {
	served, err := os.ReadFile("../../static/chart.css")
	if err != nil {
		t.Fatal(err)
	}
	if string(served) != CSS {
		t.Error("static/chart.css is not chart.css: run go generate ./internal/chart")
	}
	if strings.ContainsAny(CSS, "<&") {
		t.Error("chart.css holds what XML does not take as it is")
	}
	used := map[string]bool{}
	each(t, func(_ *testing.T, _ Figure, all []element) {
		for _, e := range all {
			for _, class := range strings.Fields(e.attr["class"]) {
				used[class] = true
			}
		}
	})
	for _, class := range slices.Sorted(maps.Keys(used)) {
		plain := []string{"ch-alone", "ch-label", "ch-value", "ch-hatched"} // these look as all text and shapes do
		if !slices.Contains(plain, class) && !regexp.MustCompile(`\.`+class+`\b`).MatchString(CSS) {
			t.Errorf("chart.css says nothing of .%s", class)
		}
	}
	if len(used) < 20 {
		t.Errorf("only the classes %v are used", used)
	}
}
