package content

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestComment(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"empty":            {"", ""},
		"paragraphs":       {"one\n\ntwo\n", "<p>one</p>\n<p>two</p>\n"},
		"line break":       {"one\ntwo", "<p>one<br>\ntwo</p>\n"},
		"emphasis":         {"*a* **b** `c`", "<p><em>a</em> <strong>b</strong> <code>c</code></p>\n"},
		"fenced code":      {"```go\na < b\n```", "<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>\n"},
		"indented code":    {"a\n\n    b < c\n\nd", "<p>a</p>\n<pre tabindex=\"0\"><code>b &lt; c\n</code></pre>\n<p>d</p>\n"},
		"list":             {"- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"},
		"list from 3":      {"3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>\n"},
		"blockquote":       {"> a", "<blockquote>\n<p>a</p>\n</blockquote>\n"},
		"link":             {"[a](https://example.org)", `<p><a href="https://example.org" rel="nofollow ugc noopener">a</a></p>` + "\n"},
		"own link":         {"[a](/posts/retries)", `<p><a href="/posts/retries" rel="nofollow ugc noopener">a</a></p>` + "\n"},
		"bare address":     {"https://example.org/x", `<p><a href="https://example.org/x" rel="nofollow ugc noopener">https://example.org/x</a></p>` + "\n"},
		"heading is text":  {"# a", "<p># a</p>\n"},
		"underlined too":   {"a\n===", "<p>a<br>\n===</p>\n"},
		"rule is text":     {"a\n\n***", "<p>a</p>\n<p>***</p>\n"},
		"HTML is text":     {"a <b>c</b>", "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n"},
		"image is its alt": {"![a cat](https://example.org/cat.png)", "<p>a cat</p>\n"},
		"table is text":    {"|a|\n|-|\n|b|", "<p>|a|<br>\n|-|<br>\n|b|</p>\n"},
		"other scheme":     {"[a](ftp://example.org)", `<p><a rel="nofollow ugc noopener">a</a></p>` + "\n"}, // without href it is no link
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Comment(tt.in); got != tt.want {
				t.Errorf("Comment(%q)\n got %q\nwant %q", tt.in, got, tt.want)
			}
		})
	}
}

var xssCorpus = []string{
	`<script>alert(1)</script>`,
	`<SCRIPT SRC=//evil.example/x.js></SCRIPT>`,
	`<scr<script>ipt>alert(1)</scr</script>ipt>`,
	`<img src=x onerror=alert(1)>`,
	`<svg/onload=alert(1)>`,
	`<svg><animate onbegin=alert(1) attributeName=x dur=1s>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
	`<body onload=alert(1)>`,
	`<details open ontoggle=alert(1)>`,
	`<iframe srcdoc="<script>alert(1)</script>"></iframe>`,
	`<a href="javascript:alert(1)">x</a>`,
	`<base href="https://evil.example/">`,
	`<meta http-equiv=refresh content="0;url=javascript:alert(1)">`,
	`<form action=https://evil.example><input name=author>`,
	`<style>@import 'https://evil.example/x.css'</style>`,
	`<p style="background:url(javascript:alert(1))">x</p>`,
	`[x](javascript:alert(1))`,
	`[x](JaVaScRiPt:alert(1))`,
	`[x](java&#115;cript:alert(1))`,
	`[x](java&NewLine;script:alert(1))`,
	`[x](&#x6A;avascript&colon;alert(1))`,
	`[x](<java script:alert(1)>)`,
	"[x](\x01javascript:alert(1))",
	`[x](vbscript:msgbox(1))`,
	`[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)`,
	`[x](https://e.example/"onmouseover="alert(1))`,
	`[x](https://e.example "title\" onmouseover=\"alert(1)")`,
	`[x]: javascript:alert(1)` + "\n\n[x]",
	`![x](javascript:alert(1))`,
	`![x" onerror="alert(1)](x)`,
	`<javascript:alert(1)>`,
	`<https://e.example/"onclick=alert(1)//>`,
	"```\"><script>alert(1)</script>\nx\n```",
	"``` onclick=alert(1)\nx\n```",
	"`<script>alert(1)</script>`",
	"> <script>\n> alert(1)\n> </script>",
	"- <img src=x onerror=alert(1)>",
	`**<b onclick=alert(1)>x**`,
	`&lt;script&gt;alert(1)&lt;/script&gt;`,
	"<scr\x00ipt>alert(1)</scr\x00ipt>",
	"\xff<script>\xff",
	`x"'><svg onload=alert(1)>`,
	`<!--><script>alert(1)</script>-->`,
	`<![CDATA[<script>alert(1)</script>]]>`,
	`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`www.e.example/"onclick=alert(1)`,
}

