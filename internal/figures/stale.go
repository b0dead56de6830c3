package figures

import (
	"fmt"

	"afloat/internal/chart"
	"afloat/internal/policy"
)

// staleLadder is lesson 9's: what an article's copy is good for, by its age. It is not to scale: its steps are a
// second, half a minute and a day.
func staleLadder() Figure {
	return Figure{
		Name: "stale-ladder", Label: Computed, Code: "internal/figures/stale.go",
		How: "The lifetimes of articles’ and comments’ copies, internal/policy/policy.go",
		draw: func() chart.Figure {
			table := policy.Afloat()
			p, comments := table.PostReads.Stale, table.CommentReads.Stale
			return chart.Figure{
				Title: fmt.Sprintf("An article’s copy is served at once for %s, and stands in for a database that fails for %s", span(p.Fresh+p.Behind), span(p.Keep)),
				Desc:  fmt.Sprintf("What happens to a copy as it gets older; windows count from when it is no longer fresh. A comment’s copy is fresh for %s, revalidated behind the reader for %s, and stands in for %s.", span(comments.Fresh), span(comments.Behind), span(comments.Keep)),
				Plot: chart.States{
					Boxes: []chart.Box{
						{Name: "fresh", Says: "Served as it is. Nobody asks the database."},
						{Name: "revalidate", Says: "Served at once, and renewed behind the reader."},
						{Name: "stale-if-error", Says: fmt.Sprintf("The database is asked; after %s without an answer, or a failure, the copy is served with its age.", span(p.Patience))},
						{Name: "gone", Says: "Too old to be better than an honest error."},
					},
					Arrows: []chart.Arrow{
						{From: 0, To: 1, Label: fmt.Sprintf("older than %s, ± %s so that copies made together don’t expire together", span(p.Fresh), percent(p.Jitter, 0))},
						{From: 1, To: 2, Label: "older than " + span(p.Fresh+p.Behind)},
						{From: 2, To: 3, Label: "older than " + span(p.Fresh+p.Keep)},
						{From: 1, To: 0, Label: "renewed"},
						{From: 2, To: 0, Label: "the database answers"},
					},
				},
			}
		},
	}
}
