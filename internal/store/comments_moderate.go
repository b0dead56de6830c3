package store

import (
	"context"
	"fmt"
)

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
		select id, slug, author, html, created, hidden is not null as hidden, `+keyHashColumn+`
		from comments order by id desc limit $1`, limit)
}