func TestCommentXSS(t *testing.T) {
	for _, attack := range xssCorpus {
		checkComment(t, attack)
	}
}

// TestPolicyAlone feeds the attacks to the sanitiser as HTML, as if the parser
// had let them through.
func TestPolicyAlone(t *testing.T) {
	for _, attack := range xssCorpus {
		checkHarmless(t, attack, commentPolicy.Sanitize(attack))
	}
}

// allowedInComments is written anew here, so that a slip in the policy isn't
// repeated by its test.
var allowedInComments = map[string][]string{
	"p": nil, "br": nil, "em": nil, "strong": nil, "code": nil, "pre": {"tabindex"},
	"ul": nil, "ol": {"start"}, "li": nil, "blockquote": nil, "a": {"href", "rel"},
}

func checkComment(t *testing.T, markdown string) {
	t.Helper()
	out := Comment(markdown)
	checkHarmless(t, markdown, out)
	if strings.Count(out, "<a ") != strings.Count(out, `rel="`+commentRel+`">`) {
		t.Errorf("Comment(%q) has a link without rel=%q: %q", markdown, commentRel, out)
	}
	if again := commentPolicy.Sanitize(out); again != out {
		t.Errorf("Comment(%q) = %q is not stable: sanitised again it is %q", markdown, out, again)
	}
}

// checkHarmless parses the output as a browser would and fails for any element,
// attribute or link scheme that isn't allowed.
func checkHarmless(t *testing.T, in, out string) {
	t.Helper()
	if lower := strings.ToLower(out); strings.Contains(lower, "<script") {
		t.Errorf("%q: output holds a script: %q", in, out)
	}
	root, err := html.Parse(strings.NewReader("<!doctype html><body><div id=comment>" + out + "</div>"))
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "div" && !inside {
			inside = true
			continue
		}
		switch {
		case !inside || n.Type == html.TextNode:
			continue
		case n.Type != html.ElementNode:
			t.Errorf("%q: output holds %q, which is no element", in, n.Data)
			continue
		}
		attributes, ok := allowedInComments[n.Data]
		if !ok {
			t.Errorf("%q: output holds <%s>: %q", in, n.Data, out)
		}
		for _, a := range n.Attr {
			if !strings.Contains(" "+strings.Join(attributes, " ")+" ", " "+a.Key+" ") {
				t.Errorf("%q: output holds <%s %s=%q>", in, n.Data, a.Key, a.Val)
			}
			if a.Key == "href" && !harmlessLink(a.Val) {
				t.Errorf("%q: output links to %q", in, a.Val)
			}
		}
	}
}

// harmlessLink decides as a browser does: it ignores control characters and
// blanks in a scheme, and case.
func harmlessLink(href string) bool {
	scheme, _, found := strings.Cut(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, strings.ToLower(href)), ":")
	if !found || strings.ContainsAny(scheme, "/?#") {
		return true // relative
	}
	return scheme == "http" || scheme == "https" || scheme == "mailto"
}

func FuzzComment(f *testing.F) {
	for _, attack := range xssCorpus {
		f.Add(attack)
	}
	f.Add("> - *a* **b** `c`\n\n1. [d](/e)\n\n```go\nf\n```\n")
	f.Fuzz(checkComment)
}

func ExampleComment() {
	fmt.Print(Comment("**Thanks**, [this](https://example.org) helped. <script>alert(1)</script>"))
	// Output:
	// <p><strong>Thanks</strong>, <a href="https://example.org" rel="nofollow ugc noopener">this</a> helped. &lt;script&gt;alert(1)&lt;/script&gt;</p>
}
