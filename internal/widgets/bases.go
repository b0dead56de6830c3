package widgets

import (
	"context"
	"errors"
	"sync"
	"time"

	"afloat/internal/resilience"
)

// errNoBase is the error where a service is not configured at all.
var errNoBase = errors.New("no recommendations service is configured")

// bases are the places where one service runs. Each attempt takes the one that
// is asked least at that moment, so a hedge goes past the server that keeps the
// first copy waiting; and one that has just failed is left alone for a while,
// so a retry goes to another. With one base it is always that one.
type bases struct {
	rest     time.Duration // after a failure; 0: none
	classify resilience.Classifier

	mu   sync.Mutex
	all  []*base
	turn int // where the search for the next begins, so that equals take turns
}

type base struct {
	url    string
	asking int       // attempts under way
	until  time.Time // at rest
}

func newBases(urls []string, rest time.Duration, classify resilience.Classifier) *bases {
	b := &bases{rest: rest, classify: classify}
	for _, u := range urls {
		b.all = append(b.all, &base{url: u})
	}
	return b
}

// take picks the base for an attempt. The caller says how the attempt went,
// once.
func (b *bases) take() (url string, done func(ctx context.Context, err error), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return "", nil, errNoBase
	}
	now := time.Now()
	var best *base
	for i := range b.all {
		if next := b.all[(b.turn+i)%len(b.all)]; best == nil || next.before(best, now) {
			best = next
		}
	}
	b.turn++
	best.asking++
	return best.url, func(ctx context.Context, err error) { b.done(best, ctx, err) }, nil
}

// before reports whether a is better to ask than c.
func (a *base) before(c *base, now time.Time) bool {
	if resting := now.Before(a.until); resting != now.Before(c.until) {
		return !resting
	}
	return a.asking < c.asking
}

// done ends an attempt. One whose caller has gone away says nothing of the base.
func (b *bases) done(at *base, ctx context.Context, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at.asking--
	switch {
	case err == nil:
		at.until = time.Time{}
	case !errors.Is(ctx.Err(), context.Canceled) && b.classify(err) == resilience.Transient:
		at.until = time.Now().Add(b.rest)
	}
}
