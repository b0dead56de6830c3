package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/resilience"
)

// entry is a comment as the stream holds it.
type entry struct {
	NewComment
	name, hash string
	id         int64 // of the comment, once written
}

func readEntry(m redis.XMessage) entry {
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	return entry{name: m.ID, hash: text("hash"), NewComment: NewComment{
		Slug: text("slug"), Author: text("author"), Body: text("body"), HTML: text("html"), Key: text("key"),
	}}
}

func (e entry) comment() Comment {
	return Comment{Slug: e.Slug, Author: e.Author, HTML: e.HTML, Created: entryTime(e.name), KeyHash: KeyHash(e.Key), Entry: e.name}
}

// Resolve returns a comment's Ref as it is by now. Of an entry that was written
// meanwhile that is the comment's id, whichever server did it; of one that
// waits it is the entry, and Waiting returns it from now on. What is no entry
// stays as it is.
func (o *Outbox) Resolve(ctx context.Context, ref string) string {
	if o == nil || !IsEntry(ref) {
		return ref
	}
	entry := ref
	written, _, err := resilience.Call(ctx, o.order, func(ctx context.Context) (string, error) {
		pipe := o.redis.Pipeline()
		written := pipe.Get(ctx, writtenKey(entry))
		there := pipe.XRange(ctx, outboxStream, entry, entry)
		disks := pipe.HGet(ctx, outboxDisks, entry)
		if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) { // that is: one of the three is missing
			return "", err
		}
		for _, m := range there.Val() {
			c := readEntry(m).comment()
			c.Disks, _ = strconv.Atoi(disks.Val())
			o.remember(c)
		}
		return written.Val(), nil
	})
	if err != nil || written == "" {
		return ref // what this server has seen of it is all that can be shown
	}
	return written
}

// IsEntry reports whether text has the form of an entry's name.
func IsEntry(text string) bool { _, _, ok := parseEntry(text); return ok }

// parseEntry takes an entry's name apart: milliseconds since 1970 by the clock
// of Redis, and a serial number within them.
func parseEntry(name string) (ms, serial uint64, ok bool) {
	before, after, ok := strings.Cut(name, "-")
	ms, err1 := strconv.ParseUint(before, 10, 64)
	serial, err2 := strconv.ParseUint(after, 10, 64)
	return ms, serial, ok && err1 == nil && err2 == nil
}

// entryTime is when an entry was accepted.
func entryTime(name string) time.Time {
	ms, _, _ := parseEntry(name)
	return time.UnixMilli(int64(ms))
}
