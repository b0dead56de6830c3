package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// OpenRedis makes a client. It connects to nothing yet. A URL with a master_name
// is one of sentinels, who say where the primary of that name is (sentinel.go).
func OpenRedis(location string, dial Dial, p policy.RedisLib) (*redis.Client, error) {
	opt, dial, err := redisOptions(location, dial, p)
	if err != nil {
		return nil, errors.New("REDIS_URL isn't a redis:// URL") // the parser's own error may repeat the password
	}
	dial = secured(dial, opt.TLSConfig)
	opt.Dialer = dial
	// They are news that only hosted Redis has. To find out, first connections made side by side race (v9.23.0).
	opt.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	logging.Disable() // a line for each failed dial is load; the guards tell of failures
	if !p.LibraryRetries {
		opt.MaxRetries, opt.DialerRetries = -1, 1 // retrying is the guard's decision, once, and not another layer's
		opt.Dialer = unbroken(dial)               // and so is not to ask
	}
	opt.ContextTimeoutEnabled = p.HeedContext
	opt.DialTimeout, opt.ReadTimeout = cmp.Or(p.DialTimeout, opt.DialTimeout), cmp.Or(p.ReadTimeout, opt.ReadTimeout)
	opt.WriteTimeout, opt.PoolTimeout = cmp.Or(p.ReadTimeout, opt.WriteTimeout), cmp.Or(p.PoolTimeout, opt.PoolTimeout)
	opt.PoolSize = cmp.Or(p.PoolSize, opt.PoolSize)
	return redis.NewClient(opt), nil
}

// redisOptions reads a URL of either kind, and returns how to dial the server
// that it means.
func redisOptions(location string, dial Dial, p policy.RedisLib) (*redis.Options, Dial, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, nil, err
	}
	if !u.Query().Has("master_name") {
		opt, err := redis.ParseURL(location)
		return opt, dial, err
	}
	o, err := redis.ParseFailoverURL(location)
	if err != nil {
		return nil, nil, err
	}
	opt := &redis.Options{
		Addr: o.MasterName, Username: o.Username, Password: o.Password, DB: o.DB, Protocol: o.Protocol, ClientName: o.ClientName, TLSConfig: o.TLSConfig,
		DialTimeout: o.DialTimeout, ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout, PoolSize: o.PoolSize,
	}
	return opt, newSentinels(o, dial, p).connect, nil
}

// stored is a copy as Redis holds it.
type stored[T any] struct {
	Versioned[T]
	At         time.Time `json:"at"`
	FreshUntil time.Time `json:"fresh_until"`
}

// copies are one kind of page's copies in Redis. A nil *copies finds nothing.
type copies[T any] struct {
	kind  string
	db    commander
	guard *resilience.Guard
	life  policy.Copies
}

// key carries a format version: a server never reads what another release of
// the program wrote differently.
func (c *copies[T]) key(key string) string { return "afloat:copy:1:" + c.kind + ":" + key }

func (c *copies[T]) get(ctx context.Context, key string) (stored[T], bool) {
	var s stored[T]
	if c == nil {
		return s, false
	}
	raw, _, err := resilience.Call(ctx, c.guard, func(ctx context.Context) ([]byte, error) {
		raw, err := c.db.Do(ctx, "hget", c.key(key), "copy").Text()
		if errors.Is(err, redis.Nil) {
			return nil, fmt.Errorf("%w in Redis", ErrNotFound)
		}
		return []byte(raw), err
	})
	if err != nil || json.Unmarshal(raw, &s) != nil || s.AsOf <= 0 {
		return stored[T]{}, false // whatever is wrong with a copy, the next rung is the remedy
	}
	return s, true
}

// What is known of all copies together, which have to be bounded: nothing is
// evicted from this Redis, since what else is there must not be.
const (
	copiesByAge = "afloat:copies:1:age"   // sorted set: key → when it was stored
	copiesBytes = "afloat:copies:1:bytes" // hash: key → bytes; "" → of all
)

// keepNewer stores a copy unless the one there was read at a higher version of
// the site. Compared inside Redis, since two servers may write at once. Beyond
// the bounds the copies that were stored longest ago go: which of them readers
// want, memory knows, and this needn't.
const keepNewer = `
local there = tonumber(redis.call('HGET', KEYS[1], 'as_of') or 0) or 0
if there > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'as_of', ARGV[1], 'copy', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local before = tonumber(redis.call('HGET', KEYS[3], KEYS[1]) or 0)
redis.call('ZADD', KEYS[2], ARGV[4], KEYS[1])
redis.call('HSET', KEYS[3], KEYS[1], #ARGV[2])
local bytes = redis.call('HINCRBY', KEYS[3], '', #ARGV[2] - before)
while bytes > tonumber(ARGV[5]) or redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[6]) do
  local oldest = redis.call('ZPOPMIN', KEYS[2])[1]
  if not oldest then break end
  bytes = redis.call('HINCRBY', KEYS[3], '', -(tonumber(redis.call('HGET', KEYS[3], oldest) or 0)))
  redis.call('HDEL', KEYS[3], oldest)
  redis.call('UNLINK', oldest)
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return 1`

var keepNewerHash = redis.NewScript(keepNewer).Hash()

func (c *copies[T]) put(ctx context.Context, key string, v Versioned[T], at time.Time) {
	if c == nil {
		return
	}
	fresh := time.Duration(float64(c.life.Fresh) * (1 + c.life.Jitter*(2*rand.Float64()-1)))
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false) // the copy never stands in a page, and < is a byte where \u003c is six
	if encoder.Encode(stored[T]{Versioned: v, At: at, FreshUntil: at.Add(fresh)}) != nil {
		return // only a type that can't be marshalled, which the tests would have met
	}
	args := []any{3, c.key(key), copiesByAge, copiesBytes, v.AsOf, raw.Bytes(), c.life.Keep.Milliseconds(), at.UnixMilli(), c.life.Bytes, c.life.Number}
	// A failure is the guard's to record: the copy is a convenience, and the
	// value is already on its way to the reader.
	_, _, _ = resilience.Call(ctx, c.guard, func(ctx context.Context) (int, error) {
		kept := c.db.Do(ctx, append([]any{"evalsha", keepNewerHash}, args...)...)
		if redis.HasErrorPrefix(kept.Err(), "NOSCRIPT") { // a new Redis
			kept = c.db.Do(ctx, append([]any{"eval", keepNewer}, args...)...)
		}
		return kept.Int()
	})
}
