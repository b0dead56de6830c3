// Package experiments holds the lab's experiments, a file each.
package experiments

import (
	"fmt"
	"slices"

	"afloat/internal/lab"
)

// All lists the experiments, in the order in which to offer them.
func All() []*lab.Experiment { return slices.Clone(registry) }

// Find returns an experiment by its name, or nil.
func Find(name string) *lab.Experiment {
	for _, e := range registry {
		if e.Name == name {
			return e
		}
	}
	return nil
}

var registry []*lab.Experiment

// Register adds an experiment that another package has, such as a test's.
func Register(place int, e *lab.Experiment) *lab.Experiment { return register(place, e) }

// register adds an experiment; each file calls it once, so that adding one is adding a file.
// They are offered in the order of their places.
func register(place int, e *lab.Experiment) *lab.Experiment {
	if Find(e.Name) != nil || slices.ContainsFunc(places, func(p int) bool { return p == place }) {
		panic(fmt.Sprintf("experiment %q: its name or its place %d is taken", e.Name, place))
	}
	at, _ := slices.BinarySearch(places, place)
	places = slices.Insert(places, at, place)
	registry = slices.Insert(registry, at, e)
	return e
}

var places []int
