package widgets

import (
	"context"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

// shownComments bounds an article's page; the newest are shown.
const shownComments = 200

// NewComments makes the widget of an article's comments.
func NewComments(c *store.Comments, t policy.Table, deps Deps) (*Widget[[]store.Comment], error) {
	row := t.CommentReads
	if !c.Replicated() {
		row.Hedge = resilience.HedgePolicy{} // a second question to the only server meets the same cause
	}
	return New(Spec[[]store.Comment]{
		Name:     "comments",
		Source:   resilience.FromPostgres,
		Row:      row,
		Key:      func(r Request) string { return r.Slug },
		Classify: store.Classify,
		Load: func(ctx context.Context, r Request) ([]store.Comment, error) {
			return c.Of(ctx, r.Slug, shownComments)
		},
	}, deps)
}
