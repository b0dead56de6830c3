package capstone

import (
	"math/rand/v2"
)

// MaxSeed is the highest seed; the lowest is 1.
const MaxSeed = 999_999

// Of is the case of a seed. Of six seeds in a row that begin with 1, 7, 13 …
// each has another case, in an order of their own; what a seed's case is can
// only be known by looking here.
func Of(seed uint64) Case {
	all := Cases()
	n := uint64(len(all))
	at := max(seed, 1) - 1
	order := rand.New(rand.NewPCG(at/n, orderOfCases)).Perm(len(all))
	return all[order[at%n]]
}

// The streams of randomness that a seed begins, one for each use of it.
const (
	orderOfCases uint64 = iota + 1
	orderOfFaults
	orderOfParts
	orderOfProtections
)

// shuffled is a copy of the choices in the order that a seed gives them.
func shuffled(choices []Choice, seed, stream uint64) []Choice {
	mixed := make([]Choice, len(choices))
	for to, from := range rand.New(rand.NewPCG(seed, stream)).Perm(len(choices)) {
		mixed[to] = choices[from]
	}
	return mixed
}
