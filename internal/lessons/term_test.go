package lessons

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGlossary: each entry leads somewhere, can be linked to, and is short.
func TestGlossary(t *testing.T) {
	terms := Terms()
	if len(terms) < 40 {
		t.Errorf("the glossary has %d terms, want 40", len(terms))
	}
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	owner := map[string]string{} // form → term
	for i, term := range terms {
		if !id.MatchString(term.ID) {
			t.Errorf("%q is no fragment of an address", term.ID)
		}
		if i > 0 && strings.ToLower(terms[i-1].Name) >= strings.ToLower(term.Name) {
			t.Errorf("%q stands behind %q", term.Name, terms[i-1].Name)
		}
		if _, ok := Find(term.Lesson); !ok {
			t.Errorf("%s: %q is no lesson", term.Name, term.Lesson)
		}
		if !strings.HasSuffix(term.Means, ".") || strings.ContainsAny(term.Means, "<>&—") {
			t.Errorf("%s: %q is not plain text that ends with a full stop", term.Name, term.Means)
		}
		if words := len(strings.Fields(term.Means)); words < 5 || words > 50 {
			t.Errorf("%s is explained in %d words, want 5 to 50", term.Name, words)
		}
		for _, f := range term.forms() {
			f = strings.ToLower(f)
			if other, taken := owner[f]; taken && other != term.ID {
				t.Errorf("%q means both %s and %s", f, other, term.ID)
			}
			owner[f] = term.ID
		}
	}
}

// TestEachLessonHasTerms: but for the capstone, which brings nothing new.
func TestEachLessonHasTerms(t *testing.T) {
	for _, l := range All() {
		has := slices.ContainsFunc(Terms(), func(term Term) bool { return term.Lesson == l.Slug })
		if has == l.Capstone() {
			t.Errorf("lesson %d explains terms: %v", l.Number, has)
		}
	}
}

func TestPlurals(t *testing.T) {
	for one, many := range map[string]string{
		"retry": "retries", "circuit breaker": "circuit breakers", "health check": "health checks", "retry policy": "retry policies",
		"delay": "delays", "TTL": "TTLs", "class": "classes", "cache stampede": "cache stampedes",
	} {
		if got := plural(one); got != many {
			t.Errorf("the plural of %q is %q, want %q", one, got, many)
		}
	}
}
