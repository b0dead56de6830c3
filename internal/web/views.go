package web

import (
	"html/template"
	"slices"

	"afloat/internal/store"
	"afloat/internal/widgets"
)

// What the store and the widgets return, as the templates want it.

func viewArticle(p store.Post, body template.HTML, path lessonPath) articleView {
	v := articleView{
		Slug: p.Slug, Title: p.Title, Summary: p.Summary.Summary, Tags: p.Tags,
		Published: p.Published, Updated: p.Updated, Minutes: p.Minutes, Body: body, Path: path,
	}
	for _, h := range p.TOC {
		v.TOC = append(v.TOC, heading(h))
	}
	if p.Newer != nil {
		v.Next = &articleRef{p.Newer.Slug, p.Newer.Title}
	}
	if p.Older != nil {
		v.Prev = &articleRef{p.Older.Slug, p.Older.Title}
	}
	if path.Slug != "" { // a lesson's neighbours are lessons, whatever was published in between
		v.Prev, v.Next = path.neighbours()
	}
	return v
}

// viewComments shows an article's comments: those of the database, and behind
// them those that wait in the outbox. One that is in both is written. mine is
// the Ref of the one that this reader has just written; "" for other readers.
func viewComments(slug string, list, waiting []store.Comment, mine string) commentsView {
	v := commentsView{Slug: slug}
	written := map[string]bool{}
	for _, c := range list {
		written[c.KeyHash] = true
		v.Comments = append(v.Comments, viewComment(c, mine))
	}
	for _, c := range waiting {
		if !written[c.KeyHash] {
			v.Comments = append(v.Comments, viewComment(c, mine))
		}
	}
	v.Late = mine != "" && !slices.ContainsFunc(v.Comments, func(c commentView) bool { return c.Mine })
	v.Outbox = store.IsEntry(mine)
	return v
}

func viewComment(c store.Comment, mine string) commentView {
	v := commentView{Ref: c.Ref(), Author: c.Author, Body: template.HTML(c.HTML), At: c.Created, Mine: c.Ref() == mine, Waiting: c.Entry != ""}
	switch {
	case !v.Waiting || c.Disks == 0:
	case c.Disks == 1:
		v.Kept = "It is kept on one disk until then."
	case c.Disks == 2:
		v.Kept = "It is kept on two disks until then, since one of three was away."
	default:
		v.Kept = "It is kept on three disks until then."
	}
	return v
}

func viewSuggestions(list []widgets.Suggestion) []suggestionView {
	var v []suggestionView
	for _, s := range list {
		v = append(v, suggestionView(s))
	}
	return v
}

func viewPopular(list []widgets.Popular) []popularView {
	var v []popularView
	for _, p := range list {
		v = append(v, popularView(p))
	}
	return v
}
