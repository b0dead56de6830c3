package lessons

import (
	"slices"
	"strings"
)

// Term is an entry of the glossary.
type Term struct {
	ID       string   // where it stands in the glossary: /glossary#ID
	Name     string   // as the entry is headed, in lower case unless it is a proper name
	Also     []string // other names and forms that mean the same; regular plurals go without saying
	Means    string   // one or two sentences
	Lesson   string   // slug of the lesson that explains it
	Source   string   // who coined it or defines it; "" where nobody can be named
	Unmarked bool     // too common a word to be linked from articles
}

// Terms returns the glossary, in the order of the alphabet.
func Terms() []Term {
	all := slices.Concat(countedTerms, calledTerms, keptTerms, crowdedTerms, dividedTerms)
	slices.SortFunc(all, func(a, b Term) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all
}

// forms are all the ways in which a term is written: its names, and their
// plurals.
func (t Term) forms() []string {
	var all []string
	for _, name := range append([]string{t.Name}, t.Also...) {
		all = append(all, name, plural(name))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// plural is the regular one, of a name's last word.
func plural(name string) string {
	for _, ending := range []string{"s", "x", "ch", "sh"} {
		if strings.HasSuffix(name, ending) {
			return name + "es"
		}
	}
	if stem, ok := strings.CutSuffix(name, "y"); ok && !strings.HasSuffix(stem, "a") && !strings.HasSuffix(stem, "e") && !strings.HasSuffix(stem, "o") {
		return stem + "ies"
	}
	return name + "s"
}
