package store

import (
	"context"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"

	"afloat/internal/resilience"
)

// Articles calls use with each article that is published, newest first, in one
// consistent read. HTML and table of contents are left out.
func (p *Posts) Articles(ctx context.Context, use func(Article) error) error {
	if p.bulkDB == nil {
		return errNoDatabase
	}
	_, _, err := resilience.Call(ctx, p.bulk, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.eachArticle(ctx, false, func(_ int64, next func() (Article, error)) error {
			for {
				a, err := next()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if a.Withdrawn {
					continue
				}
				if err := use(a); err != nil {
					return err
				}
			}
		})
	})
	return err
}

// eachArticle streams all articles, newest first, and then the tombstones, with
// the version they are of: all from one snapshot of the database. Without pages
// it leaves out what only an article's page shows.
func (p *Posts) eachArticle(ctx context.Context, pages bool, use func(version int64, next func() (Article, error)) error) error {
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	if p.bulkDB == nil {
		return errNoDatabase
	}
	// No grace: use mustn't be called when eachArticle has returned.
	_, err := readWithin(ctx, p.bulkDB, 0, func(ctx context.Context, q querier) (struct{}, error) {
		return struct{}{}, pgx.BeginTxFunc(ctx, q, snapshot, func(tx pgx.Tx) error { return p.eachArticleOf(ctx, tx, pages, use) })
	})
	return err
}

func (p *Posts) eachArticleOf(ctx context.Context, tx pgx.Tx, pages bool, use func(version int64, next func() (Article, error)) error) error {
	var version int64
	var withdrawn []string
	err := tx.QueryRow(ctx, `select version, array(select slug from posts where withdrawn) from site`).Scan(&version, &withdrawn)
	if err != nil {
		return err
	}
	if version == 0 {
		return errNothingPublished
	}
	if p.bulkDB.Replicated() && version < p.site.version.Load() {
		return resilience.ErrBehind // and the caller comes again: what is made of this is kept
	}
	page := `html, toc`
	if !pages {
		page = `'' as html, '[]'::jsonb as toc`
	}
	rows, err := tx.Query(ctx, `select `+summaryColumns+`, body, version, `+page+`
			from posts where not withdrawn order by published desc, slug desc`)
	if err != nil {
		return err
	}
	defer rows.Close()
	return use(version, func() (a Article, err error) {
		if rows.Next() {
			return a, rows.Scan(&a.Slug, &a.Title, &a.Summary.Summary, &a.Tags, &a.Published, &a.Updated, &a.Minutes, &a.Text, &a.Version, &a.HTML, &a.TOC)
		}
		if err := rows.Err(); err != nil {
			return a, err // half a snapshot must not pass for a whole one
		}
		if len(withdrawn) == 0 {
			return a, io.EOF
		}
		a.Slug, a.Withdrawn = withdrawn[0], true
		withdrawn = withdrawn[1:]
		return a, nil
	})
}
