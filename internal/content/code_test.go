package content

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/chroma/v2"
	chromahtml "github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/styles"
)

// codeCSS returns the style sheet of highlighted code: light, and dark for
// readers who prefer it. static/code.css holds its output; after a change run
//
//	go test ./internal/content -run CodeCSS -update
func codeCSS() string {
	return "/* Highlighted code. Generated: go test ./internal/content -run CodeCSS -update */\n" +
		styleSheet("modus-operandi", "#595959") +
		"@media (prefers-color-scheme: dark) {\n" + styleSheet("modus-vivendi", "#989898") + "}\n"
}

// styleSheet returns the rules of one style. Both Modus styles are made for a
// contrast of 7:1, but colour no line numbers, and chroma's own grey is too
// faint on white. Tests hold every colour to at least 4.5:1 (WCAG 2.2, AA), and
// the dark style to overriding whatever the light one sets.
func styleSheet(name, lineNumbers string) string {
	style, err := styles.Get(name).Builder().
		Add(chroma.LineNumbers, lineNumbers).
		Add(chroma.LineNumbersTable, lineNumbers).
		Build()
	if err != nil {
		panic(fmt.Sprintf("content: style %s: %v", name, err)) // both colours are constants above
	}
	formatter := chromahtml.New(chromahtml.WithClasses(true), chromahtml.WithCSSComments(false))
	var css strings.Builder
	if err := formatter.WriteCSS(&css, style); err != nil {
		panic(fmt.Sprintf("content: style %s: %v", name, err)) // a strings.Builder never fails to write
	}
	return css.String()
}

func TestCodeCSSFile(t *testing.T) {
	const name = "../../static/code.css"
	if *update {
		if err := os.WriteFile(name, []byte(codeCSS()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != codeCSS() {
		t.Error("static/code.css is not what codeCSS returns; run: go test ./internal/content -run CodeCSS -update")
	}
}

var (
	rulePattern  = regexp.MustCompile(`(?m)^([^{}@\n]+) \{ ([^{}]*) \}$`)
	colorPattern = regexp.MustCompile(`(?:^|[ ;])(color|background-color): ?(#[0-9a-f]{6})`)
)

// colorsOf returns each rule's colours by selector.
func colorsOf(css string) map[string]map[string]string {
	rules := map[string]map[string]string{}
	for _, rule := range rulePattern.FindAllStringSubmatch(css, -1) {
		if rules[rule[1]] == nil {
			rules[rule[1]] = map[string]string{}
		}
		for _, c := range colorPattern.FindAllStringSubmatch(rule[2], -1) {
			rules[rule[1]][c[1]] = c[2]
		}
	}
	return rules
}

func TestCodeCSSContrast(t *testing.T) {
	light, dark, found := strings.Cut(codeCSS(), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("no dark style")
	}
	for mode, css := range map[string]string{"light": light, "dark": dark} {
		rules := colorsOf(css)
		page := rules[".chroma"]
		if page["color"] == "" || page["background-color"] == "" || len(rules) < 20 {
			t.Fatalf("%s: %d rules, of which .chroma is %v", mode, len(rules), page)
		}
		for selector, colors := range rules {
			fg, bg := colors["color"], colors["background-color"]
			if fg == "" {
				fg = page["color"]
			}
			if bg == "" {
				bg = page["background-color"]
			}
			if ratio := contrast(t, fg, bg); ratio < 4.5 {
				t.Errorf("%s: %s has %s on %s, a contrast of %.1f; want 4.5", mode, selector, fg, bg, ratio)
			}
		}
	}
	lightRules, darkRules := colorsOf(light), colorsOf(dark)
	for selector, colors := range lightRules {
		for property := range colors {
			if darkRules[selector][property] == "" {
				t.Errorf("%s: the light %s shows through in the dark style", selector, property)
			}
		}
	}
}

// contrast returns the contrast ratio of WCAG 2.2.
func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, color string) float64 {
	rgb, err := strconv.ParseUint(color[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift uint) float64 {
		c := float64(rgb>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}
