package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

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
}

// NewComments returns the comments of a database; db may be nil.
func NewComments(db *DB, writes *resilience.Guard) *Comments { return &Comments{db, writes} }

// Of returns the visible comments of an article, oldest first.
func (c *Comments) Of(ctx context.Context, slug string, limit int) (comments []Comment, err error) {
	err = c.db.read(ctx, func(q querier) error {
		comments, err = queryComments(ctx, q, `
		select * from (
			select id, slug, author, html, created, hidden is not null as hidden
			from comments where slug = $1 and hidden is null order by id desc limit $2) newest
		order by id`, slug, limit)
		return err
	})
	return comments, err
}

// Counts returns how many visible comments each of the articles has.
func (c *Comments) Counts(ctx context.Context, slugs []string) (counts map[string]int, err error) {
	err = c.db.read(ctx, func(q querier) error {
		counts, err = countComments(ctx, q, slugs)
		return err
	})
	return counts, err
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

// Add writes a comment once, however often it is called with its key: the
// unique constraint finds the row of an earlier try whose answer got lost, and
// returns it. The key with other content is ErrKeyReused, an unknown article
// ErrNotFound. Every try is safe to repeat, which is why the guard may retry.
func (c *Comments) Add(ctx context.Context, n NewComment) (Comment, resilience.Report, error) {
	return resilience.Call(ctx, c.writes, func(ctx context.Context) (Comment, error) {
		if c.db == nil {
			return Comment{}, errNoDatabase
		}
		hash := contentHash(n)
		comment := Comment{Slug: n.Slug, Author: n.Author, HTML: n.HTML}
		var stored string
		// "do update" rather than "do nothing": it waits for a concurrent
		// insert of the same key and returns its row, in one statement.
		err := c.db.QueryRow(ctx, `
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
	})
}

func contentHash(n NewComment) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{n.Slug, n.Author, n.Body}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// Hide hides or shows a comment. An unknown id is ErrNotFound.
func (c *Comments) Hide(ctx context.Context, id int64, hide bool) error {
	if c.db == nil {
		return errNoDatabase
	}
	tag, err := c.db.Exec(ctx, `update comments set hidden = case when $2 then coalesce(hidden, now()) end where id = $1`, id, hide)
	if err != nil {
		return fmt.Errorf("moderating comment %d: %w", id, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("comment %d: %w", id, ErrNotFound)
	}
	return nil
}

// Latest returns the newest comments of all articles, hidden ones included,
// for moderation.
func (c *Comments) Latest(ctx context.Context, limit int) ([]Comment, error) {
	if c.db == nil {
		return nil, errNoDatabase
	}
	return queryComments(ctx, c.db, `
		select id, slug, author, html, created, hidden is not null as hidden
		from comments order by id desc limit $1`, limit)
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
