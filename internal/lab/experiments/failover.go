package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"afloat/internal/lab"
	"afloat/internal/recorded"
)

var (
	patroniSettings = lab.Reference{Text: "Patroni: dynamic configuration settings (ttl, loop_wait)", URL: "https://patroni.readthedocs.io/en/latest/dynamic_configuration.html"}
	patroniQuorum   = lab.Reference{Text: "Patroni: replication modes (quorum commit)", URL: "https://patroni.readthedocs.io/en/latest/replication_modes.html"}
	ourPatroni      = lab.Reference{Text: "deploy/postgres/patroni.yml", URL: "/source/deploy/postgres/patroni.yml"}
	ourOutbox       = lab.Reference{Text: "internal/store/outbox.go", URL: "/source/internal/store/outbox.go"}
)

// What deploy/postgres/patroni.yml says, in seconds, and how many comments a second the fleet test's writers begin.
const (
	leaseTTL      = 20.0
	leaseLoop     = 2.0
	commentsBegun = 5.0
)

var _ = register(130, &lab.Experiment{
	Name: "failover", Title: "A server dies",
	Question: "The database's leader is killed while readers come and five comments a second are written. For how long do readers get errors?",
	Choices:  []string{"Until a standby leads, about 20 s", "For a second or two, until the connections are made again", "Not at all"},
	Answer:   2,

	Label: lab.Recorded,
	SetUp: "Not measured now: a run of the fleet test, as it was recorded, with its date, machine and revision. The fleet is every part twice or three times, in containers on one machine: PostgreSQL under Patroni, Redis under Sentinel, three blog servers, two of each balancer and edge. One part, or what goes together, is broken from outside, held so for 20 or 35 s, and brought back. The naive twin, the same program without protections, stands on the same leader and the same Redis, and is read at the same time.",

	Params: []lab.Param{{Name: "case", Label: "what is broken", Kind: lab.Choice, Default: defaultCase(), Choices: caseNames()}},
	Load:   lab.Load{Callers: "readers and writers of the fleet, through its published port", For: 50 * time.Second, Words: "as many a second as the record says, in an open loop, Poisson arrivals, Zipf over all articles, a new connection each and one attempt; five comments a second, each with a key"},
	Measures: []string{
		"readers without a whole page within 5 s, and their p99; the twin's",
		"comments acknowledged, by the outbox too; held against the leader's table at the end: lost, doubled, out of order",
		"seconds until comments are written to Postgres at once again, and until every part is well",
	},

	Expect: []lab.Expectation{
		{Claim: "comments acknowledged and lost, doubled or out of order: 0", Tolerance: "exact", Source: patroniQuorum},
		{Claim: "a leader that vanishes is replaced when its lease ends, ttl − loop_wait to ttl after it was last renewed: comments are direct again after 18 to 25 s", Tolerance: "5 s for the election and the way back", Source: patroniSettings},
		{Claim: "comments that the outbox takes meanwhile: 5 a second × seconds until direct", Tolerance: "± 20 %", Source: ourOutbox},
		{Claim: "the fleet test's own bounds: readers who may fail, p99, refusals", Tolerance: "those of test/fleet/bounds.go", Source: ourFleetTest},
	},
	Explain: []string{
		"Two things are hidden in “a server dies”: that somebody else can do its work, and that everybody learns who. A page server holds nothing of its own, so a balancer asks the next one, within the same request, and no reader notices. A database leader holds the only place where writes are put in order. There must never be two, so the others have to be sure that it is gone.",
		"Patroni makes sure with a lease in etcd, renewed every 2 s (loop_wait) and good for 20 s (ttl). A leader that dies just after renewing it leaves 20 s to wait, one that dies just before it 18 s; then a standby that has every commit is promoted. Patroni allows no ttl under 20 s, so nobody fails over sooner without being told: a planned switchover takes under two.",
		"Readers don't wait for any of that. Their pages come from an edge's copy, from a server's memory, or from a standby, which says how far it may be behind. Writers can't be answered so. The outbox takes their comments, in Redis, and puts them into Postgres when there is a leader. A comment's key sees to it that one which was sent twice is there once.",
		"No commit is acknowledged before one standby has it too (synchronous_mode: quorum), and only a standby that has every acknowledged commit may be promoted. That is what “0 lost” rests on.",
	},
	Hurts: []string{
		"Asynchronous replicas lose what they had not yet got when they are promoted: Redis does so by its nature, and PostgreSQL without synchronous_mode. What was acknowledged and lost is worse than what was refused, for nobody knows it.",
		"A short lease flaps. A leader that is only slow, or an etcd that is, costs the lease, and a failover is an outage of its own. So loop_wait + 2 × retry_timeout must fit into ttl, and ttl can't be under 20 s.",
		"Without a majority there are two leaders, or none. Two halves of a network that both go on writing can't be merged again (split brain). Three members of etcd are there so that only one half can have two of them.",
		"What all parts share fails all at once: here the machine, its disk and the holder of the published port. Three copies on one disk are one copy.",
	},
	Sources: []lab.Reference{patroniSettings, patroniQuorum, ourPatroni, ourOutbox, ourFleetTest},
	Run:     failover,
})

// caseNames are the recorded cases.
func caseNames() (names []string) {
	for _, c := range recorded.Cases() {
		names = append(names, c.Name)
	}
	return names
}

// defaultCase is the leader's end in a run that held, if one was recorded, else the first case.
func defaultCase() string {
	if c, ok := recorded.LeaderLostAndHeld(); ok && len(c.Broken) == 0 {
		return c.Name
	}
	return append(caseNames(), "")[0]
}

func failover(ctx context.Context, rig *lab.Rig, v lab.Values, tell func(lab.Progress)) (lab.Result, error) {
	tell(lab.Progress{Done: 0.5, Say: "reading what was recorded"})
	c, ok := recorded.Find(v.Choice("case"))
	if !ok {
		return lab.Result{}, errors.New("no run of this case was recorded: make one with " + makeFleet(v.Choice("case")))
	}
	return failoverTold(c, rig.Fleet), ctx.Err()
}

// makeFleet is the command for a run of one's own.
func makeFleet(name string) string { return fmt.Sprintf("make fleet-test CASES=%s", name) }
