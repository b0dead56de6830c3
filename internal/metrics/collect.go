package metrics

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"afloat/internal/fault"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// Sources are what is read at each scrape. None of them is asked over a
// network: a scrape works, and takes as long, whatever is down.
type Sources struct {
	Recorder *telemetry.Recorder
	Guards   []*resilience.Guard
	Postgres map[string]func() *pgxpool.Stat // by the pool's name
	Redis    func() *redis.PoolStats         // nil: there is no Redis
	Links    []*fault.Link
	Version  func() (version int64, vouched bool)               // of the site
	Snapshot func() (version int64, made time.Time, there bool) // in use on this server
	Outbox   func() Outbox                                      // nil: there is none
}

// Outbox is what became of the comments that the database didn't take.
type Outbox struct {
	Waiting  int
	Accepted map[string]int // by the number of disks
	Written  int
	Refused  map[string]int // by class of the error
	Passed   int            // sent to the database while the outbox was out of reach
}

// collector turns Sources into metrics when it is scraped: what they count
// already isn't counted twice.
type collector struct{ Sources }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("afloat_"+name, help, labels, nil)
}

var (
	calls     = desc("calls_total", "Guarded calls that ended, refused ones too.", "policy")
	attempts  = desc("attempts_total", "Tries that reached a dependency.", "policy")
	hedges    = desc("hedges_total", "Of the attempts, the second copies of one that took long.", "policy")
	inFlight  = desc("calls_in_flight", "Guarded calls begun and not ended.", "policy")
	retries   = desc("retries_total", "Of the attempts, the second and later ones of a call.", "policy")
	failures  = desc("failures_total", "Calls that failed at the dependency, by class of the error.", "policy", "class")
	rejected  = desc("rejected_total", "Calls that a protection refused.", "policy", "by")
	unpaid    = desc("retries_unpaid_total", "Calls that failed for want of a retry which the budget refused.", "policy")
	breakers  = desc("breaker_state", "1 for the state that the circuit breaker is in.", "policy", "state")
	changes   = desc("breaker_changes_total", "Changes of the circuit breaker's state.", "policy")
	pgConns   = desc("postgres_connections", "Connections of the pool, by what they are doing.", "pool", "state")
	pgMax     = desc("postgres_connections_max", "Most connections that the pool may hold.", "pool")
	pgTaken   = desc("postgres_acquires_total", "Connections taken from the pool.", "pool")
	pgEmpty   = desc("postgres_empty_acquires_total", "Of these, those that had to wait because none was idle.", "pool")
	pgWaited  = desc("postgres_acquire_wait_seconds_total", "Time spent on taking connections from the pool.", "pool")
	pgMade    = desc("postgres_connects_total", "Connections that the pool began to set up. It rises for long where they are lost, or not got, as fast.", "pool")
	rdConns   = desc("redis_connections", "Connections of the pool, by what they are doing.", "state")
	rdHits    = desc("redis_pool_hits_total", "Times that an idle connection was at hand.")
	rdMisses  = desc("redis_pool_misses_total", "Times that none was.")
	rdTimeout = desc("redis_pool_timeouts_total", "Times that waiting for one took too long.")
	faultOn   = desc("fault", "1 while this fault is on, set from the lab.", "link", "kind")
	site      = desc("site_version", "Newest version of the site that this server knows of.")
	vouched   = desc("site_vouched", "1 while that was checked with Postgres lately, so that copies count as current.")
	snapshot  = desc("snapshot_version", "Version of the site in this server's snapshot.")
	waiting   = desc("outbox_waiting", "Comments that wait in the outbox to be written, as far as this server knows.")
	accepted  = desc("outbox_accepted_total", "Comments that this server accepted into the outbox, by the number of disks that they were on by then.", "disks")
	written   = desc("outbox_written_total", "Comments that this server wrote from the outbox to the database.")
	refused   = desc("outbox_refused_total", "Times that the outbox did not accept a comment, by class of the error. One that nobody took may be offered twice.", "class")
	passed    = desc("outbox_passed_total", "Comments that this server sent to the database while the outbox was out of reach, past any that waited there.")
	made      = desc("snapshot_timestamp_seconds", "When that was made, in seconds since 1970.")
)

