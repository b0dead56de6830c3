package capstone

import (
	"slices"

	"afloat/internal/fault"
	"afloat/internal/policy"
)

// A Choice is one answer that a question offers.
type Choice struct{ Value, Text string }

// A Question is one of the three; its choices are the same for each case.
type Question struct {
	Name    string // of the form's field
	Asks    string
	Choices []Choice
}

var kinds = []Choice{
	{string(fault.Refuse), "It refuses connections at once"},
	{string(fault.Hang), "It accepts, and never answers"},
	{string(fault.Slow), "It answers, but late"},
	{string(fault.Flaky), "It fails some of the exchanges, and answers the others"},
	{string(fault.Reset), "It accepts connections, and cuts each of them"},
}

var parts = []Choice{
	{"postgres", "Articles, lists and comments, which need Postgres"},
	{"recommendations", "Similar articles, which need the recommendations service"},
	{"popular", "Popular now, which needs Redis"},
	{"server", "None: the server itself has too much to do"},
}

// protections leaves out those whose absence one reader of one page can't see.
var protections = []Choice{
	{string(policy.Isolation), "Isolation"},
	{string(policy.Deadline), "Deadlines"},
	{string(policy.Cache), "Cache"},
	{string(policy.Stale), "Stale copies"},
	{string(policy.Retry), "Retries"},
	{string(policy.Breaker), "Circuit breaker"},
	{string(policy.Hedge), "Hedging"},
	{string(policy.Shedding), "Load shedding"},
}

// Questions are what is asked of a seed's case, in the order of its choices.
func Questions(seed uint64) []Question {
	return []Question{
		{"fault", "What does the dependency do?", shuffled(kinds, seed, orderOfFaults)},
		{"part", "What suffers first, and so which dependency is it?", shuffled(parts, seed, orderOfParts)},
		{"protection", "Which protection is the patient without?", shuffled(protections, seed, orderOfProtections)},
	}
}

// right is the value that answers each question, in their order.
func (c Case) right() []string { return []string{c.Fault.Kind, c.Part, string(c.Lacks)} }

// A Verdict is one answer, held against the case.
type Verdict struct {
	Asks        string
	Said, Truth string // the texts of the choices
	Right       bool
}

// Judge holds answers, a value for each question in their order, against the
// case of a seed. It is false where one of them is none that was offered.
func Judge(seed uint64, answers []string) ([]Verdict, bool) {
	var verdicts []Verdict
	truth := Of(seed).right()
	for i, q := range Questions(seed) {
		said, offered := q.text(answers[i])
		if !offered {
			return nil, false
		}
		is, _ := q.text(truth[i])
		verdicts = append(verdicts, Verdict{q.Asks, said, is, answers[i] == truth[i]})
	}
	return verdicts, true
}

func (q Question) text(value string) (string, bool) {
	i := slices.IndexFunc(q.Choices, func(c Choice) bool { return c.Value == value })
	if i < 0 {
		return "", false
	}
	return q.Choices[i].Text, true
}
