package web

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"afloat/internal/resilience"
	"afloat/internal/store"
)

// article serves an article's page. Only the post itself is critical; the
// parts around it are optional, load side by side and may each be missing.
//
// There are two renderings. Whole: every part is in memory, or a CDN asks;
// then the page is finished bytes with a length and an ETag. Streamed: a part
// has to be waited for; then the post is sent at once, and each part follows
// into its slot as it arrives, at the latest when the slots close.
func (s *Server) article(w http.ResponseWriter, r *http.Request) error {
	r = s.noteMoment(r)
	slug := chi.URLParam(r, "slug")
	mine := commentAsked(r)
	slots := s.articleSlots(r, slug, mine)

	ctx, cancel := s.slotContext(r.Context())
	defer cancel()
	parts, inMemory := peekAll(ctx, slots)
	var arriving <-chan loaded
	if !inMemory {
		arriving = s.loadAll(ctx, slots) // while the post is being read
	}

	post, prov, err := s.Posts.Post(r.Context(), slug)
	if err != nil {
		return err
	}
	body := s.body(post)
	page := postPage{frame: s.frame(r, post.Title, navOf(body)), Post: s.postPart(r, post, body, prov)}
	page.Description = post.Summary.Summary
	page.Article = &articleMeta{post.Published, post.Updated, post.Tags}
	s.note(r, "post", prov)
	if r.Method == http.MethodGet {
		s.Views.Count(slug, post.Title)
	}

	if !inMemory && s.Table.Page.Stream && !wantsWhole(r) && !s.critical.any() {
		return s.streamArticle(w, r, page, prov, arriving, len(slots))
	}
	if !inMemory {
		parts = collect(arriving, slots)
	}
	if err := r.Context().Err(); err != nil {
		return err // the reader has left: putting it together is most of the work
	}
	return s.wholeArticle(w, r, page, prov, parts, mine != "")
}

// commentAsked is the comment that the reader has just written, as its URL
// names it; "" for other readers.
func commentAsked(r *http.Request) string {
	ref := r.URL.Query().Get("comment")
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil && id > 0 || store.IsEntry(ref) {
		return ref
	}
	return ""
}

// wantsWhole reports whether the client can't use a page in pieces: a CDN,
// which announces itself by the Edge Architecture's header, or HEAD.
func wantsWhole(r *http.Request) bool {
	return r.Header.Get("Surrogate-Capability") != "" || r.Method == http.MethodHead
}

// collect waits for all parts, and puts them in the order of the page.
func collect(arriving <-chan loaded, slots []slot) []loaded {
	byName := map[string]loaded{}
	for range slots {
		part := <-arriving
		byName[part.name] = part
	}
	parts := make([]loaded, len(slots))
	for i, slot := range slots {
		parts[i] = byName[slot.name]
	}
	return parts
}

func (s *Server) wholeArticle(w http.ResponseWriter, r *http.Request, page postPage, prov resilience.Provenance, parts []loaded, personal bool) error {
	anyones := !personal && !page.XRay
	// That a comment waits is true for a moment only.
	settled := len(s.Comments.Outbox().Waiting(page.Post.V.Slug)) == 0
	keep := settled && anyones && !prov.State.Degraded() && len(page.Faults) == 0
	timing := []named{{"post", prov}}
	for _, part := range parts {
		if err := s.settle(r, part); err != nil {
			return err
		}
		keep = keep && !part.State.Degraded()
		timing = append(timing, named{part.name, part.Provenance})
	}
	body, err := s.pages.render("post-head", page)
	if err != nil {
		return err
	}
	for _, part := range parts {
		html, ok := s.renderPart(part, false)
		if !ok && s.critical.lacks(part.name, resilience.Missing) {
			return fmt.Errorf("%w: %s could not be rendered", errCritical, part.name)
		}
		body = append(body, html...)
		keep = keep && ok
	}
	foot, err := s.pages.render("post-foot", page)
	if err != nil {
		return err
	}
	body = append(body, foot...)
	provenanceHeaders(w.Header(), keep, timing...)
	if anyones {
		slug, title := page.Post.V.Slug, page.Post.V.Title
		s.serveFinished(w, r, body, keep, func() { s.Views.Count(slug, title) })
		return nil
	}
	serveWhole(w, r, "text/html; charset=utf-8", body, false)
	return nil
}

// streamArticle sends the post first, together with those parts that are there
// already. From the first byte on the status is 200, so nothing after it may
// fail: a part that can't be had is a placeholder.
func (s *Server) streamArticle(w http.ResponseWriter, r *http.Request, page postPage, prov resilience.Provenance, arriving <-chan loaded, n int) error {
	page.Streams = true
	head, err := s.pages.render("post-head", page)
	if err != nil {
		return err
	}
	foot, err := s.pages.render("post-foot", page)
	if err != nil {
		return err
	}
	noStore(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	provenanceHeaders(w.Header(), false, named{"post", prov})
	out := head
	for left := n; left > 0; left-- {
		var part loaded
		select {
		case part = <-arriving: // it is here: it goes out with what comes before it
		default:
			sendNow(w, out)
			out = out[:0]
			part = <-arriving // comes when the slots close, at the latest
		}
		_ = s.settle(r, part)
		html, _ := s.renderPart(part, true)
		out = append(out, html...)
	}
	_, _ = w.Write(append(out, foot...)) // an error here means that the reader has left
	return nil
}

// sendNow sends what there is without waiting for more of the page. A reader
// who has left is noticed at the next write.
func sendNow(w http.ResponseWriter, b []byte) {
	if _, err := w.Write(b); err == nil {
		_ = http.NewResponseController(w).Flush()
	}
}

func (s *Server) postPart(r *http.Request, post store.Post, body embedded, prov resilience.Provenance) part[articleView] {
	p := part[articleView]{Name: "post", Title: post.Title, V: viewArticle(post, body.html, s.pathOf(post.Slug)), Provenance: prov}
	if prov.State.Degraded() {
		p.Note = postNote(prov)
	}
	if s.xrayOn(r) {
		p.XRay = s.caption("post", prov)
	}
	return p
}

// postNote says what was served instead of the newest article.
func postNote(prov resilience.Provenance) string {
	if note := behindNote(prov); note != "" {
		return note
	}
	switch prov.Source {
	case resilience.FromRedis:
		return "The database does not answer. This article came from Redis."
	case resilience.FromSnapshot:
		return "Neither the database nor a cache answers. This article came from this server’s snapshot."
	default:
		return "The database does not answer. This article came from memory."
	}
}

// ageOf is how old a value is, for pages that are never kept.
func ageOf(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(0, time.Since(at))
}
