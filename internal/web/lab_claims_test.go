package web

import (
	"strings"
	"testing"

	"afloat"
	"afloat/internal/lab"
	"afloat/internal/source"
)

// TestClaimsLeadToTheirProof: to a line of the source, and to a test.
func TestClaimsLeadToTheirProof(t *testing.T) {
	tree := source.New(afloat.Source())
	pages := must(findClaims(tree))(t)
	shown := map[string]bool{}
	for page, claims := range pages {
		body := html(t, "lab-claims", claims)
		for _, c := range claims {
			shown[c.Says] = true
			for _, ref := range []sourceRef{c.Source, c.Test} {
				path, line, _ := strings.Cut(strings.TrimPrefix(ref.URL, "/source/"), "#")
				if _, err := tree.Text(path); err != nil || !strings.HasPrefix(line, "L") {
					t.Errorf("%s: %q leads to %s: %v", page, c.Says, ref.URL, err)
				}
				wants(t, body, `href="`+ref.URL+`"`)
			}
		}
	}
	if len(shown) != len(lab.Claims()) {
		t.Errorf("%d of %d claims are shown", len(shown), len(lab.Claims()))
	}
	lacks(t, html(t, "lab-claims", []claimView(nil)), "How do you know?")
}
