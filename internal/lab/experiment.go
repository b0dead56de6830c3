package lab

import (
	"context"
	"html/template"
	"time"
)

// An Experiment is a question put to the running system: what to predict, what is done to it and for how long, what
// is measured, and what should come out. It is a value; adding one is one file in package experiments that adds it to
// the registry there.
type Experiment struct {
	Name     string   // in URLs and commands: "jitter"
	Page     string   // where it is shown; "" for its page in the registry
	Code     string   // in the syllabus: "E2"; "" where it has none
	Title    string   // a few words
	Question string   // what a reader would ask
	Choices  []string // predictions to choose from
	Answer   int      // the index of the choice that the measurement bears out

	Label Label  // whether what is measured is real
	Scale string // how time is scaled: "time divided by 10"; "" where it isn't
	SetUp string // what stands where, and what differs between the runs that are compared

	Params   []Param
	Faults   []FaultStep // what is broken, and when; in order
	Load     Load
	Measures []string // what is counted: the readers' side, and the dependency's

	Expect  []Expectation
	Explain []string // paragraphs
	Hurts   []string // when the pattern hurts, in paragraphs
	Sources []Reference

	// Run carries it out, and says how far it is. It ends when ctx ends, with ctx's error, and leaves the links
	// healthy. An expectation that isn't met is no error, but a Check in the result.
	Run func(ctx context.Context, rig *Rig, v Values, tell func(Progress)) (Result, error)
}

// Label says what a figure is worth.
type Label string

const (
	Real      Label = "real"      // real calls to real dependencies, as they are
	Injected  Label = "injected"  // real calls, under faults or delays that were put there
	Simulated Label = "simulated" // computed from a model
	Recorded  Label = "recorded"  // measured once, elsewhere, and not now
)

// A FaultStep is one entry of a fault schedule.
type FaultStep struct {
	At    time.Duration // from the start of the load
	Order               // For says for how long
}

// Load says who calls, how often and how.
type Load struct {
	Callers string        // "page readers", "callers of one link"
	Rate    float64       // arrivals a second; 0 where Words says it all
	For     time.Duration // how long
	Words   string        // what else matters: "open loop, Poisson arrivals, Zipf over all articles"
}

// An Expectation is a predicate in words, with where it comes from and what counts as met.
type Expectation struct {
	Claim     string // "calls of full jitter at N = 100: 796"
	Tolerance string // "± 5 %"
	Source    Reference
}

// A Reference is a place to read more: a page of others', or a file of ours.
type Reference struct{ Text, URL string }

// Progress is how far a run is.
type Progress struct {
	Done float64 `json:"done"` // from 0 to 1
	Say  string  `json:"say"`  // what is being done now
}

// A Result is what came out of a run.
type Result struct {
	Finding string   `json:"finding"` // one sentence, with numbers, units and denominators
	Tables  []Table  `json:"tables"`
	Figures []Figure `json:"-"`
	Checks  []Check  `json:"checks"`
	Trials  int      `json:"trials"` // how often it was repeated; the spread is in the tables
	Notes   []string `json:"notes,omitempty"`
}

// Met reports whether every expectation that was checked held.
func (r Result) Met() bool {
	for _, c := range r.Checks {
		if !c.Met {
			return false
		}
	}
	return true
}

// A Table is rows under a head; Rows are as wide as Head.
type Table struct {
	Caption string     `json:"caption"`
	Head    []string   `json:"head"`
	Rows    [][]string `json:"rows"`
}

// A Figure is a chart, as package chart draws it.
type Figure interface {
	HTML() template.HTML // with caption, picture and data table
	Standalone() []byte  // an SVG file of its own
}

// A Check is one expectation held against what was measured.
type Check struct {
	Claim  string    `json:"claim"`
	Want   string    `json:"want"` // with its tolerance
	Got    string    `json:"got"`
	Met    bool      `json:"met"`
	Source Reference `json:"source"`
}
