package capstone

import (
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// A Case is a fault and a blog that lacks the protection which would have
// kept it from the readers.
type Case struct {
	Fault lab.Order // link, kind and its parameter
	Part  string    // which part of the page suffers: a Choice's value
	Lacks policy.Protection
	Page  string // where it shows: homePage or articlePage
	Warm  bool   // the patient ran, and had been read, before the link broke

	Finding string // in one sentence, what was broken and what was missing
	Clues   []Clue // what points there, in the order in which to look
	Story   []string
	Read    []lab.Reference
}

// The pages that a case is looked at on.
const (
	homePage    = "the home page"
	articlePage = "an article"
)

// A Clue is one piece of evidence: where it is to be seen and what it tells.
// Holds says whether the looks showed it.
type Clue struct {
	Look, Tells string
	Holds       func(Evidence) bool
}

// Evidence is what the looks under one fault came to.
type Evidence struct {
	Patient Summary // the case's page there
	Blog    Summary // the same page on the protected blog
	Beside  Summary // another page of the patient: an article, or where the case's page is one the home page
}

// Cases are all there are. No two have the same fault, part and protection.
func Cases() []Case {
	return []Case{refusedWithoutIsolation(), hangsWithoutDeadline(), slowWithoutCache(), cutWithoutStale(), flakyWithoutStale(), hangsWithoutBreaker()}
}

func lesson(slug, title string) lab.Reference {
	return lab.Reference{Text: title, URL: "/posts/" + slug}
}
