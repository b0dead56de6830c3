package widgets

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

const (
	popularKey     = "afloat:popular"        // sorted set: slug → decayed views
	popularTitles  = "afloat:popular:titles" // hash: slug → title
	popularDecayed = "afloat:popular:at"     // when the scores were decayed last
	popularShown   = 5
	popularKept    = 1000 // articles, in Redis and in a batch
)

// Popular is an article and its decayed views.
type Popular struct {
	Slug, Title string
	Views       int
}

// NewPopular makes the widget of what is popular now; db may be nil.
func NewPopular(db *redis.Client, gone func(slug string) bool, t policy.Table, deps Deps) (*Widget[[]Popular], error) {
	return New(Spec[[]Popular]{
		Name:   "popular",
		Source: resilience.FromRedis,
		Row:    t.Popular,
		Key:    func(Request) string { return "" },
		Load: func(ctx context.Context, _ Request) ([]Popular, error) {
			if db == nil {
				return nil, errors.New("no Redis is configured")
			}
			return popular(ctx, db, gone)
		},
	}, deps)
}

func popular(ctx context.Context, db *redis.Client, gone func(string) bool) ([]Popular, error) {
	top, err := db.ZRevRangeWithScores(ctx, popularKey, 0, 2*popularShown).Result()
	if err != nil {
		return nil, fmt.Errorf("reading what is popular: %w", err)
	}
	var list []Popular
	var slugs []string
	for _, z := range top {
		slug, _ := z.Member.(string)
		if len(list) < popularShown && !gone(slug) {
			list = append(list, Popular{Slug: slug, Views: int(math.Round(z.Score))})
			slugs = append(slugs, slug)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	titles, err := db.HMGet(ctx, popularTitles, slugs...).Result()
	if err != nil {
		return nil, fmt.Errorf("reading what is popular: %w", err)
	}
	for i, title := range titles {
		list[i].Title, _ = title.(string)
	}
	return list, nil
}

// Views counts page views in memory and adds them up in Redis now and then.
// A view is not worth a request of its own, and not worth a retry: an
// increment whose answer got lost may have happened, so a batch that fails is
// dropped rather than counted twice.
type Views struct {
	db       *redis.Client
	guard    *resilience.Guard
	every    time.Duration
	halfLife time.Duration
	keep     time.Duration
	log      *slog.Logger
	batch    atomic.Pointer[batch]
}

// A batch has no lock: on a busy machine each of a page's readers would wait
// for the turn of those before.
type batch struct {
	articles atomic.Int64 // at most, those that were refused included
	views    sync.Map     // slug → *view
}

type view struct {
	title string
	n     atomic.Int64
}

// NewViews makes the counter; with a nil db it counts nothing.
func NewViews(db *redis.Client, t policy.Table, s policy.Server, deps Deps) (*Views, error) {
	guard, err := resilience.NewGuard(t.Views.Policy, nil, deps.Observe)
	v := &Views{db: db, guard: guard, every: s.FlushViews, halfLife: s.ViewHalfLife, keep: s.ViewsKeep, log: deps.Log}
	v.batch.Store(&batch{})
	return v, err
}

// Guard is the guard of the batches, for display.
func (v *Views) Guard() *resilience.Guard { return v.guard }

// Count notes one view. It never waits, and misses one now and then that comes
// while a batch is sent.
func (v *Views) Count(slug, title string) {
	b := v.batch.Load()
	counted, known := b.views.Load(slug)
	if !known {
		if b.articles.Add(1) > popularKept {
			return
		}
		counted, _ = b.views.LoadOrStore(slug, &view{title: title})
	}
	counted.(*view).n.Add(1)
}

// Run flushes batches until ctx ends, and once more then.
func (v *Views) Run(ctx context.Context) {
	tick := time.NewTicker(v.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			v.flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			v.flush(ctx)
		}
	}
}

// addViews decays all scores to now, then adds the batch: one script, so that
// two servers flushing at once don't decay twice.
var addViews = redis.NewScript(`
local now, half_life = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = tonumber(redis.call('GET', KEYS[3]) or now)
if now > last then
  redis.call('ZUNIONSTORE', KEYS[1], 1, KEYS[1], 'WEIGHTS', string.format('%.17g', 0.5 ^ ((now - last) / half_life)))
end
redis.call('SET', KEYS[3], math.max(now, last))
for i = 5, #ARGV, 3 do
  redis.call('ZINCRBY', KEYS[1], ARGV[i + 1], ARGV[i])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 2])
end
for _, slug in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1 - tonumber(ARGV[3]))) do
  redis.call('ZREM', KEYS[1], slug)
  redis.call('HDEL', KEYS[2], slug)
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[4]) end
return 1`)

func (v *Views) flush(ctx context.Context) {
	args := []any{time.Now().Unix(), int64(v.halfLife.Seconds()), popularKept, v.keep.Milliseconds()}
	articles := 0
	for slug, counted := range v.batch.Swap(&batch{}).views.Range {
		args = append(args, slug, counted.(*view).n.Load(), counted.(*view).title)
		articles++
	}
	if v.db == nil || articles == 0 {
		return
	}
	_, _, err := resilience.Call(ctx, v.guard, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, addViews.Run(ctx, v.db, []string{popularKey, popularTitles, popularDecayed}, args...).Err()
	})
	if err != nil {
		v.log.Debug("a batch of page views was dropped", "articles", articles, "err", err)
	}
}
