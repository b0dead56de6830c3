package fleet

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// picture is one of these nodes.
func picture(nodes ...Status) Picture { return Picture{Nodes: nodes} }

func (p Picture) since(kind Kind, ago time.Duration) Picture {
	p.Lost = map[Kind]time.Time{kind: noon.Add(-ago)}
	return p
}

func (s Status) behind(seconds float64) Status {
	s.Lag = &Lag{Seconds: seconds}
	return s
}

func TestGroups(t *testing.T) {
	node := func(name string, kind Kind, role Role) Status {
		return look(name, kind, sight{state: Up, role: role, quorum: true})
	}
	dead := func(name string, kind Kind) Status { return look(name, kind, sight{state: Down}) }
	named := func(s Status, primary string) Status { s.Follows = primary; return s }
	paused := node("p1", Postgres, Leader)
	paused.Paused = true
	for _, test := range []struct {
		p     Picture
		state State
		says  string
	}{
		{picture(look("p1", Postgres, sight{state: Unknown})), Unknown, "not looked at yet"},
		{
			picture(node("p2", Postgres, Leader), node("p1", Postgres, SyncStandby).behind(0), node("p3", Postgres, Replica).behind(0.04)),
			Up, "p2 leads, 1 sync standby, 1 replica, 0.0 s behind",
		},
		{picture(node("p2", Postgres, Leader), node("p1", Postgres, SyncStandby).behind(7.25), dead("p3", Postgres)), Ailing, "p2 leads, 1 sync standby, 7.2 s behind; p3 is down"},
		{picture(paused, node("p2", Postgres, SyncStandby)), Up, "p1 leads, 1 sync standby; in maintenance: nobody takes over"},
		{
			picture(dead("p2", Postgres), node("p1", Postgres, SyncStandby)).since(Postgres, 7*time.Second),
			Down, "no leader for 7 s: writes wait in the outbox, reads go on; p2 is down",
		},
		{
			picture(dead("p2", Postgres), dead("p1", Postgres)).since(Postgres, 9*time.Second),
			Down, "nothing to read or write for 9 s: comments wait in the outbox, articles come from copies",
		},
		{picture(node("r1", Redis, Primary), node("r2", Redis, Replica).behind(0), node("r3", Redis, Replica)), Up, "r1 is the primary, 2 replicas, 0.0 s behind"},
		{
			picture(dead("r1", Redis), node("r2", Redis, Replica)).since(Redis, 3*time.Second),
			Down, "no primary for 3 s: pages come from memory and Postgres, and comments need Postgres; r1 is down",
		},
		{picture(named(node("s1", Sentinel, ""), "r1"), named(node("s2", Sentinel, ""), "r1"), dead("s3", Sentinel)), Ailing, "quorum, 2 of 3; primary is r1; s3 is down"},
		{picture(named(node("s1", Sentinel, ""), "r1"), named(node("s2", Sentinel, ""), "r2")), Up, "quorum, 2 of 2; they name r1 and r2"},
		{
			picture(look("s1", Sentinel, sight{state: Ailing}), dead("s2", Sentinel), dead("s3", Sentinel)),
			Down, "no quorum, 0 of 3: Redis goes on as it is, and nobody can take over from its primary",
		},
		{picture(node("e1", Etcd, Follower), node("e2", Etcd, Leader), dead("e3", Etcd)), Ailing, "e2 is the leader; quorum, 2 of 3; e3 is down"},
		{
			picture(node("e1", Etcd, ""), dead("e2", Etcd), dead("e3", Etcd)),
			Down, "no quorum, 1 of 3: Postgres goes on as it is, and nobody can take over from its leader; e2 is down; e3 is down",
		},
		{picture(node("v1", Edge, ""), node("v2", Edge, "")), Up, "2 of 2 up"},
		{picture(node("v1", Edge, ""), dead("v2", Edge)), Ailing, "1 of 2 up, so the next loss is an outage; v2 is down"},
		{picture(dead("b1", Server), dead("b2", Server)), Down, "0 of 2 up: the edge serves what it has"},
	} {
		groups := test.p.Groups(noon)
		if len(groups) != 1 || groups[0].State != test.state || groups[0].Says != test.says {
			t.Errorf("got %s %q\nwant %s %q", groups[0].State, groups[0].Says, test.state, test.says)
		}
	}
}

func TestHeadline(t *testing.T) {
	up := func(name string, kind Kind) Status { return look(name, kind, sight{state: Up, role: Leader}) }
	is := func(name string, kind Kind, state State) Status { return look(name, kind, sight{state: state}) }
	for want, p := range map[string]Picture{
		"2 of 2 nodes are not looked at yet":                         picture(is("b1", Server, Unknown), is("p1", Postgres, Unknown)),
		"All 2 nodes are up":                                         picture(up("b1", Server), up("p1", Postgres)),
		"b2 is down, p2 is ailing, and every service goes on":        picture(up("b1", Server), is("b2", Server, Down), up("p1", Postgres), is("p2", Postgres, Ailing)),
		"4 of 5 nodes are down or ailing, and every service goes on": picture(up("b1", Server), is("b2", Server, Down), is("b3", Server, Down), is("b4", Server, Down), is("b5", Server, Down)),
		"Servers: 0 of 1 up: the edge serves what it has. Postgres: no leader for 7 s: writes wait in the outbox, reads go on": picture(
			is("b1", Server, Down), look("p1", Postgres, sight{state: Up, role: Replica})).since(Postgres, 7*time.Second),
	} {
		if got := p.Headline(noon); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGroupsComeInTheOrderOfARequest(t *testing.T) {
	var nodes []Status
	for _, kind := range Kinds {
		nodes = append([]Status{look("n", kind, sight{state: Up})}, nodes...)
	}
	for i, g := range picture(nodes...).Groups(noon) {
		if g.Kind != Kinds[i] || g.Label == "" {
			t.Errorf("%d: %+v", i, g)
		}
	}
}
