package web

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/maypok86/otter/v2"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/figures"
	"afloat/internal/lab"
	"afloat/internal/lessons"
	"afloat/internal/policy"
	"afloat/internal/source"
	"afloat/internal/store"
)

// embedder is as much of a server as puts in what articles embed.
func embedder(t *testing.T) *Server {
	t.Helper()
	return &Server{
		Options: Options{Source: source.New(afloat.Source()), Log: slog.New(slog.DiscardHandler)},
		pages:   must(newRenderer(os.DirFS("../../templates"), nil))(t),
		terms:   lessons.NewMarker(nil),
		bodies:  must(otter.New(&otter.Options[string, func() embedded]{MaximumSize: 10}))(t),
	}
}

func shown(t *testing.T, blocks ...string) embedded {
	t.Helper()
	src := "---\ntitle: A title\nsummary: A summary.\ntags: [caching]\npublished: 2026-11-02\n---\nLook:\n\n"
	for _, b := range blocks {
		src += "```" + b + "\n```\n\n"
	}
	s := embedder(t)
	a := must(content.Parse("a.md", []byte(src), CheckEmbed(s.Source)))(t)
	return s.body(store.Post{Summary: store.Summary{Slug: "a"}, HTML: a.HTML})
}

const question = "predict\nWhat does *it* get?\n- Nothing\n- [x] A page\n- An error\n\nIt comes from memory."

// TestPredictionIsShown: without a script the choices can be made and what happens can be opened.
func TestPredictionIsShown(t *testing.T) {
	b := shown(t, question, question)
	if !b.lab {
		t.Error("the page does not bring the style sheet and the script")
	}
	got := string(b.html)
	wants(t, got, `<legend id="predict-1-q">What does <em>it</em> get?</legend>`, `<label data-right><input type="radio" name="predict-1" value="1" autocomplete="off"><span>A page</span>`,
		"<details><summary>Show what happens</summary>\n<p><b>The answer:</b> A page</p>\n<p>It comes from memory.</p></details>", `role="status"`)
	if n := strings.Count(got, "data-right"); n != 2 {
		t.Errorf("%d choices of 2 predictions are right", n)
	}
	onceEach(t, got)
}

// TestFiguresAreShown: all there are, on one page and one of them twice.
func TestFiguresAreShown(t *testing.T) {
	all := figures.All()
	blocks := []string{"figure\n" + all[0].Name}
	for _, f := range all {
		blocks = append(blocks, "figure\n"+f.Name)
	}
	b := shown(t, blocks...)
	got := string(b.html)
	if !b.lab || strings.Count(got, `<figure class="chart"`) != len(blocks) {
		t.Errorf("%d of %d figures are shown", strings.Count(got, `<figure class="chart"`), len(blocks))
	}
	tree := source.New(afloat.Source())
	for _, f := range all {
		if _, err := tree.Text(f.Code); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	onceEach(t, got)
}

// TestAnExperimentMayStandTwice: each with its own form.
func TestAnExperimentMayStandTwice(t *testing.T) {
	s := embedder(t)
	s.Lab, s.Runner = new(lab.Switchboard), new(lab.Runner)
	var got string
	for place, seed := range []string{"1", "2"} {
		html := must(s.embed(spot{slug: "a", place: place}, content.EmbedExperiment, "jitter seed="+seed))(t)
		wants(t, string(html), fmt.Sprintf(`<form id="try-%d"`, place), fmt.Sprintf(`id="p-%d-seed" name="seed" value="%s"`, place, seed))
		got += string(html)
	}
	onceEach(t, got)
}

// onceEach fails for an id that a page has twice.
func onceEach(t *testing.T, html string) {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if seen[m[1]] {
			t.Errorf("the id %s is there twice", m[1])
		}
		seen[m[1]] = true
	}
}

// TestCheckEmbedNamesWhatIsWrong: before anything is published.
func TestCheckEmbedNamesWhatIsWrong(t *testing.T) {
	check := CheckEmbed(source.New(afloat.Source()))
	for _, c := range []struct{ kind, of, want string }{
		{content.EmbedFigure, "nothing", `no figure "nothing"`},
		{content.EmbedFigure, "series-parallel", ""},
		{content.EmbedExperiment, "nothing", "no experiment"},
		{content.EmbedExperiment, "jitter clients", "not name=value"},
		{content.EmbedExperiment, "jitter clients=20", ""},
		{content.EmbedSource, "internal/resilience/nothing.go Retry", "no such source"},
		{content.EmbedSource, "internal/web/embeds.go Server.makeBody", "and at most 20 are shown"},
		{content.EmbedSource, "internal/web/embeds_test.go onceEach", ""},
		{content.EmbedSource, "examples/doc.go \"package examples\"", ""},
	} {
		err := check(c.kind, c.of)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.kind, c.of, err, c.want)
		}
	}
}

// TestAnExperimentAsksOnce: its question stands where it is run first, and nowhere on a server that can't run it.
func TestAnExperimentAsksOnce(t *testing.T) {
	const twice = `<div data-embed="experiment" data-of="jitter seed=1"></div><div data-embed="experiment" data-of="amplification"></div><div data-embed="experiment" data-of="jitter seed=2"></div>`
	post := store.Post{Summary: store.Summary{Slug: "a"}, HTML: twice}
	const asks = "<legend>Predict first</legend>"
	s := embedder(t)
	s.Lab, s.Runner = new(lab.Switchboard), new(lab.Runner)
	got := string(s.body(post).html)
	if n, forms := strings.Count(got, asks), strings.Count(got, "<form"); n != 2 || forms != 3 {
		t.Errorf("three embeds of two experiments ask %d times and have %d forms, want 2 and 3", n, forms)
	}
	if first, last := strings.Index(got, `form="try-1" name="prediction"`), strings.Index(got, `form="try-3" name="prediction"`); first < 0 || last >= 0 {
		t.Errorf("the question stands at the wrong embed: %d, %d", first, last)
	}

	for says, table := range map[string]policy.Table{"The lab is off on this server": policy.Afloat(), "the same article on the protected blog runs it": policy.Naive()} {
		s := embedder(t)
		s.Table = table
		got := string(s.body(post).html)
		lacks(t, got, asks, "<form", `href="/lab`)
		wants(t, got, says, "bin/blog experiment")
	}
}
