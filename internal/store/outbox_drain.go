package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"
)

// drainLock is the advisory lock of whoever writes what waits.
const drainLock = 0x61666c6f6174 // "afloat"

// Run writes what waits, and learns what other servers have accepted, until
// ctx ends. A database that hangs delays the one and not the other.
//
// While the database takes them, what is accepted is written at once: it waits
// only because another of its article did, and if it were left until the next
// poll the next ones would wait for it in their turn. While the database doesn't,
// it is tried once in each poll, however many are accepted.
func (o *Outbox) Run(ctx context.Context) {
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		o.every(ctx, func() (more <-chan struct{}) { o.look(ctx); return nil })
	}()
	o.every(ctx, func() (more <-chan struct{}) {
		if n, _ := o.Count(); n == 0 {
			return o.more
		}
		// Again at once, for as long as any came meanwhile: an article goes back to direct writes only when none waits.
		for written := 1; written > 0; {
			var err error
			if written, err = o.Drain(ctx); err != nil {
				o.log.Debug("comments go on waiting", "err", err)
				return nil
			}
		}
		return o.more
	})
	<-watching
}

// every calls do at each poll, and sooner if something is received from what it
// returned.
func (o *Outbox) every(ctx context.Context, do func() (more <-chan struct{})) {
	tick := time.NewTicker(o.poll)
	defer tick.Stop()
	for {
		more := do()
		select {
		case <-ctx.Done():
			return
		case <-more:
		case <-tick.C:
		}
	}
}

// Drain writes what waits now, and returns how many that were. Servers that
// drain at once take turns, and a crash anywhere in it doubles nothing: the
// key's constraint finds what is written already, and an entry goes only once
// its comment is committed.
//
// An entry whose article the database lacks stays, and those of its article
// behind it; all others go on.
func (o *Outbox) Drain(ctx context.Context) (written int, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.policy.Drain)
	defer cancel()
	left := map[string]bool{} // articles whose order would be lost by going on
	for from := "-"; ; {
		batch, err := o.redis.XRangeN(ctx, outboxStream, from, "+", int64(o.policy.Batch)).Result()
		if err != nil || len(batch) == 0 {
			return written, err
		}
		done, mine, err := o.write(ctx, batch, left)
		if err == nil {
			err = o.settle(ctx, done)
		}
		if err != nil || !mine {
			return written, err
		}
		written += len(done)
		from = "(" + batch[len(batch)-1].ID
	}
}

// write commits a batch, in order, unless another server is at it.
func (o *Outbox) write(ctx context.Context, batch []redis.XMessage, left map[string]bool) (done []entry, mine bool, err error) {
	conn, err := acquire(ctx, o.db.Pool)
	if err != nil {
		return nil, false, err
	}
	defer conn.Release()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing, once it is committed
	if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, drainLock).Scan(&mine); err != nil || !mine {
		return nil, false, err
	}
	for _, m := range batch {
		e := readEntry(m)
		if left[e.Slug] {
			continue
		}
		if e.id, err = o.insert(ctx, tx, e); err != nil {
			refusal := (*pgconn.PgError)(nil)
			if !errors.Is(err, ErrNotFound) && (!errors.As(err, &refusal) || tx.Conn().IsClosed()) {
				return nil, true, err
			}
			left[e.Slug] = true
			o.tellStuck(e, err)
			continue
		}
		done = append(done, e)
	}
	return done, true, tx.Commit(ctx)
}

// insert writes one comment, or finds it written, in a transaction of its own
// within tx: what the database refuses must not hold up the rest.
func (o *Outbox) insert(ctx context.Context, tx pgx.Tx, e entry) (id int64, err error) {
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		var stored string
		id, stored, err = insertEntry(ctx, tx, e, e.Key)
		if err == nil && stored != e.hash {
			// The database had this key's first comment, and was out of sight when the
			// second was accepted. What is accepted is kept.
			o.log.Warn("an idempotency key was used for two comments: both are kept", "slug", e.Slug, "entry", e.name)
			id, _, err = insertEntry(ctx, tx, e, e.Key+" "+e.hash)
		}
		return err
	})
	return id, err
}

func insertEntry(ctx context.Context, tx pgx.Tx, e entry, key string) (id int64, stored string, err error) {
	err = tx.QueryRow(ctx, `
		insert into comments (slug, author, body, html, key, hash, created)
		select slug, $2, $3, $4, $5, $6, $7 from posts where slug = $1
		on conflict (key) do update set key = excluded.key
		returning id, hash`,
		e.Slug, e.Author, e.Body, e.HTML, key, e.hash, entryTime(e.name)).Scan(&id, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	return id, stored, err
}

// settle removes entries that are committed. That their pages have changed,
// servers and edges hear from the database.
func (o *Outbox) settle(ctx context.Context, done []entry) error {
	if len(done) == 0 {
		return nil
	}
	args := []any{o.policy.Claim.Milliseconds(), claimKey(""), writtenKey("")}
	for _, e := range done {
		args = append(args, e.name, e.Key, e.Slug, e.id)
	}
	if err := settleScript.Run(ctx, o.redis, []string{outboxStream, outboxSlugs, outboxDisks}, args...).Err(); err != nil {
		return err
	}
	for range done {
		count(&o.stats.written, "")
	}
	o.look(ctx)
	return nil
}

func (o *Outbox) tellStuck(e entry, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stuck[e.Slug] {
		o.stuck[e.Slug] = true
		o.log.Warn("comments can't be written and go on waiting: the database lacks their article, or refuses them", "slug", e.Slug, "entry", e.name, "err", err)
	}
}
