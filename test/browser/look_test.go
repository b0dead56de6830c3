package browser

import "testing"

// pages is one of each kind, with the status it answers.
func pages() map[string]int64 {
	return map[string]int64{
		"/": 200, first: 200, second + "?xray=1": 200, third: 200, "/tags/availability": 200, "/archive": 200, "/about": 200, "/lessons": 200, "/glossary": 200, "/teach": 200,
		"/search": 200, "/search?q=retry": 200, "/search?q=" + "unfindable": 200, first + "/comment": 200,
		"/lab/bar?back=/": 200, "/source": 200, "/source/internal/resilience/retry.go": 200, "/nowhere": 404, "/?xray=1": 200,
	}
}

func TestNothingScrollsSidewaysOnAPhone(t *testing.T) {
	b := startBlog(t)
	tab := b.open()
	tab.refusals = true
	tab.size(320, 640)
	check := func(what string) {
		t.Helper()
		if width := eval[int](tab, "document.scrollingElement.scrollWidth"); width > 320 {
			t.Errorf("%s is %d pixels wide on a phone of 320; too wide: %v", what, width, eval[[]string](tab, widest))
		}
	}
	for path, status := range pages() {
		if got := tab.visit(path); got != status {
			t.Errorf("%s: %d, want %d", path, got, status)
		}
		check(path)
	}
	for _, path := range []string{"/", first, "/lab/bar?back=/"} {
		tab.visit(b.twin + path)
		check("the twin's " + path)
	}

	for _, link := range []string{"postgres", "redis", "recommendations"} {
		b.fault(link, "hang")
	}
	tab.visit(first)
	check("an article with three faults")
	tab.click(toggle)
	tab.wait("the choices came", "document.querySelector('#fault-mend')?.checkVisibility()")
	check("the fault bar")
	tab.click("a[data-comment-form]")
	tab.wait("the form came", "document.activeElement?.id === 'author'")
	check("the comment form")
	if covered := eval[bool](tab, `(() => {
		scrollTo(0, document.body.scrollHeight);
		const foot = document.querySelector(".foot").getBoundingClientRect(), bar = document.querySelector(".lab .panel").getBoundingClientRect();
		return foot.bottom > bar.top + 1;
	})()`); covered {
		t.Error("the open bar covers the end of the page")
	}
}

const widest = `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 321 && !e.closest("pre, table, .source"))
	.slice(0, 5).map((e) => e.tagName + "." + e.getAttribute("class"))`

// contrasts is the text of a page with the least contrast, and that contrast.
// Backgrounds that let something shine through count as what is behind them.
const contrasts = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgb = (colour) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data;
	};
	const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (el) => {
		for (; el; el = el.parentElement) {
			const colour = rgb(getComputedStyle(el).backgroundColor);
			if (colour[3] === 255) return colour;
		}
		return [255, 255, 255];
	};
	const contrast = (el) => {
		const [a, b] = [light(rgb(getComputedStyle(el).color)), light(ground(el))];
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	};
	let least = { Contrast: 21, Text: "" };
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const el = walk.currentNode.parentElement, text = walk.currentNode.data.trim();
		if (!text || el.closest("svg, script, template") || !el.checkVisibility()) continue;
		const here = contrast(el);
		if (here < least.Contrast) least = { Contrast: here, Text: text };
	}
	const prose = document.querySelector(".prose p, .entry .summary, .lede, p");
	return { Least: least, Prose: contrast(prose), Ground: getComputedStyle(document.body).backgroundColor };
})()`

func TestContrastInLightAndDark(t *testing.T) {
	type look struct {
		Least struct {
			Contrast float64
			Text     string
		}
		Prose  float64
		Ground string
	}
	b := startBlog(t)
	b.fault("recommendations", "refuse")
	tab := b.open()
	tab.refusals = true
	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		tab.prefers("prefers-color-scheme", scheme)
		for path := range pages() {
			tab.visit(path)
			l := eval[look](tab, contrasts)
			if l.Prose < 7 {
				t.Errorf("%s: the text of %s has a contrast of %.1f, want 7", scheme, path, l.Prose)
			}
			if l.Least.Contrast < 4.5 {
				t.Errorf("%s: %q on %s has a contrast of %.2f, want 4.5", scheme, l.Least.Text, path, l.Least.Contrast)
			}
			grounds[scheme] = l.Ground
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark are both %s", grounds["light"])
	}
}

func TestNothingMovesForThoseWhoDontWantIt(t *testing.T) {
	b := startBlog(t)
	b.fault("redis", "refuse")
	tab := b.open()
	tab.prefers("prefers-reduced-motion", "no-preference")
	tab.visit("/about")
	tab.wait("the waterline swells", "document.getAnimations().length > 0")
	tab.prefers("prefers-reduced-motion", "reduce")
	tab.visit("/about")
	tab.wait("the fault is shown", whatIsOn+".includes('Redis refuses')")
	if n := eval[int](tab, "document.getAnimations().length"); n != 0 {
		t.Errorf("%d things move", n)
	}
}

// Each page on its own: whatever the Content-Security-Policy stops, or the
// script stumbles over, is on the console, and fails the test.
func TestConsoleStaysQuiet(t *testing.T) {
	b := startBlog(t)
	for path, status := range pages() {
		t.Run(path, func(t *testing.T) {
			tab := (&blog{t: t, url: b.url, twin: b.twin}).open()
			tab.refusals = status != 200
			tab.visit(path)
			tab.wait("the script ran", "document.documentElement.classList.contains('js')")
			if n := tab.count("body [style], style, script:not([src])"); n != 0 {
				t.Errorf("%d elements carry a style or script of their own", n)
			}
		})
	}
	t.Run("violations are heard", func(t *testing.T) {
		tab := (&blog{t: t, url: b.url}).open()
		tab.visit("/about")
		eval[bool](tab, "document.body.setAttribute('style', 'color: red') ?? true")
		until(t, "the violation is heard", func() bool {
			tab.mu.Lock()
			defer tab.mu.Unlock()
			heard := len(tab.complaints) > 0
			tab.complaints = nil
			return heard
		})
	})
}
