package main

import (
	"strings"
	"time"

	"afloat/test/fleet/state"
)

// A scenario is one thing that breaks, for a while, and what must hold meanwhile.
type scenario struct {
	Name    string // also of its files
	Does    string // what happens, for the table
	role    role   // of a single container; the zero value for several
	action  action
	targets []string // services, or roles such as "postgres leader", which are looked up when it begins
	hold    time.Duration
	restart string // a server that is restarted in the middle
	bounds  bounds
	CI      bool // one of those that a usual run does
	twin    bool // concerns what the naive twin stands on
}

// A role is what one container is for. Any one that has the role stands for all.
type role struct {
	name   string
	target string   // a service, or a role that is looked up
	of     []string // the services that may have it, without their number
	alone  bool     // shares the holder's network, and so can't be disconnected by itself
}

func roles() []role {
	return []role{
		{name: "front", target: "front1", of: []string{"front1", "front2"}, alone: true},
		{name: "front's port", target: "front", of: []string{"front"}},
		{name: "edge", target: "edge1", of: []string{"edge1", "edge2"}},
		{name: "balancer", target: "balancer1", of: []string{"balancer1", "balancer2"}},
		{name: "blog", target: "blog2", of: []string{"blog1", "blog2", "blog3"}},
		{name: "recommendations", target: "recommendations1", of: []string{"recommendations1", "recommendations2"}},
		{name: "postgres leader", target: "postgres " + state.Leader, of: []string{"postgres1", "postgres2", "postgres3"}},
		{name: "postgres sync standby", target: "postgres " + state.Sync},
		{name: "etcd leader", target: "etcd " + state.Leader, of: []string{"etcd1", "etcd2", "etcd3"}},
		{name: "redis primary", target: "redis " + state.Primary, of: []string{"redis1", "redis2", "redis3"}},
		{name: "redis replica", target: "redis " + state.Replica},
		{name: "sentinel", target: "sentinel1", of: []string{"sentinel1", "sentinel2", "sentinel3"}},
	}
}

// usual are the single ones that a run without -all does.
var usual = []string{
	"postgres-leader-kill", "postgres-leader-pause", "postgres-sync-standby-kill", "redis-primary-kill",
	"redis-primary-pause", "blog-kill", "balancer-kill", "edge-kill", "front-kill", "etcd-leader-kill",
}

// scenarios are the whole matrix: one container of every role × every action, and then what goes together.
func scenarios() []scenario {
	var all []scenario
	for _, r := range roles() {
		for _, a := range actions {
			if a.name == disconnect.name && r.alone {
				continue // it has no network of its own
			}
			s := scenario{Does: a.name + ": one " + r.name, role: r, action: a, targets: []string{r.target}, bounds: boundsOf(r, a), hold: holdOf(r)}
			s.Name = name(r.name + " " + strings.Fields(a.name)[0])
			s.twin = r.target == "postgres "+state.Leader || r.target == "redis "+state.Primary
			all = append(all, s)
		}
	}
	all = append(all, together()...)
	for i := range all {
		for _, u := range usual {
			all[i].CI = all[i].CI || all[i].Name == u
		}
	}
	return all
}

// three are the services NAME1 to NAME3.
func three(name string) []string { return []string{name + "1", name + "2", name + "3"} }

func together() []scenario {
	postgres, redis := three("postgres"), three("redis")
	leader, primary := "postgres "+state.Leader, "redis "+state.Primary
	return []scenario{
		{Name: "leader-and-primary", Does: "kill -9: Postgres leader and Redis primary together", action: kill, targets: []string{leader, primary},
			hold: long, twin: true, bounds: bounds{reads: everyRead, refused: 4 * time.Second, direct: 25 * time.Second}},
		{Name: "all-postgres", Does: "kill -9: all three Postgres", action: kill, targets: postgres,
			hold: short, twin: true, bounds: bounds{reads: everyRead, post: slowestPost}},
		{Name: "all-redis", Does: "kill -9: all three Redis", action: kill, targets: redis,
			hold: short, twin: true, bounds: bounds{reads: everyRead, post: slowestPost}},
		{Name: "all-postgres-and-redis", Does: "kill -9: all Postgres and all Redis; a server restarted meanwhile", action: kill, targets: append(postgres, redis...),
			hold: long, restart: "blog3", CI: true, twin: true, bounds: bounds{reads: everyRead, refused: always}},
		{Name: "all-etcd", Does: "kill -9: all three etcd", action: kill, targets: three("etcd"),
			hold: short, bounds: bounds{reads: everyRead, post: slowestPost}},
		{Name: "all-servers", Does: "kill -9: all three servers", action: kill, targets: three("blog"),
			hold: short, CI: true, bounds: bounds{reads: fromEdge, refused: always}},
		{Name: "zone", Does: "disconnect: a third of everything", action: disconnect,
			targets: []string{"edge1", "balancer1", "blog1", "recommendations1", "postgres1", "etcd1", "redis1", "sentinel1"},
			hold:    long, twin: true, bounds: bounds{reads: everyRead, refused: always, direct: 25 * time.Second, redis: 4 * time.Second}},
		{Name: "postgres-process", Does: "kill -9: the postgres process of the leader", action: killProcess, targets: []string{leader},
			hold: short, bounds: bounds{reads: everyRead, post: slowestPost, direct: 5 * time.Second}},
		{Name: "switchover", Does: "patronictl switchover", action: switchover, targets: []string{leader},
			hold: short, bounds: bounds{reads: everyRead, post: slowestPost, direct: 5 * time.Second}},
		{Name: "rolling-restart", Does: "restart: all three servers, one after the other", action: roll, targets: three("blog"),
			hold: short, bounds: bounds{reads: everyRead, p99: p99Times, refused: always}},
	}
}

// name makes a text a file's name.
func name(text string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ReplaceAll(strings.ToLower(text), "'s", "")), "-")
}
