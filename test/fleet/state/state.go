// Package state is what the fleet test's probe sees, and what of it is healthy.
package state

import (
	"fmt"
	"slices"
	"time"
)

// Roles of nodes. A node that has none of them is just up or not.
const (
	Leader  = "leader"  // of PostgreSQL or etcd
	Sync    = "sync"    // a standby that a commit waits for, alone or in a quorum
	Standby = "standby" // any other standby that follows the leader
	Primary = "primary" // of Redis
	Replica = "replica" // of Redis, with its link up
)

// Node is one node at one moment.
type Node struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // as in deploy/fleet.json
	Up     bool   `json:"up"`   // answers, and follows whom it should
	Role   string `json:"role,omitempty"`
	Detail string `json:"detail,omitempty"` // why it is not up; for a sentinel, whom it takes for the primary
}

// Seen is all nodes at one moment.
type Seen struct {
	At    time.Time `json:"at"`
	Nodes []Node    `json:"nodes"`

	// The probe writes to Redis ten times a second, through the sentinels, as the servers do.
	RedisOK  time.Time     `json:"redis_ok"`     // the last write that was answered; zero before the first
	RedisGap time.Duration `json:"redis_gap_ns"` // the longest time between two answered writes since the probe's last word
}

// Named returns the nodes of a kind that have the role, by name.
func (s Seen) Named(kind, role string) []string {
	var names []string
	for _, n := range s.Nodes {
		if n.Kind == kind && n.Role == role && n.Up {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Unhealthy says what the fleet lacks, a clause each; nothing means that it could lose any one node.
func (s Seen) Unhealthy() []string {
	var lacks []string
	kinds := map[string]bool{}
	for _, n := range s.Nodes {
		kinds[n.Kind] = true
		if !n.Up {
			lacks = append(lacks, fmt.Sprintf("%s is not up (%s)", n.Name, n.Detail))
		}
	}
	for _, want := range []struct {
		kind, role  string
		least, most int
	}{
		{"postgres", Leader, 1, 1}, {"postgres", Sync, 1, 99}, {"etcd", Leader, 1, 1}, {"redis", Primary, 1, 1},
	} {
		if n := len(s.Named(want.kind, want.role)); kinds[want.kind] && (n < want.least || n > want.most) {
			lacks = append(lacks, fmt.Sprintf("%s has %d of the role %s", want.kind, n, want.role))
		}
	}
	primary := s.Named("redis", Primary)
	for _, n := range s.Nodes {
		if n.Kind == "sentinel" && n.Up && len(primary) == 1 && n.Detail != primary[0] {
			lacks = append(lacks, fmt.Sprintf("%s takes %s for the primary", n.Name, n.Detail))
		}
	}
	return lacks
}

// Comment is one in the leader's table.
type Comment struct {
	Slug string `json:"slug"`
	Text string `json:"text"`
}
