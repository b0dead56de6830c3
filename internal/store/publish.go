package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/content"
)

// Published says what a publication did.
type Published struct {
	Version                         int64
	Added, Changed, Withdrawn, Same int
}

func (p Published) String() string {
	switch {
	case p == Published{Version: p.Version}:
		return "nothing to do: somebody's own articles are published"
	case p.Added+p.Changed+p.Withdrawn == 0:
		return fmt.Sprintf("nothing to do: all %d articles are published already", p.Same)
	}
	return fmt.Sprintf("%d added, %d changed, %d withdrawn, %d unchanged", p.Added, p.Changed, p.Withdrawn, p.Same)
}

// A Draft is what can be published: a content.File, which is rendered only if
// the blog hasn't got it yet, or a content.Article.
type Draft interface {
	Key() (slug, hash string)
	Render() (content.Article, error)
}

// Publish makes articles the whole of the blog: new and changed ones are
// written, missing ones withdrawn, all in one transaction or not at all. The
// error joins what is wrong with any of them. Articles are compared by slug and
// content hash, so publishing again changes nothing, renders nothing and raises
// no version. Memory holds a batch of them, however many there are.
func Publish[D Draft](ctx context.Context, db *DB, articles []D) (Published, error) {
	return publish(ctx, db, articles, false)
}

// PublishShipped publishes the articles in the binary, unless someone has
// published their own.
func PublishShipped[D Draft](ctx context.Context, db *DB, articles []D) (Published, error) {
	return publish(ctx, db, articles, true)
}

func publish[D Draft](ctx context.Context, db *DB, articles []D, shipped bool) (done Published, err error) {
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		done, err = publishTx(ctx, tx, articles, shipped)
		return err
	})
	if err != nil {
		return Published{}, fmt.Errorf("publishing: %w", err)
	}
	return done, nil
}

// batchSize is how many statements are sent at once: enough for the round trips
// to cost nothing, and few enough that a large blog is not held in memory twice.
const batchSize = 200

func publishTx[D Draft](ctx context.Context, tx pgx.Tx, articles []D, shipped bool) (Published, error) {
	var done Published
	var previous int64
	var wasShipped bool
	// The row lock puts publishers in a queue: two servers starting at once
	// must not both raise the version.
	if err := tx.QueryRow(ctx, `select version, shipped from site for update`).Scan(&previous, &wasShipped); err != nil {
		return done, err
	}
	if shipped && previous > 0 && !wasShipped {
		return Published{Version: previous}, nil
	}
	known, err := knownArticles(ctx, tx)
	if err != nil {
		return done, err
	}

	// Wall-clock milliseconds keep the version rising across a database that
	// was made anew, so that copies of the old one's articles give way.
	done.Version = max(previous+1, time.Now().UnixMilli())
	batch := &pgx.Batch{}
	var problems []error
	for _, d := range articles {
		if batch.Len() == batchSize {
			if err := tx.SendBatch(ctx, batch).Close(); err != nil {
				return done, err
			}
			batch = &pgx.Batch{}
		}
		slug, hash := d.Key()
		was, ok := known[slug]
		delete(known, slug)
		if ok && was.Hash == hash && !was.Withdrawn {
			done.Same++
			continue
		}
		a, err := d.Render()
		if err != nil {
			problems = append(problems, err) // go on: whoever has to mend them wants to know of all
			continue
		}
		if ok {
			done.Changed++
		} else {
			done.Added++
		}
		queueArticle(batch, a, done.Version)
	}
	if err := errors.Join(problems...); err != nil {
		return done, err
	}
	for slug, was := range known {
		if !was.Withdrawn {
			done.Withdrawn++
			batch.Queue(`update posts set withdrawn = true, version = $2 where slug = $1`, slug, done.Version)
		}
	}
	if done.Added+done.Changed+done.Withdrawn == 0 { // at most it is somebody's own blog now, which concerns no reader
		done.Version = previous
		_, err := tx.Exec(ctx, `update site set shipped = $1 where shipped <> $1`, shipped)
		return done, err
	}
	batch.Queue(`update site set version = $1, shipped = $2, contents = (select to_jsonb(c) from contents c)`, done.Version, shipped)
	batch.Queue(`notify afloat`) // delivered when this commits, and only then
	return done, tx.SendBatch(ctx, batch).Close()
}

type knownArticle struct {
	Slug, Hash string
	Withdrawn  bool
}

func knownArticles(ctx context.Context, tx pgx.Tx) (map[string]knownArticle, error) {
	rows, err := tx.Query(ctx, `select slug, hash, withdrawn from posts`)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[knownArticle])
	known := make(map[string]knownArticle, len(list))
	for _, a := range list {
		known[a.Slug] = a
	}
	return known, err
}

func queueArticle(batch *pgx.Batch, a content.Article, version int64) {
	p := fromContent(a)
	batch.Queue(`
		insert into posts (slug, title, summary, tags, published, updated, html, body, toc, minutes, hash, version)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		on conflict (slug) do update set title = $2, summary = $3, tags = $4, published = $5, updated = $6, html = $7,
			body = $8, toc = $9, minutes = $10, hash = $11, version = $12, withdrawn = false`,
		p.Slug, p.Title, p.Summary.Summary, p.Tags, p.Published, p.Updated, p.HTML, p.Text, p.TOC, p.Minutes, a.Hash, version)
}

func fromContent(a content.Article) Article {
	toc := make([]Heading, 0, len(a.TOC))
	for _, h := range a.TOC {
		toc = append(toc, Heading(h))
	}
	return Article{
		Post: Post{
			Summary: Summary{a.Slug, a.Title, a.Summary, a.Tags, a.Published, a.Updated, a.Minutes},
			HTML:    a.HTML, TOC: toc,
		},
		Text: a.Text,
	}
}

func sortNewestFirst(all []Article) {
	slices.SortFunc(all, func(a, b Article) int {
		if c := b.Published.Compare(a.Published); c != 0 {
			return c
		}
		return strings.Compare(b.Slug, a.Slug)
	})
}
