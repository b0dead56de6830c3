package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/resilience"
)

var errNoDatabase = errors.New("no database is configured")

// Comment is a reader's comment.
type Comment struct {
	ID      int64
	Slug    string
	Author  string
	HTML    string // rendered and sanitised
	Created time.Time
	Hidden  bool
	KeyHash string // of its idempotency key: the same comment in Postgres and in the outbox has the same

	Entry string `db:"-"` // its name in the outbox, while it waits there to be written; else ""
	Disks int    `db:"-"` // while it waits: on how many disks it was when it was accepted; 0: not known
}

// Ref names a comment in links: by its id, or by its entry while it waits.
func (c Comment) Ref() string {
	if c.Entry != "" {
		return c.Entry
	}
	return strconv.FormatInt(c.ID, 10)
}

// NewComment is a comment that is to be written. Body is as written, HTML is
// rendered and sanitised, Key makes writing it again harmless.
type NewComment struct {
	Slug, Author, Body, HTML, Key string
}

// Comments reads and writes comments. The reading methods are bare: the
// widgets guard them, each by its own row of the policies table.
type Comments struct {
	db     *DB
	writes *resilience.Guard
	outbox *Outbox
}

// NewComments returns the comments of a database; db may be nil.
func NewComments(db *DB, writes *resilience.Guard) *Comments {
	return &Comments{db: db, writes: writes}
}

// WithOutbox has o keep the comments that the database doesn't take. It is for
// the start, before the first call; a nil o changes nothing.
func (c *Comments) WithOutbox(o *Outbox) *Comments {
	c.outbox = o
	return c
}

// Outbox is where comments wait; nil if they don't.
func (c *Comments) Outbox() *Outbox { return c.outbox }

// Of returns the visible comments of an article, oldest first.
func (c *Comments) Of(ctx context.Context, slug string, limit int) ([]Comment, error) {
	return read(ctx, c.db, func(ctx context.Context, q querier) ([]Comment, error) { return queryVisible(ctx, q, slug, limit) })
}

func queryVisible(ctx context.Context, q querier, slug string, limit int) ([]Comment, error) {
	return queryComments(ctx, q, `
		select * from (
			select id, slug, author, html, created, hidden is not null as hidden, `+keyHashColumn+`
			from comments where slug = $1 and hidden is null order by id desc limit $2) newest
		order by id`, slug, limit)
}

// Counts returns how many visible comments each of the articles has.
func (c *Comments) Counts(ctx context.Context, slugs []string) (map[string]int, error) {
	return read(ctx, c.db, func(ctx context.Context, q querier) (map[string]int, error) { return countComments(ctx, q, slugs) })
}

func countComments(ctx context.Context, q querier, slugs []string) (map[string]int, error) {
	rows, err := q.Query(ctx, `select slug, count(*) from comments where slug = any($1) and hidden is null group by slug`, slugs)
	if err != nil {
		return nil, fmt.Errorf("counting comments: %w", err)
	}
	counts := map[string]int{}
	var slug string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&slug, &n}, func() error { counts[slug] = n; return nil })
	if err != nil {
		return nil, fmt.Errorf("counting comments: %w", err)
	}
	return counts, nil
}

// keyHashColumn is keyHash, in SQL.
const keyHashColumn = `encode(sha256(convert_to(key, 'UTF8')), 'hex') as key_hash`

