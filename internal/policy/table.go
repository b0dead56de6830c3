package policy

import (
	"errors"
	"fmt"
	"time"

	"afloat/internal/resilience"
)

// Row is how one kind of call to a dependency is protected, and for how long
// its answers may be reused.
type Row struct {
	Link string // the dependency: postgres, redis, recommendations
	resilience.Policy
	Stale resilience.StalePolicy
}

// Copies is how long copies shared through Redis live.
type Copies struct {
	Fresh  time.Duration // served as cached; 0 = no copies in Redis
	Jitter float64       // ± share of Fresh, so that copies made together don't expire together
	Keep   time.Duration // kept as stale copies, from when they were made
	Queue  int           // commands that may wait to be sent together with others; 0 = each is sent by itself
	Bytes  int           // of all copies together; beyond it the oldest go
	Number int           // of copies; beyond it the oldest go
}

// Table is every policy of one server.
type Table struct {
	Name string // afloat, naive, custom

	PostReads       Row // articles, lists, tags, archive, feed, from Postgres
	Search          Row // full text search, in Postgres
	Redis           Row // the shared copies of articles and lists
	CommentReads    Row // comments of an article, from Postgres
	CommentCounts   Row // comment counts on lists, from Postgres
	CommentWrites   Row // new comments, to Postgres
	OutboxOrder     Row // whether comments of an article wait in the outbox, from Redis
	Outbox          Row // new comments that Postgres doesn't take, to Redis
	Recommendations Row // similar articles, over HTTP
	Popular         Row // popular now, from Redis
	Views           Row // page views, batched to Redis
	Bulk            Row // background reads of everything: snapshot, recommendations' documents

	Copies   Copies
	Page     Page
	Fallback bool                  // the snapshot serves when nothing else can
	Shed     resilience.ShedPolicy // the readers' requests that the server takes at once

	Postgres Postgres
	RedisLib RedisLib
	HTTP     HTTP
}

// Page is what a reader's request may cost.
type Page struct {
	Budget  time.Duration // longest wait for an article, rendering apart
	Slot    time.Duration // longest wait for the optional parts, counted from the start; 0 = as long as they take
	Stream  bool          // flush the article first and the parts as they come
	Isolate bool          // an optional part that fails or panics costs itself only
	Hot     time.Duration // how long a finished page is sent to further readers as it is; 0 = not at all
}

// Postgres is how the pgx pool is set up. Zero values are the library's
// defaults.
type Postgres struct {
	ConnectTimeout  time.Duration // pgx default: none
	ConnectPatience time.Duration // what ConnectTimeout may grow to while set-ups come too late; 0 = it stays
	Connects        int           // connections that all pools together set up at once; 0 = as many as are wanted
	PingTimeout     time.Duration // pgx default: none
	PingIdle        time.Duration // a connection idle for longer is pinged before use; pgx default 1 s
	ReadCap         time.Duration // longest wait for one dial or one read of a socket; pgx default: none
	Grace           time.Duration // a statement that nobody waits for any more is cancelled after this long; 0 = at once, with its connection
	MaxConns        int32         // pgx default: the larger of 4 and the number of CPUs
	MinIdleConns    int32         // pgx default 0
	Replicas        Replicas
}

// Replicas is how a database of several servers is used: one pool that writes,
// on the leader, and two that read, on different replicas where there are two.
// Without several servers it is of no effect. Zero values are pgx's defaults,
// and protections that are off.
type Replicas struct {
	WriteConns int32         // of the pool that writes, in the place of MaxConns
	ReadConns  int32         // of each pool that reads
	Connects   int           // of Postgres.Connects, at most so many for one pool; 0 = all
	Lifetime   time.Duration // a connection for reading is replaced after this long; pgx default 1 h
	Rest       time.Duration // after a failure, how long a pool is the second choice; 0 = not at all
	Believe    time.Duration // for how long a server that said it follows isn't asked for a connection to the leader; 0 = not at all
	Ask        time.Duration // how often each server is asked whether it leads, on a connection beside the pools; 0 = not at all
	Pause      time.Duration // after the leader was asked for in vain, how long at most until it is asked for again, at random from half of it on; 0 = at once
	Behind     time.Duration // a replica further behind than this no longer counts as fresh; 0 = any does
}

