package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// An Outbox keeps the comments that Postgres doesn't take at the moment: a
// stream in Redis, from which they are written once a leader is back. It is
// safe for concurrent use, by the servers of a fleet too.
//
// A comment that was accepted is on disk, on three of them where Redis has two
// replicas (outbox_disks.go); it is written exactly once, in the order of
// acceptance among those of its article (outbox_drain.go); and meanwhile its
// article shows it (outbox_shown.go).
//
// What loses an accepted comment, before it is written:
//   - kept on three disks: the loss of all three;
//   - kept on two, since a replica was away: the loss of both, or of the
//     primary while the replica that has it is away too, so that Sentinel
//     promotes the one that lacks it;
//   - kept on one, as in light mode: the loss of that disk.
//
// A process or machine that stops and comes back with its disk loses nothing,
// however many do. Once written, a comment is Postgres's to keep.
type Outbox struct {
	redis      *redis.Client
	db         *DB
	replicated bool
	order, add *resilience.Guard
	policy     policy.Outbox
	poll, warn time.Duration
	log        *slog.Logger
	more       chan struct{} // a comment was accepted

	mu      sync.Mutex
	shown   []waiting       // in order of acceptance
	total   int             // entries in the stream, when last counted
	stuck   map[string]bool // articles that the database lacks, and that was logged
	waits   bool            // that comments wait was logged
	version atomic.Int64
	stats   outboxStats
}

type outboxStats struct {
	accepted, written, refused sync.Map
	passed                     atomic.Int64
	warned                     atomic.Int64 // when a warning last told of one that passed, in Unix nanoseconds
}

// OutboxOptions is what NewOutbox needs.
type OutboxOptions struct {
	Redis      *redis.Client
	DB         *DB  // its leader takes the comments
	Replicated bool // Redis has replicas, and one of their disks at least must have a comment too
	Table      policy.Table
	Server     policy.Server
	Observe    func(resilience.Event)
	Log        *slog.Logger
}

// NewOutbox contacts nothing. Run has to run for anything to be written.
func NewOutbox(o OutboxOptions) (*Outbox, error) {
	order, err := resilience.NewGuard(o.Table.OutboxOrder.Policy, Classify, o.Observe)
	if err != nil {
		return nil, err
	}
	add, err := resilience.NewGuard(o.Table.Outbox.Policy, Classify, o.Observe)
	if err != nil {
		return nil, err
	}
	return &Outbox{redis: o.Redis, db: o.DB, replicated: o.Replicated, order: order, add: add,
		policy: o.Server.Outbox, poll: o.Server.Poll, warn: o.Server.Warn, log: o.Log, more: make(chan struct{}, 1), stuck: map[string]bool{}}, nil
}

// Guards are the guards of the outbox, for display.
func (o *Outbox) Guards() []*resilience.Guard { return []*resilience.Guard{o.order, o.add} }

// claimed is what Redis knows of a comment before it is added.
type claimed struct {
	written int64 // its id, if it was written by way of the outbox
	waits   bool  // it waits, or another of its article does: so it has to go through the outbox
}

// ask finds out whether a comment may go to Postgres directly. Its key with
// other content is ErrKeyReused.
func (o *Outbox) ask(ctx context.Context, n NewComment) (claimed, error) {
	c, _, err := resilience.Call(ctx, o.order, func(ctx context.Context) (claimed, error) {
		pipe := o.redis.Pipeline()
		claim := pipe.HMGet(ctx, claimKey(n.Key), "hash", "id")
		waiting := pipe.HGet(ctx, outboxSlugs, n.Slug)
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) { // that is: none waits
			return claimed{}, err
		}
		hash, _ := claim.Val()[0].(string)
		id, _ := claim.Val()[1].(string)
		if hash != "" && hash != contentHash(n) {
			return claimed{}, ErrKeyReused
		}
		written, _ := strconv.ParseInt(id, 10, 64)
		return claimed{written, waiting.Err() == nil || hash != "" && written == 0}, nil
	})
	return c, err
}

