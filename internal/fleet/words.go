package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Group is the nodes of one kind, and in words how they are together.
type Group struct {
	Kind  Kind
	Label string
	State State // Down: what the group is there for can't be had
	Says  string
	Nodes []Status
}

// labels name the kinds for people.
var labels = map[Kind]string{
	Front: "Front", Edge: "Edge", Balancer: "Balancers", Server: "Servers", Recommendations: "Recommendations",
	Postgres: "Postgres", Etcd: "etcd", Redis: "Redis", Sentinel: "Sentinel",
}

// losses say what becomes of the site while no node of a kind is up.
var losses = map[Kind]string{
	Front:           "nobody gets in from outside",
	Edge:            "pages have no way in",
	Balancer:        "the edge serves what it has",
	Server:          "the edge serves what it has",
	Recommendations: "articles come without recommendations, or with older ones",
	Etcd:            "Postgres goes on as it is, and nobody can take over from its leader",
	Sentinel:        "Redis goes on as it is, and nobody can take over from its primary",
}

// Groups are the kinds that the fleet has, on the way from the reader to the data.
func (p Picture) Groups(now time.Time) []Group {
	var all []Group
	for _, kind := range Kinds {
		g := Group{Kind: kind, Label: labels[kind]}
		for _, s := range p.Nodes {
			if s.Kind == kind {
				g.Nodes = append(g.Nodes, s)
			}
		}
		if len(g.Nodes) > 0 {
			g.sum(now, p.Lost[kind])
			all = append(all, g)
		}
	}
	return all
}

// sum finds the group's state, and words for it.
func (g *Group) sum(now, lost time.Time) {
	switch {
	case g.count(Unknown) == len(g.Nodes):
		g.State, g.Says = Unknown, "not looked at yet"
		return
	case g.count(Up) == len(g.Nodes):
		g.State = Up
	case !lost.IsZero(), g.Kind != Postgres && g.Kind != Redis && g.count(Up) == 0:
		g.State = Down
	default:
		g.State = Ailing
	}
	if !lost.IsZero() {
		g.State = Down
	}
	switch g.Kind {
	case Postgres:
		g.Says = g.postgres(now, lost)
	case Redis:
		g.Says = g.redis(now, lost)
	case Etcd:
		g.Says = g.voters("is the leader", func(s Status) bool { return s.Role == Leader })
	case Sentinel:
		g.Says = g.voters("", nil)
	default:
		g.Says = g.equals()
	}
	for _, s := range g.Nodes {
		if (s.State == Down || s.State == Ailing) && g.count(Up) > 0 {
			g.Says += fmt.Sprintf("; %s is %s", s.Name, s.State)
		}
	}
}

func (g *Group) postgres(now, lost time.Time) string {
	standbys := g.having(SyncStandby, Replica)
	if !lost.IsZero() {
		if len(standbys) == 0 {
			return fmt.Sprintf("nothing to read or write for %s: comments wait in the outbox, articles come from copies", elapsed(now, lost))
		}
		return fmt.Sprintf("no leader for %s: writes wait in the outbox, reads go on", elapsed(now, lost))
	}
	var parts []string
	for _, s := range g.having(Leader) {
		parts = append(parts, s.Name+" leads")
	}
	if n := len(g.having(SyncStandby)); n > 0 {
		parts = append(parts, counted(n, "sync standby", "sync standbys"))
	}
	if n := len(g.having(Replica)); n > 0 {
		parts = append(parts, counted(n, "replica", "replicas"))
	}
	says := strings.Join(parts, ", ") + furthest(standbys)
	if slices.ContainsFunc(g.Nodes, func(s Status) bool { return s.Paused }) {
		says += "; in maintenance: nobody takes over"
	}
	return says
}

