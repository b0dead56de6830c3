package state

import (
	"slices"
	"strings"
	"testing"
)

func whole() Seen {
	return Seen{Nodes: []Node{
		{Name: "postgres1", Kind: "postgres", Up: true, Role: Sync},
		{Name: "postgres2", Kind: "postgres", Up: true, Role: Leader},
		{Name: "postgres3", Kind: "postgres", Up: true, Role: Sync},
		{Name: "etcd1", Kind: "etcd", Up: true, Role: Leader},
		{Name: "etcd2", Kind: "etcd", Up: true},
		{Name: "redis1", Kind: "redis", Up: true, Role: Replica},
		{Name: "redis2", Kind: "redis", Up: true, Role: Primary},
		{Name: "sentinel1", Kind: "sentinel", Up: true, Detail: "redis2"},
		{Name: "blog1", Kind: "server", Up: true},
	}}
}

func TestWholeFleetIsHealthy(t *testing.T) {
	if got := whole().Unhealthy(); len(got) > 0 {
		t.Errorf("a whole fleet lacks %q", got)
	}
	if got := whole().Named("postgres", Sync); !slices.Equal(got, []string{"postgres1", "postgres3"}) {
		t.Errorf("sync standbys are %q", got)
	}
}

func TestWhatAFleetLacks(t *testing.T) {
	for _, c := range []struct {
		change func(*Seen)
		want   string
	}{
		{func(s *Seen) { s.Nodes[8].Up, s.Nodes[8].Detail = false, "refused" }, "blog1 is not up (refused)"},
		{func(s *Seen) { s.Nodes[1].Role = Standby }, "postgres has 0 of the role leader"},
		{func(s *Seen) { s.Nodes[0].Role = Leader }, "postgres has 2 of the role leader"},
		{func(s *Seen) { s.Nodes[0].Role, s.Nodes[2].Role = Standby, Standby }, "postgres has 0 of the role sync"},
		{func(s *Seen) { s.Nodes[5].Role = Primary }, "redis has 2 of the role primary"},
		{func(s *Seen) { s.Nodes[3].Role = "" }, "etcd has 0 of the role leader"},
		{func(s *Seen) { s.Nodes[7].Detail = "redis1" }, "sentinel1 takes redis1 for the primary"},
	} {
		s := whole()
		c.change(&s)
		if got := strings.Join(s.Unhealthy(), "; "); got != c.want {
			t.Errorf("lacks %q, want %q", got, c.want)
		}
	}
}
