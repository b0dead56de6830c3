package store

import (
	"fmt"
	"time"

	"afloat/internal/resilience"
)

// Rung is what is known of one rung of the ladder.
type Rung struct {
	Name   resilience.Source `json:"rung"`
	OK     bool              `json:"ok"`     // articles can be served from it, as far as is known
	Detail string            `json:"detail"` // for people: no text of an error, no address
}

// Rungs tells which rungs can serve articles, the best first. It asks no
// dependency: it tells what the poll and the breakers have found.
func (p *Posts) Rungs() []Rung {
	rungs := []Rung{p.originRung()}
	if c := p.posts.copies; c != nil {
		r := Rung{Name: resilience.FromRedis, OK: c.guard.Closed(), Detail: "it answers, or has not been asked: copies are read from it"}
		if !r.OK {
			r.Detail = "not answering: the circuit breaker is " + string(c.guard.State())
		}
		rungs = append(rungs, r)
	}
	if p.posts.snapshot != nil {
		r := Rung{Name: resilience.FromSnapshot, Detail: "there is none"}
		if s := p.snapshot.load(); s != nil {
			r.OK, r.Detail = true, fmt.Sprintf("%d articles of version %d, as of %s", len(s.Slugs), s.Version, s.At.UTC().Format(time.RFC3339))
		}
		rungs = append(rungs, r)
	}
	return rungs
}

func (p *Posts) originRung() Rung {
	r := Rung{Name: resilience.FromPostgres}
	_, vouched := p.Version()
	checked := p.site.checked.Load()
	switch {
	case p.db == nil:
		r.Detail = "not configured: the snapshot is the blog"
	case !p.table.Watched(): // nobody polls: such as the naive twin, which learns of an outage from its readers
		r.OK, r.Detail = true, "configured; nothing watches it"
	case vouched:
		r.OK, r.Detail = true, "answering"
	case checked == 0:
		r.Detail = "has not answered yet"
	default:
		r.Detail = "last answered " + time.Since(time.Unix(0, checked)).Truncate(time.Second).String() + " ago"
	}
	return r
}

// SnapshotVersion is the version of the snapshot in use, and when it was made;
// ok is false where there is none.
func (p *Posts) SnapshotVersion() (version int64, at time.Time, ok bool) {
	s := p.snapshot.load()
	if s == nil {
		return 0, time.Time{}, false
	}
	return s.Version, s.At, true
}

// Guards are the guards of all reads of articles, for display.
func (p *Posts) Guards() []*resilience.Guard {
	guards := []*resilience.Guard{p.guard, p.search, p.bulk}
	if p.posts.copies != nil {
		guards = append(guards, p.posts.copies.guard)
	}
	return guards
}

// Guard is the guard of new comments, for display.
func (c *Comments) Guard() *resilience.Guard { return c.writes }
