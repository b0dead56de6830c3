package web

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"afloat/internal/widgets"
)

// A CDN in front of the servers, an edge, keeps pages by what Cache-Control
// says, and is told at once what has changed, by tag.

// The tags of pages. Every page carries tagSite.
const (
	tagSite  = "site"
	tagLists = "lists"
)

// PostTag is the tag of an article's page.
func PostTag(slug string) string { return "post-" + slug }

// PublicationTags are the tags of what a publication has changed, given the
// articles that it wrote or withdrew.
func PublicationTags(slugs []string) []string {
	tags := []string{tagLists}
	for _, slug := range slugs {
		tags = append(tags, PostTag(slug))
	}
	return tags
}

// tagsOf names what the page at a path depends on, with spaces between.
func tagsOf(path string) string {
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "posts":
		return tagSite + " " + PostTag(rest)
	case "source", "robots.txt": // of the program
		return tagSite
	default:
		return tagSite + " " + tagLists
	}
}

// HearComments acts on what it is told of changed comments, until ctx ends: it
// reads them anew, and then tells the edges that the article's page is out of
// date. So an edge that asks after the last server's word gets the comments from
// any of them. What is
// told while it is at work is one change.
func (s *Server) HearComments(ctx context.Context, slugs <-chan string) {
	for {
		changed := map[string]bool{}
		select {
		case <-ctx.Done():
			return
		case slug := <-slugs:
			changed[slug] = true
		}
		for len(slugs) > 0 {
			changed[<-slugs] = true
		}
		var pages []string
		for slug := range changed {
			_, _, _ = s.CommentsWidget.Refresh(ctx, widgets.Request{Slug: slug}, nil) // a failure is in the widget's own events, and the copy ends by itself
			pages = append(pages, postURL(slug))
		}
		s.heard.Add(1)
		s.outdate(pages...)
	}
}

// outdate tells the edges, unless nobody can vouch for the site at this moment:
// then the copies that they have are what stands in for pages that can't be
// made complete, and end by themselves as soon as they can.
func (s *Server) outdate(pages ...string) {
	if _, vouched := s.Posts.Version(); vouched && s.Outdate != nil {
		s.Outdate(pages...)
	}
}

var (
	edgeName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
	edgeHit  = regexp.MustCompile(`^(hit|stale); age=([0-9]{1,9})$`)
)

// way is how a request came, for the X-ray. An edge overwrites what a client
// claims; where there is none, a client can deceive itself alone.
func (s *Server) way(r *http.Request) *wayView {
	v := &wayView{Node: s.Node}
	if name := r.Header.Get("X-Edge"); edgeName.MatchString(name) {
		v.Edge = name
		if hit := edgeHit.FindStringSubmatch(r.Header.Get("X-Edge-Cache")); hit != nil {
			v.Held, v.Old, v.Age = true, hit[1] == "stale", hit[2]
		}
	}
	if *v == (wayView{}) {
		return nil
	}
	return v
}
