package policy

// Protection names one fault-tolerance pattern that can be switched on by
// itself: see [Custom].
type Protection string

// The protections, in the order in which the ladder from the naive table to
// Afloat's adds them: what keeps a failure small first, then what serves
// without the dependency, then what asks it again, then what spares it.
const (
	Isolation   Protection = "isolation"
	Deadline    Protection = "deadline"
	Cache       Protection = "cache"
	Stale       Protection = "stale"
	Coalescing  Protection = "coalescing"
	Retry       Protection = "retry"
	Backoff     Protection = "backoff"
	Jitter      Protection = "jitter"
	RetryBudget Protection = "retry-budget"
	Breaker     Protection = "breaker"
	Bulkhead    Protection = "bulkhead"
	Hedge       Protection = "hedge"
	Shedding    Protection = "shedding"
)

// Info is what to tell of a protection.
type Info struct {
	Protection
	Label  string
	Does   string       // in one sentence
	Needs  []Protection // without these it has no effect, or only half of it
	Source string       // the file that is the pattern
	Lesson int          // of the syllabus
}

// aSwitch is a protection and its columns of the table. Each column is set by
// one switch; those that no switch sets say what a call is, not how it is
// protected: link, name, idempotent.
type aSwitch struct {
	Info
	row   func(to, from *Row)   // copies its columns of each row; nil: it has none
	table func(to, from *Table) // copies its columns beside the rows; nil: it has none
}

