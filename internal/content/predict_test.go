package content

import (
	"strings"
	"testing"
)

const goodPrediction = `Postgres hangs.
What does a *reader* get?
- An error page
- [x] The article, with ` + "`comments`" + ` missing
- Nothing

It comes from [memory](/posts/x).

So nobody waits.`

func TestPrediction(t *testing.T) {
	p, err := ParsePrediction(goodPrediction)
	if err != nil {
		t.Fatal(err)
	}
	if p.Question != "Postgres hangs. What does a <em>reader</em> get?" {
		t.Errorf("question %q", p.Question)
	}
	if len(p.Choices) != 3 || p.Choices[0].HTML != "An error page" || p.Choices[1].HTML != "The article, with <code>comments</code> missing" {
		t.Errorf("choices %+v", p.Choices)
	}
	if right := p.Right(); right != p.Choices[1] || p.Choices[0].Right || p.Choices[2].Right {
		t.Errorf("right is %+v of %+v", right, p.Choices)
	}
	if p.Reveal != "<p>It comes from <a href=\"/posts/x\">memory</a>.</p>\n<p>So nobody waits.</p>" {
		t.Errorf("reveal %q", p.Reveal)
	}
	for _, word := range []string{"reader get?", "An error page", "comments missing", "memory", "nobody waits"} {
		if !strings.Contains(p.Text, word) {
			t.Errorf("the text %q has no %q", p.Text, word)
		}
	}
	if strings.Contains(p.Text, "[x]") || strings.Contains(p.Text, "*") {
		t.Errorf("the text %q has marks", p.Text)
	}
}

// TestPredictionEscapes: a prediction is an author's, and still no way to put elements into a page.
func TestPredictionEscapes(t *testing.T) {
	p, err := ParsePrediction("Is 1 < 2 & \"so\"?\n- `<b>`\n- [x] yes\n- no\n\n1 &lt; 2.")
	if err != nil {
		t.Fatal(err)
	}
	if p.Question != "Is 1 &lt; 2 &amp; &quot;so&quot;?" || p.Choices[0].HTML != "<code>&lt;b&gt;</code>" || p.Reveal != "<p>1 &lt; 2.</p>" {
		t.Errorf("%+v", p)
	}
}

// TestPredictionProblems: each is told with its line in the article's file.
func TestPredictionProblems(t *testing.T) {
	choices := "- a\n- [x] b\n- c\n"
	const fence = 9 // the line of ``` in the file below
	for _, c := range []struct {
		body string
		line int // below the fence
		want string
	}{
		{"", 1, "begins with the question"},
		{"\nLate?\n" + choices + "\nSo.", 1, "begins with the question"},
		{choices + "\nSo.", 1, "begins with the question"},
		{"Two?\n- a\n- [x] b\n\nSo.", 2, "has 2 choices"},
		{"Four?\n\n" + choices + "- d\n\nSo.", 3, "has 4 choices"},
		{"None right?\n- a\n- b\n- c\n\nSo.", 2, "0 choices are marked"},
		{"Two right?\n- [x] a\n- [x] b\n- c\n\nSo.", 2, "2 choices are marked"},
		{"Why?\n" + choices, 5, "does not say"},
		{"Why?\n- a\n- # [x]\n- [x] c\n\nSo.", 3, "a heading"},
		{"Why <b>?\n" + choices + "\nSo.", 1, "raw HTML"},
		{"Why?\n" + choices + "\n## So\n\nSo.", 6, "a heading"},
	} {
		_, err := Parse("x.md", file(validHeader, "Look:\n\n```predict\n"+c.body+"\n```\n"), nil)
		found := problemsOf(err)
		if len(found) != 1 || !strings.Contains(found[0].What, c.want) || found[0].Line != fence+c.line || !strings.Contains(found[0].Remedy, "README") {
			t.Errorf("%q: %v, want %q in line %d", c.body, err, c.want, fence+c.line)
		}
	}
}

// TestPredictionInArticle: its words are found by a search, and its lines are kept for whoever shows it.
func TestPredictionInArticle(t *testing.T) {
	a, err := Parse("x.md", file(validHeader, "Look:\n\n```predict\n"+goodPrediction+"\n```\n"), func(kind, of string) error {
		t.Errorf("the check was asked for %s %q, which needs none", kind, of)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(a.HTML, Embed(EmbedPredict, goodPrediction)) {
		t.Errorf("HTML\n%s", a.HTML)
	}
	if !strings.Contains(a.Text, "So nobody waits.") || strings.Contains(a.Text, "[x]") {
		t.Errorf("text %q", a.Text)
	}
}
