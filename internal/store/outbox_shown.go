package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// waiting is a comment that waits, or did a moment ago.
type waiting struct {
	Comment
	learned time.Time // when this server did
	until   time.Time // it is written, and shown from here until then; zero: it waits
}

func (w waiting) visible(now time.Time) bool { return w.until.IsZero() || now.Before(w.until) }

// Waiting returns the comments of an article that are to be shown beside the
// database's, in order of acceptance. It asks nobody. Those that were written a
// moment ago are among them, for as long as copies may lack them: whoever shows
// both compares KeyHash. A nil Outbox has none.
func (o *Outbox) Waiting(slug string) (list []Comment) {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for _, w := range o.shown {
		if w.Slug == slug && w.visible(now) {
			list = append(list, w.Comment)
		}
	}
	return list
}

// Version changes whenever Waiting does for some article, but for the end of
// what was written a moment ago. A nil Outbox has one.
func (o *Outbox) Version() int64 {
	if o == nil {
		return 0
	}
	return o.version.Load()
}

// Count returns how many comments wait, as far as this server knows, and since
// when the first does.
func (o *Outbox) Count() (n int, since time.Time) {
	if o == nil {
		return 0, since
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.shown {
		if w.until.IsZero() {
			n++
			if since.IsZero() {
				since = w.Created
			}
		}
	}
	return max(n, o.total), since
}

// holds reports whether comments of an article wait, as far as this server knows.
func (o *Outbox) holds(slug string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.ContainsFunc(o.shown, func(w waiting) bool { return w.Slug == slug && w.until.IsZero() })
}

// remember adds an entry to what is shown.
func (o *Outbox) remember(c Comment) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.ContainsFunc(o.shown, func(w waiting) bool { return w.Entry == c.Entry }) {
		return
	}
	o.shown = append(o.shown, waiting{Comment: c, learned: time.Now()})
	slices.SortFunc(o.shown, byEntry)
	o.version.Add(1)
	o.tell(1)
}

// look learns what waits, whichever server accepted it. Where Redis doesn't
// answer, what is known stays.
func (o *Outbox) look(ctx context.Context) {
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.policy.Drain)
	defer cancel()
	pipe := o.redis.Pipeline()
	entries := pipe.XRangeN(ctx, outboxStream, "-", "+", int64(o.policy.Shown))
	disks := pipe.HGetAll(ctx, outboxDisks)
	total := pipe.XLen(ctx, outboxStream)
	if _, err := pipe.Exec(ctx); err != nil {
		return
	}
	o.replace(asked, entries.Val(), disks.Val(), int(total.Val()))
}

// replace takes over what Redis said it had when asked, or later.
func (o *Outbox) replace(asked time.Time, entries []redis.XMessage, disks map[string]string, total int) {
	var next []waiting
	for _, m := range entries {
		c := readEntry(m).comment()
		c.Disks, _ = strconv.Atoi(disks[m.ID])
		next = append(next, waiting{Comment: c, learned: asked})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	changed := false
	for _, old := range o.shown {
		at, found := slices.BinarySearchFunc(next, old, byEntry)
		switch {
		case found:
			next[at].Disks = max(next[at].Disks, old.Disks)
			continue
		case old.until.IsZero() && old.learned.Before(asked): // it was there, and is written
			old.until = asked.Add(o.policy.Linger)
		}
		if old.visible(asked) {
			next = slices.Insert(next, at, old)
		} else {
			changed = true
		}
	}
	changed = changed || len(next) != len(o.shown)
	o.shown, o.total = next, total
	if changed {
		o.version.Add(1)
	}
	o.tell(total)
}

// tell logs when comments begin to wait, and when none does any more. The lock
// is held.
func (o *Outbox) tell(n int) {
	switch {
	case n > 0 && !o.waits:
		o.log.Warn("comments wait to be written: the database does not take them")
	case n == 0 && o.waits:
		o.log.Info("all comments that waited are written")
		clear(o.stuck)
	}
	o.waits = n > 0
}

// byEntry orders as Redis does.
func byEntry(a, b waiting) int {
	ams, aserial, _ := parseEntry(a.Entry)
	bms, bserial, _ := parseEntry(b.Entry)
	return cmp.Or(cmp.Compare(ams, bms), cmp.Compare(aserial, bserial))
}

// KeyHash tells two comments' idempotency keys apart without telling them: it is their Comment.KeyHash.
func KeyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// OutboxStats counts what an outbox has done since its server started.
type OutboxStats struct {
	Waiting  int            // now, as far as this server knows
	Accepted map[string]int // by the number of disks
	Written  int            // taken over by the database, by this server
	Refused  map[string]int // by class of the error
	Passed   int            // sent to the database while the outbox was out of reach
}

// Stats are for display. A nil Outbox has done nothing.
func (o *Outbox) Stats() (s OutboxStats) {
	if o == nil {
		return s
	}
	s.Waiting, _ = o.Count()
	s.Accepted, s.Refused = counts(&o.stats.accepted), counts(&o.stats.refused)
	s.Written, s.Passed = counts(&o.stats.written)[""], int(o.stats.passed.Load())
	return s
}

func count(in *sync.Map, what string) {
	n, _ := in.LoadOrStore(what, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

func counts(in *sync.Map) map[string]int {
	all := map[string]int{}
	in.Range(func(what, n any) bool {
		all[what.(string)] = int(n.(*atomic.Int64).Load())
		return true
	})
	return all
}
