package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// errNotOnDisk refuses a comment that Redis may have in memory alone. A
// time-out is no acknowledgement.
var errNotOnDisk = errors.New("the outbox can't promise to keep it")

// wantedReplicas are those that a comment waits for.
const wantedReplicas = 2

// RedisReplicated reports whether a REDIS_URL means a primary with replicas,
// found by Sentinel.
func RedisReplicated(location string) bool {
	u, err := url.Parse(location)
	return err == nil && u.Query().Has("master_name")
}

// waitForDisks waits until what conn has written is on the disks of the
// primary and of two replicas; or of those replicas that have it in memory
// within limit. It returns on how many disks it is, if that is enough.
//
// WAIT goes first for two reasons. It tells which replicas are there at all.
// And a replica is asked for its offset once for each waiting, and answers that
// before its fsync: with WAITAOF alone its next word comes with its heartbeat,
// up to a second later. Asked again after WAIT, it has the write on disk.
func waitForDisks(ctx context.Context, conn *redis.Conn, limit time.Duration) (int, error) {
	there, err := conn.Wait(ctx, wantedReplicas, limit).Result()
	if err != nil {
		return 0, fmt.Errorf("%w: WAIT: %w", errNotOnDisk, err)
	}
	counts, err := conn.WaitAOF(ctx, 1, int(min(there, wantedReplicas)), limit).Result()
	if err != nil {
		return 0, fmt.Errorf("%w: WAITAOF: %w", errNotOnDisk, err)
	}
	return judgeDisks(counts)
}

// judgeDisks reads WAITAOF's answer, which comes after a time-out too: on how
// many disks of the primary, and of how many replicas. The primary's alone is
// not enough: were it to fail, what a replica lacks would be gone.
func judgeDisks(counts []int64) (int, error) {
	if len(counts) != 2 || counts[0] < 1 || counts[1] < 1 {
		return 0, fmt.Errorf("%w: it is on the disks of %v (primary, replicas)", errNotOnDisk, counts)
	}
	return 1 + int(min(counts[1], wantedReplicas)), nil
}

// evictsNothing makes sure that a Redis short of memory refuses. The outbox has
// no expiry, so the policies that evict what has one leave it alone as well.
func evictsNothing(ctx context.Context, conn *redis.Conn) error {
	set, err := conn.ConfigGet(ctx, "maxmemory-policy").Result()
	if err != nil {
		return fmt.Errorf("%w: CONFIG GET: %w", errNotOnDisk, err)
	}
	if policy := set["maxmemory-policy"]; policy == "" || strings.HasPrefix(policy, "allkeys") {
		return fmt.Errorf("%w: Redis has maxmemory-policy %s", errNotOnDisk, policy)
	}
	return nil
}

// onOwnDisk makes sure that what conn has written is on the disk of a Redis
// without replicas. With appendfsync always the answer itself came after that;
// but for the time in which a log that was switched on at run time is first
// made. From 7.2 on WAITAOF knows better, and is asked.
func onOwnDisk(ctx context.Context, conn *redis.Conn, limit time.Duration) error {
	counts, err := conn.WaitAOF(ctx, 1, 0, limit).Result()
	switch {
	case redis.HasErrorPrefix(err, "unknown command"):
		return nil
	case err != nil:
		return fmt.Errorf("%w: WAITAOF: %w", errNotOnDisk, err)
	case len(counts) != 2 || counts[0] < 1:
		return fmt.Errorf("%w: it is on the disks of %v (primary, replicas)", errNotOnDisk, counts)
	}
	return nil
}

// answersFromDisk makes sure that a Redis without replicas answers a write only
// once it is on disk, which is the promise of appendfsync always.
func answersFromDisk(ctx context.Context, conn *redis.Conn) error {
	set, err := conn.ConfigGet(ctx, "*append*").Result()
	if err != nil {
		return fmt.Errorf("%w: CONFIG GET: %w", errNotOnDisk, err)
	}
	for setting, want := range map[string]string{"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"} {
		if set[setting] != want {
			return fmt.Errorf("%w: Redis has %s %s, not %s", errNotOnDisk, setting, set[setting], want)
		}
	}
	return nil
}
