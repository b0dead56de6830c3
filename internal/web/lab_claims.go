package web

import (
	"fmt"
	"slices"
	"strings"

	"afloat/internal/lab"
	"afloat/internal/source"
)

// claimView is a statement of the lab with its proof.
type claimView struct {
	Says         string
	Source, Test sourceRef
	Without      string // the protection that is off in the counter-proof
	Fails        string // what the test reports then
}

// findClaims finds the lines that make each claim so and the tests that prove
// it, by page. Like those of [findRefs], they can't move away unnoticed.
func findClaims(tree *source.Tree) (map[string][]claimView, error) {
	pages := map[string][]claimView{}
	for _, c := range lab.Claims() {
		code, test := tree.Find(c.File, c.Line), findTest(tree, c.Package, c.Test)
		if code.Line == 0 || test.Line == 0 {
			return nil, fmt.Errorf("the claim %q finds neither %q in %s nor %s in %s: the source has moved", c.Says, c.Line, c.File, c.Test, c.Package)
		}
		view := claimView{Says: c.Says, Source: refLink(code), Test: refLink(test), Without: string(c.Without), Fails: c.Fails}
		view.Test.Text = c.Test
		for _, page := range c.Pages {
			pages[page] = append(pages[page], view)
		}
	}
	return pages, nil
}

// findTest is the line of a test, in whichever file of its package it is.
func findTest(tree *source.Tree, pkg, test string) source.Ref {
	files := slices.DeleteFunc(tree.Files(), func(f string) bool {
		return !strings.HasPrefix(f, pkg+"/") || !strings.HasSuffix(f, "_test.go")
	})
	for _, file := range files {
		if at := tree.Find(file, "func "+test+"("); at.Line > 0 {
			return at
		}
	}
	return source.Ref{}
}
