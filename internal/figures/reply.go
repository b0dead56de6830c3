package figures

import (
	"fmt"

	"afloat/internal/chart"
	"afloat/internal/policy"
)

// replyLost is lesson 7's: whoever hears nothing can't know whether it was done, and a key makes that harmless.
func replyLost() Figure {
	return Figure{
		Name: "reply-lost", Label: Computed, Code: "internal/figures/reply.go",
		How: "The course of a comment whose first reply is lost, and the tries that the policies’ table gives it",
		draw: func() chart.Figure {
			const blog, database = 0, 1
			tries := policy.Afloat().CommentWrites.Retry.Attempts
			course := func(heading, sent, again, answer string) []chart.Step {
				return []chart.Step{
					{Heading: heading, From: blog, To: database, Label: "try 1: " + sent},
					{From: database, To: database, Label: "commits comment 1"},
					{From: database, To: blog, Label: "done", Lost: true},
					{From: blog, To: blog, Label: fmt.Sprintf("hears nothing for %s", millis(policy.Afloat().CommentWrites.AttemptDeadline))},
					{From: blog, To: database, Label: fmt.Sprintf("try %d: %s", tries, sent)},
					{From: database, To: database, Label: again},
					{From: database, To: blog, Label: answer},
				}
			}
			steps := course("Without a key: two comments", "insert", "commits comment 2", "done, comment 2")
			steps = append(steps, course("With a key: one comment", "insert, key k", "finds k: nothing to write", "done, comment 1")...)
			return chart.Figure{
				Title: "A reply that is lost after the commit makes two comments; with an idempotency key it makes one",
				Desc:  "What the blog and the database say to each other. To the blog, a lost reply looks the same as a lost request.",
				Plot:  chart.Sequence{Actors: []string{"Blog", "Database"}, Steps: steps},
			}
		},
	}
}
