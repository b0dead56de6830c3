package store

import (
	"context"
	"strings"

	"afloat/internal/resilience"
)

// Named lists those of the articles that are published, newest first. That none
// is, is an answer, too. Slugs are few and have no comma in them.
func (p *Posts) Named(ctx context.Context, slugs ...string) (Listing, resilience.Provenance, error) {
	return p.lists.get(ctx, listKey{page: 1, size: len(slugs), slugs: strings.Join(slugs, ",")}.String())
}

// queryList reads a page of a list. Neither the number of articles nor that of
// the page makes it slow: totals were counted at publication (the view
// contents), and what comes before the page is skipped in an index alone, since
// only the page's own articles are looked up in the table.
func (p *Posts) queryList(ctx context.Context, key string) (Versioned[Listing], error) {
	type counted struct {
		Summary
		Total int `json:"total"`
	}
	k := parseListKey(key)
	args := []any{k.size, (k.page - 1) * k.size}
	where, total := `not withdrawn`, `select (contents -> 'total')::int from site`
	switch {
	case k.slugs != "":
		args = append(args, k.named())
		where += ` and slug = any($3)`
		total = `null::int` // it is counted: there are few
	case k.tag != "":
		args = append(args, k.tag)
		where += ` and tags @> array[$3]`
		total = `select (t -> 'n')::int from site, jsonb_array_elements(contents -> 'tags') t where t ->> 'tag' = $3`
	case k.year != 0:
		from, to := k.span()
		args = append(args, from, to, k.year)
		where += ` and published >= $3 and published < $4`
		total = `select (y -> 'n')::int from site, jsonb_array_elements(contents -> 'years') y where (y -> 'year')::int = $5`
	}
	rows, asOf, err := versioned[counted](ctx, p.db, `
		select `+summaryColumns+`, coalesce((`+total+`), (select count(*) from posts where `+where+`)) as total
		from (select slug from posts where `+where+` order by published desc, slug desc limit $1 offset $2) page join posts using (slug)
		order by published desc, slug desc`, args...)
	if err != nil {
		return Versioned[Listing]{}, err
	}
	if len(rows) == 0 && !k.mayBeEmpty() {
		return Versioned[Listing]{AsOf: asOf}, ErrNotFound
	}
	var l Listing
	for _, r := range rows {
		l.Items, l.Total = append(l.Items, r.Summary), r.Total
	}
	return Versioned[Listing]{V: l, AsOf: asOf}, nil
}
