// Package recorded holds cases of the fleet test as they once came out, for whoever has no fleet to kill: what was done,
// what readers and writers got second by second, and where and when that was measured. `go run ./test/fleet -record
// internal/recorded/runs` puts others in their place; docs/fleet.md says how.
package recorded

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed runs/*.json
var files embed.FS

// A Case is one case of the fleet test. Times are in seconds from its begin, unless they say otherwise.
type Case struct {
	Name     string    `json:"name"` // as the fleet test calls it: "postgres-leader-kill"
	Does     string    `json:"does"` // what was done: "kill -9: one postgres leader"
	Targets  []string  `json:"targets"`
	Began    time.Time `json:"began"`
	Revision string    `json:"revision"`
	Machine  string    `json:"machine"`
	Rate     float64   `json:"reads_per_second"`

	// When it was done, when it was undone, and what came of it second by second. A case may be without these: that was
	// recorded before they were kept.
	Fault   float64 `json:"fault_s,omitzero"`
	Heal    float64 `json:"heal_s,omitzero"`
	Seconds Seconds `json:"seconds,omitzero"`

	Healthy Latency `json:"healthy"` // before the fault
	Under   Latency `json:"under"`   // from the fault to the heal
	Reads   Served  `json:"reads"`   // from the fault to the end: the blog's
	Cached  Served  `json:"cached"`  // of these, those of pages that an edge may have a copy of
	Twin    Served  `json:"twin"`    // the naive twin's, the same program without protections

	TwinPercent float64 `json:"twin_percent,omitzero"` // of the twin's reads that failed, where their number wasn't kept

	Comments     Comments `json:"comments"`
	DirectAfter  float64  `json:"direct_after_s"`  // from the fault until comments were written to Postgres at once again; 0: they always were, below 0: never again
	DirectWithin float64  `json:"direct_within_s"` // what the test allows for that; 0: any time
	WholeAfter   float64  `json:"whole_after_s"`   // from the heal until every part was well

	Broken []string `json:"broken,omitempty"` // bounds of the test that did not hold
	Before []string `json:"before,omitempty"` // what did not hold in earlier tries of it
}

// Seconds are counts by second of a case, and the p99 of the readers due in each, in milliseconds. Those of readers have
// the same length, but for the twin's, which may be missing. Those of comments may be longer: writers who were refused come
// again when no reader does any more. IsZero tells that there are none.
type Seconds struct {
	Served  []int     `json:"served"`
	Failed  []int     `json:"failed"`
	P99     []float64 `json:"p99_ms"`
	Direct  []int     `json:"direct"`  // comments that Postgres had at once
	Outbox  []int     `json:"outbox"`  // that the outbox took
	Refused []int     `json:"refused"` // answers that were none, or no

	TwinServed []int `json:"twin_served,omitempty"`
	TwinFailed []int `json:"twin_failed,omitempty"`
}

// IsZero reports whether no seconds were kept.
func (s Seconds) IsZero() bool { return len(s.Served) == 0 }

// Latency is in milliseconds, from when a reader was due.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// Served says how many of some readers got no whole page in time.
type Served struct {
	Failed int `json:"failed"`
	Of     int `json:"of"`
}

// Comments are those of a case, held against the leader's table when all was whole again.
type Comments struct {
	Acknowledged int `json:"acknowledged"`
	Outbox       int `json:"outbox"` // of these, by the outbox
	Lost         int `json:"lost"`   // acknowledged, and not in the table
	Doubled      int `json:"doubled"`
	Disordered   int `json:"disordered"`
	Refused      int `json:"refused"` // answers that said no; their writers sent the same form again
}

// suffix is that of a case's file.
const suffix = ".json"

// Cases returns the cases that came with the program, in the order of their names. It panics on a file that is none, which
// a test keeps out.
func Cases() []Case { return slices.Clone(cases()) }

var cases = sync.OnceValue(func() []Case {
	all, err := load(files)
	if err != nil {
		panic(err)
	}
	return all
})

// LeaderLost are the cases in which a standby of Postgres has to wait for the end of a lease, since nobody gives it back.
var LeaderLost = []string{"postgres-leader-kill", "postgres-leader-pause"}

// LeaderLostAndHeld returns the first case of LeaderLost that kept all its bounds, else the first that was recorded.
func LeaderLostAndHeld() (found Case, ok bool) {
	for _, name := range LeaderLost {
		c, there := Find(name)
		there = there && c.DirectAfter > 0
		if there && len(c.Broken) == 0 {
			return c, true
		}
		if there && !ok {
			found, ok = c, true
		}
	}
	return found, ok
}

// Find returns a case by its name.
func Find(name string) (Case, bool) {
	all := Cases()
	i := slices.IndexFunc(all, func(c Case) bool { return c.Name == name })
	if i < 0 {
		return Case{}, false
	}
	return all[i], true
}

// load reads each runs/NAME.json.
func load(from fs.FS) ([]Case, error) {
	names, err := fs.Glob(from, "runs/*"+suffix)
	if err != nil {
		return nil, err
	}
	all := make([]Case, len(names))
	for i, name := range names {
		text, err := fs.ReadFile(from, name)
		if err == nil {
			err = json.Unmarshal(text, &all[i])
		}
		if err == nil {
			err = all[i].check(strings.TrimSuffix(filepath.Base(name), suffix))
		}
		if err != nil {
			return nil, fmt.Errorf("recorded case %s: %w", name, err)
		}
	}
	return all, nil
}

// check refuses what couldn't be told truthfully.
func (c Case) check(name string) error {
	s := c.Seconds
	n := len(s.Served)
	switch {
	case c.Name != name:
		return fmt.Errorf("it calls itself %q", c.Name)
	case c.Does == "" || c.Began.IsZero() || c.Revision == "" || c.Machine == "":
		return errors.New("it doesn't say what was done, when, and of which revision on which machine")
	case n == 0 && (c.Fault != 0 || c.Heal != 0 || len(s.Failed)+len(s.P99)+len(s.Direct)+len(s.Outbox)+len(s.Refused)+len(s.TwinServed) > 0):
		return errors.New("it has no seconds of readers, but something else by second")
	case n == 0:
		return nil
	case len(s.Failed) != n || len(s.P99) != n:
		return errors.New("its seconds of readers are not all of the same length")
	case len(s.Direct) < n || len(s.Outbox) != len(s.Direct) || len(s.Refused) != len(s.Direct):
		return errors.New("its seconds of writers are not all of the same length, or fewer than the readers'")
	case len(s.TwinServed) != len(s.TwinFailed) || len(s.TwinServed) != 0 && len(s.TwinServed) != n:
		return errors.New("the twin's seconds are not as many as the others")
	case !(0 < c.Fault && c.Fault < c.Heal && c.Heal < float64(n)):
		return fmt.Errorf("the fault, from %g to %g s, is not within its %d s", c.Fault, c.Heal, n)
	}
	return nil
}

// TwinFailed is the share of the twin's reads that failed, in percent.
func (c Case) TwinFailed() float64 {
	if c.Twin.Of == 0 {
		return c.TwinPercent
	}
	return 100 * float64(c.Twin.Failed) / float64(c.Twin.Of)
}

// Failed is the share of the blog's reads that failed, in percent.
func (c Case) Failed() float64 { return 100 * float64(c.Reads.Failed) / float64(max(1, c.Reads.Of)) }

// Write puts the case into a directory, in a file of its own.
func (c Case) Write(dir string) error {
	if err := c.check(c.Name); err != nil {
		return fmt.Errorf("case %s can't be recorded: %w", c.Name, err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, c.Name+suffix), append(text, '\n'), 0o644)
}