// Describe names nothing, which makes the collector an unchecked one: which
// error classes there are shows in the course of time.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	out := sink(ch)
	for _, p := range c.Recorder.Policies() {
		out.count(calls, float64(p.Calls), p.Name)
		out.count(attempts, float64(p.Attempts), p.Name)
		out.count(retries, float64(p.Retries), p.Name)
		out.count(hedges, float64(p.Hedges), p.Name)
		for class, n := range p.Failures {
			out.count(failures, float64(n), p.Name, class)
		}
		out.count(rejected, float64(p.Rejected.Breaker), p.Name, "breaker")
		out.count(rejected, float64(p.Rejected.Bulkhead), p.Name, "bulkhead")
		out.count(unpaid, float64(p.BudgetSpent), p.Name)
		out.count(changes, float64(p.BreakerChanges), p.Name)
	}
	for _, g := range c.Guards {
		out.gauge(inFlight, float64(g.InFlight()), g.Policy().Name)
		now := g.State()
		if now == "" {
			continue // without a breaker, which is not the same as a closed one
		}
		for _, s := range []resilience.BreakerState{resilience.Closed, resilience.HalfOpen, resilience.Open} {
			out.flag(breakers, s == now, g.Policy().Name, string(s))
		}
	}
	c.faults(out)
	v, ok := c.Version()
	out.gauge(site, float64(v))
	out.flag(vouched, ok)
	if v, at, there := c.Snapshot(); there {
		out.gauge(snapshot, float64(v))
		out.gauge(made, float64(at.Unix()))
	}
	c.outbox(out)
	c.pools(out)
}

// faults tells which are on. Of one that is hidden only that there is one: on each link alike, or it would be named.
func (c *collector) faults(out sink) {
	hidden := false
	for _, l := range c.Links {
		f, on := l.Current()
		hidden = hidden || on && f.Hidden
	}
	for _, l := range c.Links {
		f, on := l.Current()
		for _, kind := range fault.Kinds {
			out.flag(faultOn, on && kind == f.Kind && !hidden, l.Name(), string(kind))
		}
		out.flag(faultOn, hidden, l.Name(), "hidden")
	}
}

func (c *collector) outbox(out sink) {
	if c.Outbox == nil {
		return
	}
	o := c.Outbox()
	out.gauge(waiting, float64(o.Waiting))
	out.count(written, float64(o.Written))
	out.count(passed, float64(o.Passed))
	for disks, n := range o.Accepted {
		out.count(accepted, float64(n), disks)
	}
	for class, n := range o.Refused {
		out.count(refused, float64(n), class)
	}
}

func (c *collector) pools(out sink) {
	for name, stat := range c.Postgres {
		s := stat()
		out.gauge(pgConns, float64(s.AcquiredConns()), name, "acquired")
		out.gauge(pgConns, float64(s.IdleConns()), name, "idle")
		out.gauge(pgConns, float64(s.ConstructingConns()), name, "connecting")
		out.gauge(pgMax, float64(s.MaxConns()), name)
		out.count(pgTaken, float64(s.AcquireCount()), name)
		out.count(pgEmpty, float64(s.EmptyAcquireCount()), name)
		out.count(pgMade, float64(s.NewConnsCount()), name)
		out.count(pgWaited, s.AcquireDuration().Seconds(), name)
	}
	if c.Redis == nil {
		return
	}
	s := c.Redis()
	out.gauge(rdConns, float64(s.IdleConns), "idle")
	out.gauge(rdConns, float64(s.TotalConns)-float64(s.IdleConns), "used")
	out.count(rdHits, float64(s.Hits))
	out.count(rdMisses, float64(s.Misses))
	out.count(rdTimeout, float64(s.Timeouts))
}

// sink is where metrics go.
type sink chan<- prometheus.Metric

func (s sink) count(d *prometheus.Desc, v float64, labels ...string) {
	s.send(d, prometheus.CounterValue, v, labels)
}

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.send(d, prometheus.GaugeValue, v, labels)
}

func (s sink) flag(d *prometheus.Desc, on bool, labels ...string) {
	v := 0.0
	if on {
		v = 1
	}
	s.gauge(d, v, labels...)
}

// send leaves a bad metric to the handler, which leaves it out: an error class
// comes from a server, and may be no text at all.
func (s sink) send(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels []string) {
	m, err := prometheus.NewConstMetric(d, kind, v, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(d, err)
	}
	s <- m
}
