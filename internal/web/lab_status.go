package web

import (
	"net/http"
	"slices"

	"afloat/internal/fleet"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// Pool is how a client's pool of connections is used. Counts only grow.
type Pool struct {
	Name    string  `json:"name"`
	Link    string  `json:"link"`    // the dependency
	InUse   int     `json:"in_use"`  // connections
	Idle    int     `json:"idle"`    // connections
	Max     int     `json:"max"`     // most connections there may be
	Taken   uint64  `json:"taken"`   // times that a connection was asked for
	Waited  uint64  `json:"waited"`  // of these, times that none was idle
	WaitMS  float64 `json:"wait_ms"` // spent on waiting, in sum
	Refused uint64  `json:"refused"` // times that the wait took too long
}

// policyStatus is what one policy did, and how it stands.
type policyStatus struct {
	telemetry.PolicyStats
	Link     string                  `json:"link"`
	InFlight int                     `json:"in_flight"`               // calls begun and not ended, such as those that hang
	Breaker  resilience.BreakerState `json:"breaker,omitempty"`       // "" without one
	Tokens   *float64                `json:"budget_tokens,omitempty"` // retries that the budget would pay for now
}

// labStatus is GET /lab/status: what each policy did since the start, and how
// it stands. Two readings, subtracted, measure what happened in between.
func (s *Server) labStatus(w http.ResponseWriter, _ *http.Request) error {
	status := struct {
		Table    string         `json:"table"`
		Policies []policyStatus `json:"policies"`
		Pools    []Pool         `json:"pools"`
		*telemetry.Rates
		Node  string         `json:"node,omitempty"`  // whose figures these are
		Fleet *fleet.Picture `json:"fleet,omitempty"` // as this server sees it
	}{Table: s.Table.Name, Policies: s.policies(), Pools: []Pool{}, Node: s.Node}
	if s.Timeline != nil {
		rates := s.Timeline.Rates(s.LabLimits.Rates)
		status.Rates = &rates
	}
	if s.Pools != nil {
		status.Pools = append(status.Pools, s.Pools()...)
	}
	if s.Fleet != nil {
		now, _ := s.Fleet.Watch()
		status.Fleet = &now
	}
	return writeJSON(w, http.StatusOK, status)
}

// policies lists all guards' policies, those that did nothing yet too.
func (s *Server) policies() []policyStatus {
	links := s.Table.Links()
	var all []policyStatus
	for _, stats := range s.Recorder.Policies() {
		all = append(all, policyStatus{PolicyStats: stats, Link: links[stats.Name]})
	}
	for _, g := range s.Guards {
		p := g.Policy()
		i := slices.IndexFunc(all, func(p2 policyStatus) bool { return p2.Name == p.Name })
		if i < 0 {
			i = len(all)
			all = append(all, policyStatus{PolicyStats: telemetry.PolicyStats{Name: p.Name}, Link: links[p.Name]})
		}
		all[i].InFlight += g.InFlight()
		all[i].Breaker = g.State()
		if p.Budget != (resilience.BudgetPolicy{}) {
			tokens := g.Tokens()
			all[i].Tokens = &tokens
		}
	}
	return all
}
