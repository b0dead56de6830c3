package web

import (
	"html/template"

	"afloat/internal/store"
	"afloat/internal/widgets"
)

// What the store and the widgets return, as the templates want it.

func viewArticle(p store.Post, body template.HTML) articleView {
	v := articleView{
		Slug: p.Slug, Title: p.Title, Summary: p.Summary.Summary, Tags: p.Tags,
		Published: p.Published, Updated: p.Updated, Minutes: p.Minutes, Body: body,
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
	return v
}

func viewComments(slug string, list []store.Comment, mine int64) commentsView {
	v := commentsView{Slug: slug}
	for _, c := range list {
		v.Comments = append(v.Comments, commentView{ID: c.ID, Author: c.Author, Body: template.HTML(c.HTML), At: c.Created, Mine: c.ID == mine})
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
