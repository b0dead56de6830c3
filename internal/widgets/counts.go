package widgets

import (
	"context"
	"strings"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

// NewCounts makes the widget of the comment counts on lists.
func NewCounts(c *store.Comments, t policy.Table, deps Deps) (*Widget[map[string]int], error) {
	return New(Spec[map[string]int]{
		Name:     "counts",
		Source:   resilience.FromPostgres,
		Row:      t.CommentCounts,
		Key:      func(r Request) string { return strings.Join(r.Slugs, "|") },
		Classify: store.Classify,
		Load: func(ctx context.Context, r Request) (map[string]int, error) {
			return c.Counts(ctx, r.Slugs)
		},
	}, deps)
}
