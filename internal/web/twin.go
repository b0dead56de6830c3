package web

import (
	"strings"

	"afloat/internal/policy"
)

// twin is what the pages of a server say of it that is there to be compared with
// the protected blog; that one's own is empty.
type twin struct {
	name string // "naive twin", "custom twin"
	says string // what is on and what is off, in words
}

func twinOf(t policy.Table) twin {
	if !t.Twin() {
		return twin{}
	}
	var on, off []string
	has := map[policy.Protection]bool{}
	for _, p := range t.Protections() {
		has[p] = true
	}
	for _, p := range policy.Protections() {
		label := strings.ToLower(p.Label)
		if has[p.Protection] {
			on = append(on, label)
		} else {
			off = append(off, label)
		}
	}
	says := "on are " + strings.Join(on, ", ") + "; off are " + strings.Join(off, ", ")
	switch {
	case len(on) == 0:
		says = "protections off"
	case len(off) == 0:
		says = "all protections on"
	}
	return twin{t.Name + " twin", says}
}

// isTwin reports whether this process is a twin of the protected blog.
func (s *Server) isTwin() bool { return s.Table.Twin() }