func (g *Group) redis(now, lost time.Time) string {
	if !lost.IsZero() {
		return fmt.Sprintf("no primary for %s: pages come from memory and Postgres, and comments need Postgres", elapsed(now, lost))
	}
	var parts []string
	for _, s := range g.having(Primary) {
		parts = append(parts, s.Name+" is the primary")
	}
	replicas := g.having(Replica)
	if n := len(replicas); n > 0 {
		parts = append(parts, counted(n, "replica", "replicas"))
	}
	if len(parts) == 0 {
		return "none says what it is"
	}
	return strings.Join(parts, ", ") + furthest(replicas)
}

// voters are those of whom more than half must see each other.
func (g *Group) voters(leads string, leader func(Status) bool) string {
	in := 0
	for _, s := range g.Nodes {
		if s.Quorum && s.State != Down {
			in++
		}
	}
	if 2*in <= len(g.Nodes) {
		g.State = Down
		return fmt.Sprintf("no quorum, %d of %d: %s", in, len(g.Nodes), losses[g.Kind])
	}
	says := fmt.Sprintf("quorum, %d of %d", in, len(g.Nodes))
	if leader != nil {
		if i := slices.IndexFunc(g.Nodes, leader); i >= 0 {
			says = g.Nodes[i].Name + " " + leads + "; " + says
		}
		return says
	}
	if names := g.followed(); len(names) == 1 {
		says += "; primary is " + names[0]
	} else if len(names) > 1 {
		says += "; they name " + strings.Join(names, " and ")
	}
	return says
}

// followed are the primaries that the Sentinels name, each once.
func (g *Group) followed() []string {
	var names []string
	for _, s := range g.Nodes {
		if s.Follows != "" && !slices.Contains(names, s.Follows) {
			names = append(names, s.Follows)
		}
	}
	return names
}

// equals are those of whom one is enough.
func (g *Group) equals() string {
	up := g.count(Up)
	says := fmt.Sprintf("%d of %d up", up, len(g.Nodes))
	switch {
	case up == 0:
		says += ": " + losses[g.Kind]
	case up == 1 && len(g.Nodes) > 1:
		says += ", so the next loss is an outage"
	}
	return says
}

func (g *Group) count(state State) (n int) {
	for _, s := range g.Nodes {
		if s.State == state {
			n++
		}
	}
	return n
}

// having are the nodes that answer and have one of these roles.
func (g *Group) having(roles ...Role) []Status {
	return slices.DeleteFunc(slices.Clone(g.Nodes), func(s Status) bool { return s.State == Down || !slices.Contains(roles, s.Role) })
}

// furthest is the longest lag among replicas.
func furthest(replicas []Status) string {
	var most *Lag
	for _, s := range replicas {
		if s.Lag != nil && (most == nil || s.Lag.Seconds > most.Seconds) {
			most = s.Lag
		}
	}
	if most == nil {
		return ""
	}
	return fmt.Sprintf(", %.1f s behind", most.Seconds)
}

// Headline is the whole fleet in a sentence: what can't be had, else what is
// not as it should be.
func (p Picture) Headline(now time.Time) string {
	var lost, ailing []string
	unseen := 0
	for _, g := range p.Groups(now) {
		if g.State == Down {
			lost = append(lost, g.Label+": "+g.Says)
		}
		for _, s := range g.Nodes {
			switch s.State {
			case Unknown:
				unseen++
			case Down, Ailing:
				ailing = append(ailing, fmt.Sprintf("%s is %s", s.Name, s.State))
			}
		}
	}
	const named = 3 // more names than these are a list, not a headline
	switch {
	case len(lost) > 0:
		return strings.Join(lost, ". ")
	case len(ailing) > named:
		return fmt.Sprintf("%d of %d nodes are down or ailing, and every service goes on", len(ailing), len(p.Nodes))
	case len(ailing) > 0:
		return strings.Join(ailing, ", ") + ", and every service goes on"
	case unseen > 0:
		return fmt.Sprintf("%d of %d nodes are not looked at yet", unseen, len(p.Nodes))
	}
	return fmt.Sprintf("All %d nodes are up", len(p.Nodes))
}

func elapsed(now, since time.Time) string { return fmt.Sprintf("%.0f s", now.Sub(since).Seconds()) }

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
