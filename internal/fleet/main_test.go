package fleet

import (
	"testing"

	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	logging.Disable() // as the store does it: a line for each failed dial
	// A closed pool that was looking for its server ends that a second later.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// look is a node as a probe saw it.
func look(name string, kind Kind, seen sight) Status {
	return Status{Node: Node{Name: name, Kind: kind}, State: seen.state, Saw: seen.saw, Role: seen.role, Timeline: seen.timeline, Paused: seen.paused, Quorum: seen.quorum}
}