// Add accepts a comment. It returns without an error only once the comment is
// on disk; Comment.Disks tells on how many. Called again with its key it finds
// the first entry, waits for the disks again, and returns that entry, or the
// comment that it has become. The key with other content is ErrKeyReused.
func (o *Outbox) Add(ctx context.Context, n NewComment) (Comment, resilience.Report, error) {
	c, report, err := resilience.Call(ctx, o.add, func(ctx context.Context) (Comment, error) { return o.accept(ctx, n) })
	switch {
	case err != nil:
		count(&o.stats.refused, resilience.ErrClass(err))
	case c.Entry != "":
		count(&o.stats.accepted, strconv.Itoa(c.Disks))
		o.remember(c)
		select {
		case o.more <- struct{}{}:
		default: // Run knows already
		}
	}
	return c, report, err
}

// errNoTime refuses a comment that has taken its time already.
var errNoTime = errors.New("no time is left to ask the outbox once more")

// addAgain adds a comment that nobody took, if that was said soon after it had begun. A writer who is refused waits for
// seconds, and a moment may be enough: a breaker lets somebody in again, a busy replica has written the entry that is
// there already. It waits at random, since many are refused together.
func (o *Outbox) addAgain(ctx context.Context, n NewComment, begun time.Time) (Comment, resilience.Report, error) {
	left := o.policy.Again - time.Since(begun)
	if left <= 0 {
		return Comment{}, resilience.Report{}, errNoTime
	}
	select {
	case <-time.After(left/2 + rand.N(left/2+1)):
		return o.Add(ctx, n)
	case <-ctx.Done():
		return Comment{}, resilience.Report{}, ctx.Err()
	}
}

// pass notes that a comment goes to the database while the outbox is out of reach: it may stand before one that waits.
// Each is told, for somebody may look for it, but only one now and then as a warning: an outage is few of those.
func (o *Outbox) pass(ctx context.Context, n NewComment, why error) {
	o.stats.passed.Add(1)
	level, now, last := slog.LevelInfo, time.Now(), o.stats.warned.Load()
	if now.Sub(time.Unix(0, last)) >= o.warn && o.stats.warned.CompareAndSwap(last, now.UnixNano()) {
		level = slog.LevelWarn
	}
	o.log.Log(ctx, level, PassesOutbox, "article", n.Slug, "key_hash", KeyHash(n.Key), "err", why)
}

// PassesOutbox is the message of the log for a comment that goes past an outbox out of reach; its attribute
// "key_hash" is that of the Comment.
const PassesOutbox = "comment goes past the outbox, which is out of reach: it may stand before one that waits there"

// accept writes the entry and waits for the disks on one connection: WAITAOF
// speaks of what its own connection has written.
func (o *Outbox) accept(ctx context.Context, n NewComment) (Comment, error) {
	conn := o.redis.Conn()
	defer conn.Close()
	if err := evictsNothing(ctx, conn); err != nil {
		return Comment{}, err
	}
	if !o.replicated {
		if err := answersFromDisk(ctx, conn); err != nil {
			return Comment{}, err
		}
	}
	answer, err := acceptScript.Run(ctx, conn, []string{outboxStream, outboxSlugs, claimKey(n.Key)},
		contentHash(n), n.Slug, n.Author, n.Body, n.HTML, n.Key).StringSlice()
	if err != nil {
		return Comment{}, fmt.Errorf("adding to the outbox: %w", err)
	}
	c := Comment{Slug: n.Slug, Author: n.Author, HTML: n.HTML, KeyHash: KeyHash(n.Key), Disks: 1}
	switch answer[0] {
	case "reused":
		return Comment{}, ErrKeyReused
	case "written":
		c.Created = entryTime(answer[1])
		c.ID, err = strconv.ParseInt(answer[2], 10, 64)
		return c, err
	}
	c.Entry, c.Created = answer[1], entryTime(answer[1])
	if o.replicated {
		c.Disks, err = waitForDisks(ctx, conn, o.policy.Sync)
	} else {
		err = onOwnDisk(ctx, conn, o.policy.Sync)
	}
	if err != nil {
		return Comment{}, err
	}
	// For other servers to show. Nobody depends on it: the promise is kept or not whatever this says.
	_ = noteDisksScript.Run(ctx, conn, []string{outboxStream, outboxDisks}, c.Entry, c.Disks).Err()
	return c, nil
}