var switches = []aSwitch{
	{
		Info{Isolation, "Isolation", "An optional part that fails or panics costs itself only, not the page.", nil, "internal/resilience/isolate.go", 2},
		func(to, from *Row) { to.Isolate = from.Isolate },
		func(to, from *Table) { to.Page.Isolate = from.Page.Isolate },
	},
	{
		Info{Deadline, "Deadlines", "No call, connection or page is waited for longer than a fixed time.", nil, "internal/resilience/deadline.go", 3},
		func(to, from *Row) { to.Deadline, to.AttemptDeadline = from.Deadline, from.AttemptDeadline },
		func(to, from *Table) {
			to.Page.Budget, to.Page.Slot, to.Page.Stream = from.Page.Budget, from.Page.Slot, from.Page.Stream
			to.Postgres.ConnectTimeout, to.Postgres.ConnectPatience = from.Postgres.ConnectTimeout, from.Postgres.ConnectPatience
			to.Postgres.ReadCap, to.Postgres.Grace = from.Postgres.ReadCap, from.Postgres.Grace
			to.Postgres.PingTimeout, to.Postgres.PingIdle = from.Postgres.PingTimeout, from.Postgres.PingIdle
			to.Postgres.Replicas.Lifetime = from.Postgres.Replicas.Lifetime
			to.RedisLib.HeedContext, to.RedisLib.PoolTimeout = from.RedisLib.HeedContext, from.RedisLib.PoolTimeout
			to.RedisLib.DialTimeout, to.RedisLib.ReadTimeout = from.RedisLib.DialTimeout, from.RedisLib.ReadTimeout
			to.RedisLib.SentinelTimeout, to.RedisLib.SentinelEvery = from.RedisLib.SentinelTimeout, from.RedisLib.SentinelEvery
			to.HTTP.DialTimeout = from.HTTP.DialTimeout
		},
	},
	{
		Info{Cache, "Cache", "Copies in memory and in Redis answer for as long as they live, without asking the dependency.", nil, "internal/resilience/cache.go", 9},
		func(to, from *Row) {
			to.Stale.Fresh, to.Stale.Behind, to.Stale.Jitter = from.Stale.Fresh, from.Stale.Behind, from.Stale.Jitter
		},
		func(to, from *Table) {
			to.Copies.Fresh, to.Copies.Jitter, to.Copies.Queue = from.Copies.Fresh, from.Copies.Jitter, from.Copies.Queue
			to.Copies.Bytes, to.Copies.Number = from.Copies.Bytes, from.Copies.Number
			to.Page.Hot = from.Page.Hot
		},
	},
	{
		Info{Stale, "Stale copies", "When the dependency fails, an old copy serves and says how old it is; for an article also the snapshot on the server's disk. A comment is kept in the outbox until the database is back.", []Protection{Cache}, "internal/resilience/stale.go", 9},
		func(to, from *Row) {
			to.Stale.Keep, to.Stale.Patience, to.Stale.Pause = from.Stale.Keep, from.Stale.Patience, from.Stale.Pause
		},
		func(to, from *Table) {
			to.Copies.Keep, to.Fallback = from.Copies.Keep, from.Fallback
			to.Postgres.Replicas.Behind = from.Postgres.Replicas.Behind
		},
	},
	{
		Info{Coalescing, "Coalescing", "Readers who miss at the same moment share one question to the dependency.", nil, "internal/resilience/coalesce.go", 10},
		func(to, from *Row) { to.Stale.Coalesce = from.Stale.Coalesce }, nil,
	},
	{
		Info{Retry, "Retries", "A call that fails for a moment's reason is tried again, three times in all at the most.", nil, "internal/resilience/retry.go", 4},
		func(to, from *Row) { to.Policy.Retry.Attempts = from.Policy.Retry.Attempts }, nil,
	},
	{
		Info{Backoff, "Backoff", "Before each further try there is a pause, longer each time.", []Protection{Retry}, "internal/resilience/backoff.go", 5},
		func(to, from *Row) {
			to.Policy.Retry.Backoff.Base, to.Policy.Retry.Backoff.Cap = from.Policy.Retry.Backoff.Base, from.Policy.Retry.Backoff.Cap
		}, nil,
	},
	{
		Info{Jitter, "Jitter", "The pauses are drawn at random, so that callers who failed together don't come back together.", []Protection{Retry, Backoff}, "internal/resilience/backoff.go", 5},
		func(to, from *Row) { to.Policy.Retry.Backoff.Jitter = from.Policy.Retry.Backoff.Jitter }, nil,
	},
	{
		Info{RetryBudget, "Retry budget", "Retries stay a fixed share of the calls, however many fail.", []Protection{Retry}, "internal/resilience/budget.go", 6},
		func(to, from *Row) { to.Policy.Budget = from.Policy.Budget }, nil,
	},
	{
		Info{Breaker, "Circuit breaker", "When too many calls fail, the next ones are refused at once, and a few probes find out when it is over; a hang is a failure only with a deadline.", nil, "internal/resilience/breaker.go", 8},
		func(to, from *Row) { to.Policy.Breaker = from.Policy.Breaker },
		func(to, from *Table) {
			to.HTTP.Rest, to.Postgres.Replicas.Rest = from.HTTP.Rest, from.Postgres.Replicas.Rest
		},
	},
	{
		Info{Bulkhead, "Bulkheads", "Each kind of call may hold a few places at once, and the pools of connections are sized to fit them.", nil, "internal/resilience/bulkhead.go", 8},
		func(to, from *Row) { to.Policy.Bulkhead = from.Policy.Bulkhead },
		func(to, from *Table) {
			to.Postgres.MaxConns, to.Postgres.MinIdleConns = from.Postgres.MaxConns, from.Postgres.MinIdleConns
			to.Postgres.Connects, to.Postgres.Replicas.Connects = from.Postgres.Connects, from.Postgres.Replicas.Connects
			to.Postgres.Replicas.Believe, to.Postgres.Replicas.Ask, to.Postgres.Replicas.Pause = from.Postgres.Replicas.Believe, from.Postgres.Replicas.Ask, from.Postgres.Replicas.Pause
			to.Postgres.Replicas.WriteConns, to.Postgres.Replicas.ReadConns = from.Postgres.Replicas.WriteConns, from.Postgres.Replicas.ReadConns
			to.RedisLib.PoolSize = from.RedisLib.PoolSize
			to.HTTP.MaxConnsPerHost, to.HTTP.MaxIdlePerHost = from.HTTP.MaxConnsPerHost, from.HTTP.MaxIdlePerHost
		},
	},
	{
		Info{Hedge, "Hedging", "A call that takes unusually long is made a second time, and the first answer wins.", nil, "internal/resilience/hedge.go", 13},
		func(to, from *Row) { to.Policy.Hedge = from.Policy.Hedge }, nil,
	},
	{
		Info{Shedding, "Load shedding", "Requests beyond what the server can do in time are refused at once, the least important first.", nil, "internal/resilience/shed.go", 12},
		nil, func(to, from *Table) { to.Shed = from.Shed },
	},
}

// Protections lists all protections, in the order of the ladder.
func Protections() []Info {
	infos := make([]Info, len(switches))
	for i, s := range switches {
		infos[i] = s.Info
	}
	return infos
}
