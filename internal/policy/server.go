package policy

import "time"

// Server is every time and limit of the program that is not a call to a
// dependency. Both twins share it.
type Server struct {
	ReadHeaderTimeout time.Duration
	ReadTimeout       time.Duration
	WriteTimeout      time.Duration
	IdleTimeout       time.Duration
	MaxHeaderBytes    int
	MaxFormBytes      int64
	Unready           time.Duration // at shutdown, how long /readyz says 503 before the listener closes; not where ADDR is loopback: no balancer is there to notice
	Drain             time.Duration // at shutdown, how long open requests may take to end
	RetryAfter        time.Duration // what a 503 asks for
	Vouch             time.Duration // how long after a version check copies count as current
	Poll              time.Duration // how often the site's version is polled, LISTEN or not
	Listen            time.Duration // a silent LISTEN connection is replaced after this long
	Reconnect         time.Duration // pause before background work tries a lost dependency again
	LongPoll          time.Duration // longest wait of one request for a change of the faults
	Warm              time.Duration // at the start, longest wait for the database's first connections, before the first request is taken
	WarmLook          time.Duration // how often that is looked at
	Settle            time.Duration // after the start, until work begins that nobody waits for, such as compressing style sheets
	FlushViews        time.Duration // page views are batched for this long
	ViewHalfLife      time.Duration // popular now: a view counts half after this long
	ViewsKeep         time.Duration // after the last view, until Redis forgets what was popular
	Command           time.Duration // longest a command may work on the database
	Publish           time.Duration // the same for publishing
	Warn              time.Duration // one WARN line for each part and error class this often
	CommentsPerMinute int           // new comments from one address
	PostsPerMinute    int           // comment requests from one address, replays included
	MemoryLimit       int64         // bytes; nearer to it the collector works harder. Soft, and GOMEMLIMIT has precedence
	HotEntries        int           // finished pages kept in memory
	MemoryEntries     int           // copies kept in memory, for each kind of page
	Outbox            Outbox
	Fault             Fault
	Fleet             Fleet
	Child             Child
	Edge              Edge
}

// A server asks for its turn to migrate every MigrationTurnEvery seconds (the
// locker's unit; its default of 5 keeps servers that start together waiting),
// MigrationTurns times.
const (
	MigrationTurnEvery = 1
	MigrationTurns     = 300
)

// Outbox is how comments wait in Redis for a database that takes them.
type Outbox struct {
	Sync   time.Duration // longest wait for the replicas, and once more for their disks
	Again  time.Duration // a comment that nobody has taken by then is refused; sooner, it is offered once more
	Claim  time.Duration // how long a key is remembered there once its comment is written
	Drain  time.Duration // longest one round of writing
	Linger time.Duration // how long a written comment is shown from here: until copies that lack it are gone
	Batch  int           // comments written in one transaction
	Shown  int           // comments that wait and are shown
}

// Fault is the limits of the lab's faults.
type Fault struct {
	For, MaxFor         time.Duration // a fault ends by itself
	Latency, MaxLatency time.Duration
	Rate                float64
	ProbeTimeout        time.Duration // no answer to a probe within this long is a hang
	ProbeEvery          time.Duration // how often a fault that is on is verified again
	ConfirmWait         time.Duration // how long an order waits for its verification
}

// Edge is for how long a CDN may serve a page, and how it is told that one has
// changed. A purge is quick but may get lost; Fresh and Behind are what holds
// then: no reader gets a page that is older than both together while a server
// answers.
type Edge struct {
	Fresh  time.Duration // s-maxage: served as it is; whole seconds
	Behind time.Duration // stale-while-revalidate: for this long after Fresh it is served and refreshed behind the reader; whole seconds
	Keep   time.Duration // stale-if-error: for this long after Fresh it stands in for a page that can't be had complete; whole seconds
	Purge  Purge
}

// Purge is how an edge is told what has changed.
type Purge struct {
	Timeout time.Duration // one try
	Pause   time.Duration // between two purges of one edge, after a failed one too
	Tags    int           // as many at once; more are a purge of the whole site
}

// Fleet is how a server watches the other nodes of its fleet, and hears of its
// peers' faults.
type Fleet struct {
	Every     time.Duration // from the end of a node's probe to the next
	Timeout   time.Duration // no answer to a probe within this long is none; the same for a connection to a peer
	KeepAlive time.Duration // a connection to a peer that is silent this long is asked for a sign of life, so often as well
	Strikes   int           // unanswered signs of life until the connection is given up
}

// Child is how private child processes are supervised.
type Child struct {
	Start, Stop             time.Duration // to become ready, to end by itself
	Ready                   time.Duration // between two looks at a starting child
	RestartBase, RestartCap time.Duration // backoff between restarts
	Stable                  time.Duration // a child that ran this long starts with the first wait again
}