// Add takes a comment once, however often it is called with its key: into the
// database, or else into the outbox, from where it is written later. In either
// case it is on disk when Add returns without an error. The key with other
// content is ErrKeyReused.
//
// While comments of its article wait, it waits behind them, so that they keep
// their order; only when the outbox is out of reach does it pass them. That
// the database lacks the article is ErrNotFound, unless known says that there
// is such an article: then the database hasn't got it yet. known is asked only
// where the database failed, and may wait.
//
// It ends within the deadlines of three rows of the table, one after another:
// the outbox's order, comment writes, and the outbox. Where it had an answer
// from nobody sooner than that, the outbox is asked once more.
func (c *Comments) Add(ctx context.Context, n NewComment, known func() bool) (Comment, resilience.Report, error) {
	if c.outbox == nil {
		return c.write(ctx, n)
	}
	begun := time.Now()
	claimed, unknown := c.outbox.ask(ctx, n)
	switch {
	case errors.Is(unknown, ErrKeyReused):
		return Comment{}, resilience.Report{}, unknown
	case claimed.written != 0:
		return Comment{ID: claimed.written, Slug: n.Slug, Author: n.Author, HTML: n.HTML, KeyHash: KeyHash(n.Key)}, resilience.Report{}, nil
	}
	inOrder := claimed.waits || unknown != nil && c.outbox.holds(n.Slug)
	var refused error
	if inOrder {
		var held Comment
		var report resilience.Report
		if held, report, refused = c.outbox.Add(ctx, n); refused == nil || errors.Is(refused, ErrKeyReused) {
			return held, report, refused
		}
	}
	if why := cmp.Or(refused, unknown); why != nil {
		c.outbox.pass(ctx, n, why) // whatever comes of it: a write that isn't answered may still be done
	}
	written, report, err := c.write(ctx, n)
	if err == nil || errors.Is(err, ErrKeyReused) {
		return written, report, err
	}
	if !inOrder && known() {
		held, last, refusal := c.outbox.Add(ctx, n)
		if refusal == nil || errors.Is(refusal, ErrKeyReused) {
			return held, last, refusal
		}
		refused = refusal
	}
	if refused != nil {
		held, last, refusal := c.outbox.addAgain(ctx, n, begun)
		if refusal == nil || errors.Is(refusal, ErrKeyReused) {
			return held, last, refusal
		}
	}
	return Comment{}, report, errors.Join(err, refused)
}

// write writes a comment to the database. Every try is safe to repeat, which
// is why the guard may retry, and why a try that comes too late may end by itself.
func (c *Comments) write(ctx context.Context, n NewComment) (Comment, resilience.Report, error) {
	return resilience.Call(ctx, c.writes, func(ctx context.Context) (Comment, error) {
		if c.db == nil {
			return Comment{}, errNoDatabase
		}
		return linger(ctx, c.db.Pool, c.db.grace, func(ctx context.Context, conn *pgxpool.Conn) (Comment, error) { return insertComment(ctx, conn, n) })
	})
}

// insertComment is one statement: the unique constraint finds the row of an
// earlier try whose answer got lost, and returns it. An unknown article is
// ErrNotFound.
func insertComment(ctx context.Context, conn *pgxpool.Conn, n NewComment) (Comment, error) {
	hash := contentHash(n)
	comment := Comment{Slug: n.Slug, Author: n.Author, HTML: n.HTML, KeyHash: KeyHash(n.Key)}
	var stored string
	// "do update" rather than "do nothing": it waits for a concurrent
	// insert of the same key and returns its row, in one statement.
	err := conn.QueryRow(ctx, `
		insert into comments (slug, author, body, html, key, hash)
		select slug, $2, $3, $4, $5, $6 from posts where slug = $1 and not withdrawn
		on conflict (key) do update set key = excluded.key
		returning id, created, hash, hidden is not null`,
		n.Slug, n.Author, n.Body, n.HTML, n.Key, hash).Scan(&comment.ID, &comment.Created, &stored, &comment.Hidden)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Comment{}, fmt.Errorf("article %q: %w", n.Slug, ErrNotFound)
	case err != nil:
		return Comment{}, fmt.Errorf("writing a comment: %w", err)
	case stored != hash:
		return Comment{}, ErrKeyReused
	}
	return comment, nil
}

func contentHash(n NewComment) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{n.Slug, n.Author, n.Body}, "\x00")))
	return hex.EncodeToString(sum[:])
}

func queryComments(ctx context.Context, q querier, sql string, args ...any) ([]Comment, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("reading comments: %w", err)
	}
	comments, err := pgx.CollectRows(rows, pgx.RowToStructByName[Comment])
	if err != nil {
		return nil, fmt.Errorf("reading comments: %w", err)
	}
	return comments, nil
}

// Policy names the row that guards writes, for the log.
func (c *Comments) Policy() string { return c.writes.Policy().Name }
