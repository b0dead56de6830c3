// Package policy is the one table of every timeout, retry and limit, with the
// reason for each number.
//
// A row is a kind of call; its columns are the protections of package
// resilience. [Afloat] and [Naive] are two values of the same [Table]: the
// naive twin is this very program with the protections off and each library
// left at its defaults. [Custom] is any table between the two. No other file of
// the program holds a timeout.
//
// Page budget: an article is answered within [Page.Budget] even when every
// cache misses and every dependency hangs. [Table.Validate] holds the rows to
// it: attempts × deadline + backoff of each rung, added up.
package policy

import (
	"time"

	"afloat/internal/resilience"
)

const ms = time.Millisecond

// Afloat is the table the blog runs with.
func Afloat() Table {
	// Half of the calls failing is an outage, not noise; five calls are enough
	// to say so. Half a second open is short beside any outage and long beside a
	// healthy call, and lets the page be fresh within two seconds of recovery
	// even when the first probe meets a connection that died in the outage.
	breaker := resilience.BreakerPolicy{Window: 5 * time.Second, MinCalls: 5, FailureRatio: 0.5, OpenFor: 500 * ms, Probes: 1}
	// The SRE book's rule (ch. 21): a client retries only while retries are
	// under 10 % of its requests. Ten saved tokens ride out a short blip.
	budget := resilience.BudgetPolicy{Ratio: 0.1, Burst: 10}
	// A healthy query takes about 1 ms, so a first wait of up to 10 ms outlasts
	// a dropped connection, and full jitter keeps callers apart.
	backoff := resilience.Backoff{Base: 10 * ms, Cap: 40 * ms, Jitter: resilience.FullJitter}

	return Table{
		Name: "afloat",
		PostReads: Row{
			Link: "postgres",
			Policy: resilience.Policy{
				Name:            "post reads",
				Idempotent:      true,                                                  // a read
				AttemptDeadline: 70 * ms,                                               // about 50 × a healthy query, and three fit
				Retry:           resilience.RetryPolicy{Attempts: 3, Backoff: backoff}, // SRE ch. 21: at most three
				Deadline:        245 * ms,                                              // 3 × 70 + 10 + 20, rounded up; with Redis before it, inside the page's budget
				Budget:          budget,
				Breaker:         breaker,
				Bulkhead:        resilience.BulkheadPolicy{Limit: 12, Wait: 20 * ms}, // of 32 connections: the rest stay for the other rows
				// Only where there are replicas: the second copy asks another one. Healthy
				// reads from them take 1 to 2 ms at p95 and 10 ms at p99, on a busy machine;
				// so 10 ms costs next to no second copies and leaves one 60 ms. One of
				// twenty at the most, as for recommendations.
				Hedge:   resilience.HedgePolicy{After: 10 * ms, Ratio: 0.05, Burst: 5},
				Isolate: true,
			},
			Stale: resilience.StalePolicy{
				Fresh:    1 * time.Second,  // what a reader accepts without a thought
				Behind:   30 * time.Second, // safe, because a newer version is noticed within a second and ends it
				Keep:     24 * time.Hour,   // an article a day old beats no article
				Patience: 50 * ms,          // what nobody notices
				Pause:    500 * ms,         // two tries a second for each key are enough to notice recovery
				Jitter:   0.1,              // copies made together don’t expire together
				Coalesce: true,             // one query for all who miss at once
			},
		},
		Search: Row{Link: "postgres", Policy: resilience.Policy{
			Name:            "search",
			Idempotent:      true,                                                  // a read
			AttemptDeadline: 120 * ms,                                              // ranking and highlighting cost more than a read by key
			Retry:           resilience.RetryPolicy{Attempts: 2, Backoff: backoff}, // one more try outlasts a dropped connection; a third would not fit the deadline
			Deadline:        250 * ms,                                              // then the snapshot's text is searched instead
			Budget:          budget,
			Breaker:         breaker,
			Bulkhead:        resilience.BulkheadPolicy{Limit: 4, Wait: 20 * ms}, // a crawler's searches must not starve articles
			Isolate:         true,
		}},
		Redis: Row{Link: "redis", Policy: resilience.Policy{
			Name:            "redis copies",
			Idempotent:      true,    // a read
			AttemptDeadline: 40 * ms, // a healthy GET takes 0.2 ms; a slow cache is worse than none
			Deadline:        40 * ms, // one attempt: the next rung is the retry
			Breaker:         breaker,
			Bulkhead:        resilience.BulkheadPolicy{Limit: 32, Wait: 0}, // a GET holds its place for 0.2 ms; more at once means that Redis is slow, and the next rung is at hand
			Isolate:         true,
		}},
		CommentReads: Row{
			Link: "postgres",
			Policy: resilience.Policy{
				Name:            "comment reads",
				Idempotent:      true,                                                  // a read
				AttemptDeadline: 100 * ms,                                              // two fit into the slot
				Retry:           resilience.RetryPolicy{Attempts: 2, Backoff: backoff}, // one more try outlasts a dropped connection; a third would not fit the deadline
				Deadline:        230 * ms,                                              // inside the slot, so that the reason is known before it closes
				Budget:          budget,
				Breaker:         breaker,
				Bulkhead:        resilience.BulkheadPolicy{Limit: 6, Wait: 20 * ms}, // half of the articles’ places: comments may wait their turn
				// As for articles, and only where there are replicas: 2 to 3 ms at p95,
				// 10 to 20 ms at p99.
				Hedge:   resilience.HedgePolicy{After: 10 * ms, Ratio: 0.05, Burst: 5},
				Isolate: true,
			},
			Stale: resilience.StalePolicy{
				Fresh:    1 * time.Second,  // a hidden comment is gone within two
				Behind:   500 * ms,         // a reader in the half second after Fresh need not wait either
				Keep:     10 * time.Minute, // older discussions mislead; say that they are out of reach
				Patience: 50 * ms,          // what nobody notices
				Pause:    500 * ms,         // two tries a second for each key are enough to notice recovery
				Coalesce: true,             // one query for all who miss at once
			},
		},
		CommentCounts: Row{
			Link: "postgres",
			Policy: resilience.Policy{
				Name:            "comment counts",
				Idempotent:      true,     // a read
				AttemptDeadline: 100 * ms, // as for comments
				Deadline:        100 * ms, // a number beside a title is not worth a retry
				Breaker:         breaker,
				Bulkhead:        resilience.BulkheadPolicy{Limit: 2, Wait: 20 * ms}, // two lists at once, since one answer serves all readers of a list
				Isolate:         true,
			},
			Stale: resilience.StalePolicy{
				Fresh: 5 * time.Second, Behind: 30 * time.Second, Keep: 10 * time.Minute, // nobody counts along
				Patience: 20 * ms, Pause: 500 * ms, Jitter: 0.1, Coalesce: true, // as for articles: what nobody notices, two tries a second, spread by a tenth, one fetch for all who miss
			},
		},
		CommentWrites: Row{Link: "postgres", Policy: resilience.Policy{
			Name:            "comment writes",
			Idempotent:      true,                                                  // only because each carries an idempotency key
			AttemptDeadline: 180 * ms,                                              // a commit waits for the disk, and for a standby's
			Retry:           resilience.RetryPolicy{Attempts: 2, Backoff: backoff}, // one more try outlasts a dropped connection, and the key makes it safe; past that the outbox is the better try
			Deadline:        400 * ms,                                              // with the question before it and the outbox after it, a writer hears within 800 ms
			Budget:          resilience.BudgetPolicy{Ratio: 0.5, Burst: 10},        // writes are few, and each is somebody's work
			Breaker:         breaker,
			Bulkhead:        resilience.BulkheadPolicy{Limit: 4, Wait: 30 * ms}, // what the deadline leaves beside two attempts; who finds no place has the outbox
			Isolate:         true,
		}},
		OutboxOrder: Row{Link: "redis", Policy: resilience.Policy{
			Name:            "outbox order",
			Idempotent:      true,    // a read
			AttemptDeadline: 40 * ms, // as for copies: a healthy answer takes 0.2 ms
			Deadline:        40 * ms, // one attempt: every new comment waits for it, and without an answer the order is what gives way
			Breaker:         breaker,
			Bulkhead:        resilience.BulkheadPolicy{Limit: 8, Wait: 0}, // comments are few; more at once means that Redis is slow
			Isolate:         true,
		}},
		Outbox: Row{Link: "redis", Policy: resilience.Policy{
			Name:            "outbox",
			Idempotent:      true,                                                  // the key is claimed together with the entry, so a second try finds the first
			AttemptDeadline: 140 * ms,                                              // the wait for the disks, and what is around it
			Retry:           resilience.RetryPolicy{Attempts: 2, Backoff: backoff}, // nothing comes after it, and the claim makes it safe
			Deadline:        300 * ms,                                              // the rest of the 800 ms in which a writer hears
			Budget:          resilience.BudgetPolicy{Ratio: 0.5, Burst: 10},        // as for comment writes
			Breaker:         breaker,
			Bulkhead:        resilience.BulkheadPolicy{Limit: 8, Wait: 10 * ms}, // each holds a connection while it waits for the disks
			Isolate:         true,
		}},
		Recommendations: Row{
			Link: "recommendations",
			Policy: resilience.Policy{
				Name:            "recommendations",
				Idempotent:      true,                                                  // a read
				AttemptDeadline: 100 * ms,                                              // two fit into the slot
				Retry:           resilience.RetryPolicy{Attempts: 2, Backoff: backoff}, // one more try outlasts a dropped connection; a third would not fit the deadline
				Deadline:        230 * ms,                                              // inside the slot, so that the reason is known before it closes
				Budget:          budget,
				Breaker:         breaker,
				Bulkhead:        resilience.BulkheadPolicy{Limit: 8, Wait: 20 * ms}, // half of the connections that the client may open
				// Healthy answers take 0.4 ms at p95 and 2 ms at p99.9; ten times the
				// former on a busy machine. So 10 ms costs next to no second copies and
				// leaves one 90 ms. One of twenty at the most: "The Tail at Scale" counts
				// on 5 % for hedging at the p95. Search and Redis have none: a second copy of
				// a search is work that others wait for, and the one Redis that takes writes
				// would meet the same cause again. Nor has Postgres where it is one server.
				Hedge:   resilience.HedgePolicy{After: 10 * ms, Ratio: 0.05, Burst: 5},
				Isolate: true,
			},
			Stale: resilience.StalePolicy{
				Fresh: 30 * time.Second, Behind: 30 * time.Second, Keep: 24 * time.Hour, // similar articles stay similar; past a minute, say that nobody confirms it
				Patience: 50 * ms, Pause: 500 * ms, Jitter: 0.1, Coalesce: true, // as for articles: what nobody notices, two tries a second, spread by a tenth, one fetch for all who miss
			},
		},
		Popular: Row{
			Link: "redis",
			Policy: resilience.Policy{
				Name:            "popular now",
				Idempotent:      true,    // a read
				AttemptDeadline: 60 * ms, // a healthy answer takes 0.3 ms
				Deadline:        60 * ms, // one attempt: it is the least of the parts
				Breaker:         breaker,
				Bulkhead:        resilience.BulkheadPolicy{Limit: 4, Wait: 0}, // one answer serves everybody, so few ask
				Isolate:         true,
			},
			Stale: resilience.StalePolicy{
				Fresh: 5 * time.Second, Behind: 30 * time.Second, Keep: 10 * time.Minute, // after that it isn't "now"
				Patience: 20 * ms, Pause: 500 * ms, Jitter: 0.1, Coalesce: true, // as for articles: what nobody notices, two tries a second, spread by a tenth, one fetch for all who miss
			},
		},
		Views: Row{Link: "redis", Policy: resilience.Policy{
			Name:            "page views",
			Idempotent:      false,    // an increment sent twice counts twice, so it has one attempt
			AttemptDeadline: 500 * ms, // nobody waits for it
			Deadline:        500 * ms, // nobody waits for it
			Breaker:         breaker,
			Isolate:         true,
		}},
		Bulk: Row{Link: "postgres", Policy: resilience.Policy{
			Name:       "background reads",
			Idempotent: true,                                         // a read
			Deadline:   60 * time.Second,                             // 100,000 articles take seconds
			Bulkhead:   resilience.BulkheadPolicy{Limit: 2, Wait: 0}, // the snapshot and the recommendations’ documents; no more are ever needed
			Isolate:    true,
		}},
		Copies: Copies{
			Fresh:  30 * time.Second, // safe, because a newer version makes them stale at once
			Jitter: 0.2,              // copies made together don’t expire together
			Keep:   24 * time.Hour,   // as in memory
			Queue:  64,               // twice the bulkhead: its callers, and those who gave up a moment ago
			Bytes:  64 << 20,         // half of the 128 MiB that Redis may use: nothing is evicted there, and the outbox needs its room
			Number: 20_000,           // what Redis keeps beside each copy is some 400 bytes, so 8 MB of that at the most
		},
		// 200 ms is five renderings a second of the hottest page, and with the
		// comments' own 1.5 s keeps a hidden comment's end under two seconds.
		Page:     Page{Budget: 300 * ms, Slot: 300 * ms, Stream: true, Isolate: true, Hot: 200 * ms},
		Fallback: true,
		Shed: resilience.ShedPolicy{
			Limit:  300, // a page takes a core about 1 ms: with more than its budget's worth in flight all would be late; 200 readers a second with everything hanging are 60
			Normal: 0.8, // lists: no burst of those keeps an article out
			Low:    0.5, // searches and what crawlers read
		},
		Postgres: Postgres{
			ConnectTimeout:  400 * ms,        // a local connect with SCRAM takes 10 ms; several hosts are tried in turn
			ConnectPatience: 1 * time.Second, // a server that makes two connections a second can still be reached; recovery is promised within twice that
			Connects:        2,               // more would slow each other down on two cores; three servers have half a dozen, on what may be one machine
			PingTimeout:     250 * ms,        // a ping takes 0.1 ms; a connection that does not answer in this time is replaced, and as with Grace that is dear
			PingIdle:        100 * ms,        // after a restart every idle connection is dead; a ping finds out for 0.1 ms
			ReadCap:         500 * ms,        // above the longest attempt; a connection that a link swallowed leaves the pool after two caps, without them after 15 s
			Grace:           400 * ms,        // to cancel costs Postgres two processes, which take 20 to 100 ms, and a read takes 1 ms; with two caps it is below the 2 s of recovery
			MaxConns:        32,              // the bulkheads' sum of 28 and a few spare, so that recovery finds a free one
			MinIdleConns:    2,               // the first readers after a quiet time need not connect
			Replicas: Replicas{
				// With one server left all pools connect to it. Three blogs then have
				// 3 × (8 + 2 × 16), and 3 × 8 in the background: 144 of its 200.
				WriteConns: 8,               // the bulkhead of writes lets 4 in at once; the others are for whoever moderates
				Connects:   1,               // or a pool whose leader is gone would keep the others waiting
				ReadConns:  16,              // two pools hold the 24 that the bulkheads let in; the 12 of articles fit into one
				Lifetime:   1 * time.Minute, // then reads go home to a replica that is back; a connect takes 10 ms, and 16 a minute cost nothing
				Rest:       500 * ms,        // as long as a breaker is open: two reads a second find out whether it is well again
				Believe:    3 * time.Second, // each pool is read from every second or two, readers or not; a server that comes to lead says so at the next read
				Ask:        500 * ms,        // each server is asked by itself, since after a restart no pool reads from it for a minute; 18 answers a second of 0.1 ms
				Pause:      1 * time.Second, // readers hear of another leader within that; to be refused costs a server 20 to 100 ms, and three blogs ask
				Behind:     3 * time.Second, // as Server.Vouch: nobody has looked at the origin for longer than that
			},
		},
		RedisLib: RedisLib{
			HeedContext: true,     // else a hung link costs 5 s, whatever a row says
			DialTimeout: 100 * ms, // a local connect takes 0.1 ms
			ReadTimeout: 500 * ms, // the rows' deadlines are shorter; this bounds what ignores a context
			PoolTimeout: 20 * ms,  // as the bulkhead’s wait: a queue in the pool is a queue all the same
			PoolSize:    32,       // as many as the bulkhead lets in

			SentinelTimeout: 50 * ms,  // an answer takes 1 ms; with a sentinel silent, half of DialTimeout is left for the dial
			SentinelEvery:   250 * ms, // a failover takes 2 s; a quarter of one more is what noticing it may add
		},
		HTTP: HTTP{
			DialTimeout:     100 * ms, // a local connect takes 0.1 ms
			MaxConnsPerHost: 16,       // the bulkhead's 8, and as many hedges
			MaxIdlePerHost:  16,       // all are kept: a connect costs more than the call
			Rest:            500 * ms, // as the breaker is open: two of a second's calls find out whether a server is back, and a retry saves each of them
		},
	}
}

// Naive is the same table as a quick start would have it: no isolation,
// retry, breaker, bulkhead, cache or deadline beyond each library's defaults.
func Naive() Table {
	row := func(link, name string) Row { return Row{Link: link, Policy: resilience.Policy{Name: name}} }
	return Table{
		Name:            "naive",
		PostReads:       row("postgres", "post reads"),
		Search:          row("postgres", "search"),
		Redis:           row("redis", "redis copies"),
		CommentReads:    row("postgres", "comment reads"),
		CommentCounts:   row("postgres", "comment counts"),
		CommentWrites:   row("postgres", "comment writes"),
		OutboxOrder:     row("redis", "outbox order"),
		Outbox:          row("redis", "outbox"),
		Recommendations: row("recommendations", "recommendations"),
		Popular:         row("redis", "popular now"),
		Views:           row("redis", "page views"),
		Bulk:            row("postgres", "background reads"),
		RedisLib:        RedisLib{LibraryRetries: true},
		HTTP:            HTTP{DialTimeout: 30 * time.Second}, // as http.DefaultTransport has it
	}
}