// Serve is the one value of [Server].
func Serve() Server {
	return Server{
		ReadHeaderTimeout: 5 * time.Second,  // a slow client must not hold a connection for ever
		ReadTimeout:       10 * time.Second, // the largest form is 64 KiB
		WriteTimeout:      30 * time.Second, // above the longest poll; a reader who stops reading must not keep a page in memory for ever
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    16 << 10,
		MaxFormBytes:      64 << 10,
		Unready:           3 * time.Second, // balancers that probe every second with two strikes have noticed by then
		Drain:             5 * time.Second,
		RetryAfter:        5 * time.Second,
		Vouch:             3 * time.Second, // two polls missed
		Poll:              1 * time.Second, // a change is seen within two seconds even without LISTEN
		Listen:            30 * time.Second,
		Reconnect:         1 * time.Second,
		LongPoll:          20 * time.Second, // under any proxy's idle timeout
		Warm:              1 * time.Second,  // a dozen slow connections, and a read on each; without the database, a start takes this much longer
		WarmLook:          10 * ms,
		Settle:            1 * time.Second, // the first readers have their pages by then, and have them without it
		FlushViews:        2 * time.Second,
		ViewHalfLife:      1 * time.Hour,
		ViewsKeep:         24 * time.Hour, // 24 half-lives: nothing that anybody would call popular is left
		Command:           1 * time.Minute,
		Publish:           30 * time.Minute, // 100,000 articles take minutes
		Warn:              10 * time.Second,
		CommentsPerMinute: 10,
		PostsPerMinute:    300,
		MemoryLimit:       40 << 20, // twice what is in use with every cache full: the collector can live with that
		HotEntries:        200,      // about 8 MB of pages, plain and compressed; more aren't made in the moment for which they are kept
		MemoryEntries:     500,      // about 10 MB of articles at 20 KB each; the next rungs, Redis and the snapshot, hold all
		Outbox: Outbox{
			Sync:   30 * ms,         // WAIT and WAITAOF take 1 to 8 ms; with a replica gone each comment waits for this long, and up to 100 ms longer, for Redis looks at its clock ten times a second
			Again:  450 * ms,        // with the outbox's deadline of 300 ms after it, a writer hears within 800 ms
			Claim:  24 * time.Hour,  // a writer who sends again does so within minutes; the database remembers for ever
			Drain:  3 * time.Second, // three hosts that don't answer to a dial, and the work
			Linger: 2 * time.Second, // above a copy's 1.5 s and a finished page's 0.2 s
			Batch:  100,             // of 4 KB each usually; a transaction of 0.1 s
			Shown:  500,             // 2 MB of memory; what is beyond them waits unseen
		},
		Fault: Fault{
			For:          2 * time.Minute, // long enough to look around, short enough to forget
			MaxFor:       30 * time.Minute,
			Latency:      2 * time.Second,
			MaxLatency:   30 * time.Second,
			Rate:         0.3,
			ProbeTimeout: 1 * time.Second,
			ProbeEvery:   2 * time.Second,
			ConfirmWait:  1500 * ms,
		},
		Fleet: Fleet{
			Every:     2 * time.Second, // a failover takes 2 s (Redis) to 20 s (Postgres); Patroni answers in Python, three servers ask
			Timeout:   1 * time.Second, // a thousand times a healthy answer; a machine that is busy with a failover takes its time
			KeepAlive: 2 * time.Second, // a peer cut off from the network sends no goodbye, and its long poll would wait for its whole patience
			Strikes:   2,               // 6 s until the peer is asked anew, which is when it catches up
		},
		Child: Child{
			Start:       30 * time.Second, // initdb on a slow disk
			Stop:        5 * time.Second,
			Ready:       10 * ms,
			RestartBase: 100 * ms,
			RestartCap:  5 * time.Second,
			Stable:      10 * time.Second,
		},
		Edge: Edge{
			Fresh:  1 * time.Second, // takes all but one request a second for a page off the servers
			Behind: 1 * time.Second, // with Fresh two seconds: as soon as that a change is promised to be seen, also where its purge got lost
			Keep:   24 * time.Hour,  // as in the servers' own memories: a page a day old beats no page
			Purge: Purge{
				Timeout: 200 * ms, // a purge takes 1 ms; after 2 s nobody need be told any more
				Pause:   50 * ms,  // what is written within it is one purge
				Tags:    50,       // a header of 8 KiB holds as many of the longest
			},
		},
	}
}

// WithComments returns the policy with another limit of new comments a minute from one address, and as many replays to
// each as before; 0 leaves it as it is.
func (s Server) WithComments(perMinute int) Server {
	if perMinute > 0 {
		s.PostsPerMinute = perMinute * (s.PostsPerMinute / s.CommentsPerMinute)
		s.CommentsPerMinute = perMinute
	}
	return s
}
