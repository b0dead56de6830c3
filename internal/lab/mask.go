package lab

// Masked is the state as readers may see it: while a hidden fault is on, all links are told to be Hidden and nothing
// more, since what is left out for one of them would name it. Any other state is returned as it is.
func (s State) Masked() State {
	s.Faults = Mask(s.Faults)
	return s
}

// Mask is State.Masked for the statuses alone.
func Mask(all []Status) []Status {
	hidden, on := HiddenIn(all)
	if !on {
		return all
	}
	masked := make([]Status, len(all))
	for i, s := range all {
		masked[i] = Status{Link: s.Link, Label: s.Label, Kind: Hidden, Until: hidden.Until, Left: hidden.Left, Hidden: true}
	}
	return masked
}

// HiddenIn returns the first link with a hidden fault, and whether there is one.
func HiddenIn(all []Status) (Status, bool) {
	for _, s := range all {
		if s.Hidden {
			return s, true
		}
	}
	return Status{}, false
}
