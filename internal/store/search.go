package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"afloat/internal/resilience"
)

// Marks around a match in a snippet. They occur in no text, so a snippet can
// be escaped first and marked up afterwards.
const (
	MarkStart = "\u0002"
	MarkEnd   = "\u0003"
)

// Found is an article that matches a search.
type Found struct {
	Slug, Title, Snippet string // the snippet has MarkStart and MarkEnd around matches
	Published            time.Time
	Total                int  // matches on all pages
	More                 bool // there are more: only the newest were looked at, and Total counts those
}

// mostHits is how many matches are ranked, the newest: a word that is in every
// article tells nothing of any, and to rank 100,000 takes a second.
const mostHits = 500

// Search finds articles by words, the best first: in Postgres with its full
// text search, else by plain matching in the snapshot's text.
func (p *Posts) Search(ctx context.Context, query string, page, size int) ([]Found, resilience.Provenance, error) {
	reading, from := BeginReading(ctx)
	found, report, err := resilience.Call(reading, p.search, func(ctx context.Context) ([]Found, error) {
		return read(ctx, p.db, func(ctx context.Context, q querier) ([]Found, error) {
			return searchPostgres(ctx, q, query, page, size)
		})
	})
	prov := resilience.Provenance{Source: resilience.FromPostgres, State: resilience.Fresh, At: time.Now(),
		Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err}
	if err == nil {
		from.Tell(&prov)
		return found, prov, nil
	}
	if s := p.snapshot.load(); s != nil && p.table.Fallback {
		found, missing := p.searchSnapshot(ctx, s, query, page, size)
		if missing == nil {
			prov.Source, prov.State, prov.At = resilience.FromSnapshot, resilience.Fallback, s.At
			return found, prov, nil
		}
		err = errors.Join(err, missing)
	}
	prov.Source, prov.State, prov.At = "", resilience.Missing, time.Time{}
	return nil, prov, errors.Join(ErrUnavailable, err)
}

// searchPostgres plans each search anew (QueryExecModeExec): what is quick for
// a rare word, by the index of words, takes a second for a common one, which is
// found by date.
func searchPostgres(ctx context.Context, q querier, query string, page, size int) ([]Found, error) {
	if _, err := queryVersion(ctx, q); err != nil {
		return nil, err
	}
	rows, err := q.Query(ctx, `
		with newest as (
			select slug, title, body, published, search from posts
			where not withdrawn and search @@ websearch_to_tsquery('english', $1)
			order by published desc, slug desc limit $4 + 1),
		hits as (
			select slug, title, body, published, ts_rank_cd(search, websearch_to_tsquery('english', $1)) as rank, count(*) over () as n
			from newest order by rank desc, published desc, slug limit $2 offset $3)
		select slug, title, published, least(n, $4) as total, n > $4 as more, ts_headline('english', body, websearch_to_tsquery('english', $1),
			'MaxFragments=2, MinWords=12, MaxWords=28, FragmentDelimiter=" … ", StartSel="`+MarkStart+`", StopSel="`+MarkEnd+`"') as snippet
		from hits order by rank desc, published desc, slug`, pgx.QueryExecModeExec, query, size, (page-1)*size, mostHits)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[Found])
}

// searchSnapshot searches the snapshot for as long as a search may take, with
// as many others as may search at once.
func (p *Posts) searchSnapshot(ctx context.Context, s *Snapshot, query string, page, size int) ([]Found, error) {
	release, err := p.snapshot.searching.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return resilience.Deadline(ctx, p.table.Search.Deadline, func(limited context.Context) ([]Found, error) {
		found, err := s.Search(limited, query, page, size)
		return found, errors.Join(err, ctx.Err())
	})
}
