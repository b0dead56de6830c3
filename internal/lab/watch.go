package lab

// Watch returns the present state, and a channel that is closed at its next
// change: for whoever waits for several things at once.
func (s *Switchboard) Watch() (State, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(), s.changed
}
