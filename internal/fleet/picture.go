package fleet

import "time"

// State is how a node is.
type State string

const (
	Unknown State = "unknown" // not probed yet
	Up      State = "up"
	Ailing  State = "ailing" // it answers, and says that something is wrong
	Down    State = "down"   // no answer
)

// Role is what a node is among those of its kind.
type Role string

const (
	Leader      Role = "leader"       // of Postgres or etcd
	SyncStandby Role = "sync standby" // a commit waits for one of these
	Replica     Role = "replica"      // of Postgres or Redis
	Primary     Role = "primary"      // of Redis
	Follower    Role = "follower"     // of etcd
)

// A Status is what is known of a node.
type Status struct {
	Node
	State    State     `json:"state"`
	Since    time.Time `json:"since,omitzero"`    // since when it has this state
	Saw      string    `json:"saw,omitempty"`     // what is wrong, in words
	Role     Role      `json:"role,omitempty"`    // of one that answers; what has only equals has none
	Lag      *Lag      `json:"lag,omitempty"`     // behind the leader or primary; nil: not known, or none to be behind
	Timeline int       `json:"timeline,omitzero"` // of Postgres: one more after each failover
	Paused   bool      `json:"paused,omitzero"`   // Patroni is in maintenance mode: nobody fails over
	Quorum   bool      `json:"quorum,omitzero"`   // of Sentinel and etcd: this node sees enough of the others
	Follows  string    `json:"follows,omitempty"` // of Sentinel: the node, else the address, that it takes for the primary
}

// Lag is how far a replica is behind, measured when it was probed, against
// what the leader had said by then: up to one round of probes too little.
type Lag struct {
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

// A Picture is the fleet at one moment.
type Picture struct {
	Nodes []Status           `json:"nodes"`          // in the order of the fleet's file
	Lost  map[Kind]time.Time `json:"lost,omitempty"` // since when Postgres has no leader, or Redis no primary
}

// sight is what one probe saw.
type sight struct {
	state    State
	saw      string
	role     Role
	at       int64 // of Postgres and Redis: how far its log has come, in bytes
	timeline int
	paused   bool
	quorum   bool
	mute     bool   // it answers, and does not say what it is
	primary  string // of Sentinel: address
}

// A trail remembers when a leader's log had come how far.
type trail struct{ steps []step }

type step struct {
	when time.Time
	at   int64
}

// keptSteps bounds a trail, and with it the longest lag in seconds that can be told.
const keptSteps = 64

// add notes where the leader is. A smaller position is a new log, as Redis
// begins one in a failover; what is remembered of the other means nothing then.
func (t *trail) add(now time.Time, at int64) {
	if n := len(t.steps); n > 0 && t.steps[n-1].at > at {
		t.steps = nil
	}
	if n := len(t.steps); n > 1 && t.steps[n-1].at == at && t.steps[n-2].at == at {
		t.steps[n-1].when = now // nothing is written: one step covers the pause
		return
	}
	if len(t.steps) == keptSteps {
		t.steps = t.steps[1:]
	}
	t.steps = append(t.steps, step{now, at})
}

// behind is the lag of who is at this position now; nil where no leader is known.
func (t *trail) behind(now time.Time, at int64) *Lag {
	if len(t.steps) == 0 {
		return nil
	}
	lag := &Lag{Bytes: max(0, t.steps[len(t.steps)-1].at-at)}
	for _, s := range t.steps {
		if s.at > at {
			lag.Seconds = now.Sub(s.when).Seconds()
			break
		}
	}
	return lag
}
