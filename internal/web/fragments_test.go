package web

import (
	"errors"
	"strings"
	"testing"
	"time"

	"afloat/internal/resilience"
)

// What these functions write is not escaped again, so all that comes from
// outside must be when they return it.
func TestFragmentsEscape(t *testing.T) {
	const evil = `"><script>alert('x')</script>&`
	for name, got := range map[string]string{
		"postLink": string(postLink(evil, evil)),
		"tocList":  string(tocList([]heading{{2, evil, evil}})),
	} {
		inner := strings.NewReplacer("<ul>", "", "</ul>", "", `<li class="l2">`, "", "</li>", "", `<a href="`, "", `">`, "", "</a>", "").Replace(got)
		if strings.ContainsAny(inner, `<>"'`) {
			t.Errorf("%s lets markup through: %s", name, got)
		}
	}
	wants(t, string(postLink("a b/c", "A & B")), `<a href="/posts/a%20b%2Fc">A &amp; B</a>`)
	wants(t, string(tocList([]heading{{3, "one-two", "One"}})), `<ul><li class="l3"><a href="#one-two">One</a></li></ul>`)
}

func TestFixedFragmentsAreOfTheirArgument(t *testing.T) {
	r := testRenderer(t)
	for range 2 {
		for _, state := range states() {
			got, err := r.once("buoy", state)
			if err != nil || !strings.Contains(string(got), `<span class="word">`+string(state)+`</span>`) {
				t.Errorf("the buoy of %s: %s, %v", state, got, err)
			}
		}
	}
	if got, err := r.once("no such template", ""); err == nil {
		t.Errorf("an unknown template: %q and no error", got)
	}
}

func TestMemoRendersEachReadingOnce(t *testing.T) {
	var m memo
	now, renderings := time.Now(), 0
	ask := func(r rendering, fail error) (string, error) {
		html, err := m.html(r, func() ([]byte, error) { renderings++; return []byte("html"), fail })
		return string(html), err
	}
	first := rendering{now, resilience.Fresh, true}
	if _, err := ask(first, errors.New("broken")); err == nil {
		t.Error("a rendering that fails: no error")
	}
	for _, r := range []rendering{first, first, {now, resilience.Cached, true}, {now, resilience.Cached, false}, {now.Add(1), resilience.Cached, false}} {
		if html, err := ask(r, nil); html != "html" || err != nil {
			t.Errorf("%+v: %q, %v", r, html, err)
		}
	}
	if renderings != 5 {
		t.Errorf("rendered %d times, want 5: the failure, and once for each of four", renderings)
	}
}
