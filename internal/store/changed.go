package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Changed returns the slugs of the articles that were written or withdrawn
// after a version of the site, at most limit, newest changes first. It is for
// background work.
func (p *Posts) Changed(ctx context.Context, since int64, limit int) ([]string, error) {
	if p.bulkDB == nil {
		return nil, errNoDatabase
	}
	rows, err := p.bulkDB.Query(ctx, `select slug from posts where version > $1 order by version desc limit $2`, since, limit)
	if err != nil {
		return nil, fmt.Errorf("finding what was published: %w", err)
	}
	slugs, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("finding what was published: %w", err)
	}
	return slugs, nil
}
