package web

import (
	"fmt"
	"net/http"
	"time"

	"afloat/internal/fleet"
)

// The map of the fleet: each node, in the order in which a request passes them,
// and in words what it is and how it is. Shape and word say the same. It reads
// this process's memory only, so it answers whatever is broken.

type fleetPage struct {
	frame
	Fleet fleetView
}

// fleetView is what changes while the page is open.
type fleetView struct {
	Headline string
	At       string // when this was so
	Groups   []fleetGroup
}

type fleetGroup struct {
	Kind, Label, Says string
	State             string // up, ailing, down, unknown
	Nodes             []fleetNode
}

type fleetNode struct {
	Name, State, Role string
	Mine              bool   // it is this server
	Saw               string // what is wrong with it
	Lag               string // "0.0 s behind", "2.1 s (48 kB) behind"
	Timeline          int    // 0: it has none
	Since             string // how long it has been so: "for 41 s"
}

// labFleet is GET /lab/fleet; with ?fragment=1 only what changes while it is open.
func (s *Server) labFleet(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Get("fragment") == "1" {
		return s.renderWhole(w, r, "lab-fleet-fragment", *s.viewFleet(), false)
	}
	page := fleetPage{frame: s.labFrame(r, "The fleet"), Fleet: *s.viewFleet()}
	page.Here = "/lab/fleet"
	return s.renderWhole(w, r, "lab-fleet", page, false)
}

func (s *Server) viewFleet() *fleetView {
	picture, _ := s.Fleet.Watch()
	now := time.Now()
	v := &fleetView{Headline: picture.Headline(now), At: now.UTC().Format("15:04:05")}
	for _, g := range picture.Groups(now) {
		group := fleetGroup{Kind: string(g.Kind), Label: g.Label, Says: g.Says, State: string(g.State)}
		for _, n := range g.Nodes {
			group.Nodes = append(group.Nodes, s.viewNode(n, now))
		}
		v.Groups = append(v.Groups, group)
	}
	return v
}

func (s *Server) viewNode(n fleet.Status, now time.Time) fleetNode {
	v := fleetNode{
		Name: n.Name, State: string(n.State), Role: string(n.Role), Mine: n.Kind == fleet.Server && n.Name == s.Node,
		Saw: n.Saw, Timeline: n.Timeline,
	}
	if v.Role == "" && n.Follows != "" {
		v.Role = "names " + n.Follows
	}
	if n.Lag != nil {
		v.Lag = fmt.Sprintf("%.1f s behind", n.Lag.Seconds)
		if n.Lag.Bytes > 0 {
			v.Lag = fmt.Sprintf("%.1f s (%s) behind", n.Lag.Seconds, bytesInWords(n.Lag.Bytes))
		}
	}
	if !n.Since.IsZero() {
		v.Since = "for " + age(now.Sub(n.Since))
	}
	return v
}

// bytesInWords has a precision that can be read in passing.
func bytesInWords(n int64) string {
	const kilo, mega = 1e3, 1e6
	switch {
	case n < kilo:
		return fmt.Sprintf("%d bytes", n)
	case n < mega:
		return fmt.Sprintf("%.0f kB", float64(n)/kilo)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/mega)
}