// RedisLib is how the go-redis client is set up. Zero durations and sizes are
// the library's defaults.
type RedisLib struct {
	LibraryRetries bool          // let go-redis try again by itself, as it does by default: 4 tries of a command, 5 of a dial
	HeedContext    bool          // a call ends with its context; go-redis default: it does not
	DialTimeout    time.Duration // go-redis default 5 s
	ReadTimeout    time.Duration // go-redis default 5 s
	PoolTimeout    time.Duration // go-redis default: ReadTimeout + 1 s
	PoolSize       int           // go-redis default: 10 per CPU

	// Of a Redis with sentinels.
	SentinelTimeout time.Duration // longest wait for a sentinel's answer; go-redis default 5 s
	SentinelEvery   time.Duration // how often they are asked where the primary is; 0 = for each new connection only
}

// HTTP is how the client of the recommendations service is set up.
type HTTP struct {
	DialTimeout     time.Duration // Go default 30 s
	MaxConnsPerHost int           // Go default: unlimited
	MaxIdlePerHost  int           // Go default 2
	Rest            time.Duration // of several servers, one that failed is not asked for this long, unless all have; 0 = not at all
}

// Rows are the table's rows, in its order.
func (t Table) Rows() []Row {
	var rows []Row
	for _, r := range t.rows() {
		rows = append(rows, *r)
	}
	return rows
}

func (t *Table) rows() []*Row {
	return []*Row{&t.PostReads, &t.Search, &t.Redis, &t.CommentReads, &t.CommentCounts, &t.CommentWrites, &t.OutboxOrder, &t.Outbox, &t.Recommendations, &t.Popular, &t.Views, &t.Bulk}
}

// Links maps each row's name to the dependency it calls.
func (t Table) Links() map[string]string {
	links := map[string]string{}
	for _, r := range t.Rows() {
		links[r.Name] = r.Link
	}
	return links
}

// Longest is the longest that all attempts of a row and the waits between them
// can take; 0 is no bound.
func (r Row) Longest() time.Duration {
	if r.AttemptDeadline == 0 {
		return r.Deadline
	}
	longest := r.AttemptDeadline
	for retry := 1; retry < r.Retry.Attempts; retry++ {
		longest += r.Retry.Backoff.Ceiling(retry) + r.AttemptDeadline
	}
	return longest
}

// Validate holds the rows to the page's budget and to each other. Each row's
// own sense is checked where its guard is made.
func (t Table) Validate() error {
	var bad []error
	for _, r := range t.Rows() {
		if r.Deadline > 0 && r.Longest() > r.Deadline {
			bad = append(bad, fmt.Errorf("%s: attempts × deadline + backoff take up to %v, which its deadline of %v cuts off: a try that can't finish is load for nothing", r.Name, r.Longest(), r.Deadline))
		}
		if !r.Idempotent && r.Retry.Attempts > 1 {
			bad = append(bad, fmt.Errorf("%s: is not idempotent and has %d attempts: it needs an idempotency key, or one attempt", r.Name, r.Retry.Attempts))
		}
	}
	if t.Page.Budget > 0 && t.Redis.Deadline+t.PostReads.Deadline > t.Page.Budget {
		bad = append(bad, fmt.Errorf("an article that no cache holds takes up to %v + %v, over the page's budget of %v", t.Redis.Deadline, t.PostReads.Deadline, t.Page.Budget))
	}
	for _, r := range []Row{t.CommentReads, t.CommentCounts, t.Recommendations, t.Popular} {
		if t.Page.Slot > 0 && r.Deadline > t.Page.Slot {
			bad = append(bad, fmt.Errorf("%s: its deadline of %v is over the slot's %v, so its reason for failing would never be known", r.Name, r.Deadline, t.Page.Slot))
		}
	}
	return errors.Join(bad...)
}
