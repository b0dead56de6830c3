package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"afloat/internal/resilience"
)

// Classify tells the guard what an error says of the dependency. pgx's own
// SafeToRetry is false for most of what follows, because it asks a narrower
// question: was anything sent? All guarded calls here are idempotent, so what
// matters is whether the next try may go better.
func Classify(err error) resilience.Class {
	for _, answer := range []error{ErrNotFound, ErrKeyReused, errNoDatabase, errNothingPublished} {
		if errors.Is(err, answer) {
			return resilience.Neutral
		}
	}
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
		switch pg.Code[:min(2, len(pg.Code))] {
		case "22", "54": // data exception, limit exceeded: what a reader sent can't be answered by anybody
			return resilience.Neutral
		}
		switch pg.Code {
		case "57P01", "57P02", "57P03", // shutting down, crashed, starting up
			"53300",          // too many connections
			"40001", "40P01", // serialization failure, deadlock
			"57014", // statement_timeout
			"25006": // read-only: the primary has moved
			return resilience.Transient
		}
		return resilience.Permanent
	}
	if connect := (*pgconn.ConnectError)(nil); errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return resilience.Transient // the query was never sent
	}
	return resilience.DefaultClassifier(err)
}

const summaryColumns = `slug, title, summary, tags, published, updated, minutes`

// versioned reads rows and the site's version in one statement, hence in one
// snapshot of the database: a value can't be older than the version it claims.
func versioned[T any](ctx context.Context, db *DB, sql string, args ...any) (values []T, asOf int64, err error) {
	got, err := read(ctx, db, func(ctx context.Context, q querier) (Versioned[[]T], error) {
		values, asOf, err := versionedBy[T](ctx, q, sql, args...)
		return Versioned[[]T]{AsOf: asOf, V: values}, err
	})
	return got.V, got.AsOf, err
}

func versionedBy[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, int64, error) {
	type row struct {
		AsOf int64
		V    *T
	}
	rows, err := q.Query(ctx, `select s.version, to_jsonb(q) from site s left join lateral (`+sql+`) q on true`, args...)
	if err != nil {
		return nil, 0, fmt.Errorf("reading posts: %w", err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, 0, fmt.Errorf("reading posts: %w", err)
	}
	if len(got) == 0 || got[0].AsOf == 0 {
		return nil, 0, errNothingPublished
	}
	var values []T
	for _, r := range got {
		if r.V != nil {
			values = append(values, *r.V)
		}
	}
	return values, got[0].AsOf, nil
}

// errNothingPublished keeps an empty new database from being taken for a blog
// without articles: the next rung answers instead.
var errNothingPublished = errors.New("nothing has been published in this database yet")

// queryPost is versioned column by column: an article is long, and to make JSON
// of it there and read it here took more time than the query.
func (p *Posts) queryPost(ctx context.Context, slug string) (Versioned[Post], error) {
	return read(ctx, p.db, func(ctx context.Context, q querier) (Versioned[Post], error) { return queryPost(ctx, q, slug) })
}

func queryPost(ctx context.Context, q querier, slug string) (Versioned[Post], error) {
	rows, err := q.Query(ctx, `
		select s.version, q.* from site s left join lateral (
			select `+summaryColumns+`, html, toc, version, withdrawn,
				(select jsonb_build_object('slug', n.slug, 'title', n.title) from posts n
				 where not withdrawn and (n.published, n.slug) > (p.published, p.slug) order by published, slug limit 1) as newer,
				(select jsonb_build_object('slug', o.slug, 'title', o.title) from posts o
				 where not withdrawn and (o.published, o.slug) < (p.published, p.slug) order by published desc, slug desc limit 1) as older
			from posts p where slug = $1) q on true`, slug)
	if err != nil {
		return Versioned[Post]{}, fmt.Errorf("reading a post: %w", err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (Versioned[Post], error) {
		var v Versioned[Post]
		post := &v.V
		columns := []any{
			&v.AsOf, &post.Slug, &post.Title, &post.Summary.Summary, &post.Tags, &post.Published, &post.Updated, &post.Minutes,
			&post.HTML, &post.TOC, &post.Version, &post.Withdrawn, &post.Newer, &post.Older,
		}
		if row.RawValues()[1] == nil {
			clear(columns[1:]) // there is no such article, and only the site's version to read
		}
		err := row.Scan(columns...)
		return v, err
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && v.AsOf == 0:
		return Versioned[Post]{}, errNothingPublished
	case err != nil:
		return Versioned[Post]{}, fmt.Errorf("reading a post: %w", err)
	case v.V.Slug == "":
		return Versioned[Post]{AsOf: v.AsOf}, ErrNotFound
	}
	return v, nil
}

// queryVersion is never 0: an empty database vouches for nobody's copies.
func queryVersion(ctx context.Context, q querier) (int64, error) {
	var v int64
	if err := q.QueryRow(ctx, `select version from site`).Scan(&v); err != nil {
		return 0, fmt.Errorf("reading the site's version: %w", err)
	}
	if v == 0 {
		return 0, errNothingPublished
	}
	return v, nil
}
