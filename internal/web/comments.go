package web

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"
	"github.com/maypok86/otter/v2"

	"afloat/internal/content"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/store"
)

const (
	maxAuthor = 80
	maxBody   = 4000
	maxKey    = 255 // as in Stripe's API
	minKey    = 16
)

// commentForm shows the form and mints its idempotency key. The key is in no
// article's page, since those may be kept and shared.
func (s *Server) commentForm(w http.ResponseWriter, r *http.Request) error {
	post, _, err := s.Posts.Post(r.Context(), chi.URLParam(r, "slug"))
	if err != nil {
		return err
	}
	page := commentPage{Slug: post.Slug, PostTitle: post.Title, Key: rand.Text(), Fragment: r.URL.Query().Get("fragment") == "1"}
	return s.renderComment(w, r, http.StatusOK, page)
}

func (s *Server) renderComment(w http.ResponseWriter, r *http.Request, status int, page commentPage) error {
	page.frame = s.frame(r, "Write a comment", "")
	page.Canonical = ""
	name := "comment"
	if page.Fragment {
		name = "comment-fragment"
	}
	body, err := s.pages.render(name, page)
	if err != nil {
		return err
	}
	noStore(w)
	writePage(w, status, body)
	return nil
}

// postComment takes a comment once, into the database or the outbox. Whatever goes wrong, the answer holds the
// text and the same key, so that sending it again is both easy and harmless.
func (s *Server) postComment(w http.ResponseWriter, r *http.Request) error {
	slug := chi.URLParam(r, "slug")
	if err := r.ParseForm(); err != nil {
		return s.badForm(w, r, slug, err)
	}
	page := commentPage{Slug: slug, PostTitle: slug,
		Author: strings.TrimSpace(r.PostForm.Get("author")), Body: strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("body"), "\r\n", "\n")), Key: r.PostForm.Get("key")}
	if r.PostForm.Get("website") != "" { // only a robot fills in what nobody sees
		http.Redirect(w, r, postURL(slug), http.StatusSeeOther)
		return nil
	}
	article := s.lookUp(r.Context(), slug)
	if page.Problems = checkComment(page); len(page.Problems) > 0 {
		if page.Problems["key"] != "" {
			page.Key = rand.Text()
		}
		return s.refuseComment(w, r, http.StatusBadRequest, page, article)
	}
	if s.limits.exceeded(w, r, page.Key) {
		page.Problems = map[string]string{"": "That is many comments from one place within a minute. Your text is kept: send it again in a moment."}
		return s.refuseComment(w, r, http.StatusTooManyRequests, page, article)
	}

	c, report, err := s.Comments.Add(r.Context(), store.NewComment{
		Slug: slug, Author: page.Author, Body: page.Body, HTML: content.Comment(page.Body), Key: page.Key,
	}, func() bool { _, missing := article(); return missing == nil })
	switch {
	case err == nil:
		s.forgetHot(r, postURL(slug))
		noStore(w)
		http.Redirect(w, r, commentURL(slug, c.Ref()), http.StatusSeeOther)
		return nil
	case errors.Is(err, store.ErrKeyReused):
		page.Problems = map[string]string{"": "This form was sent before with another text, and that comment is published. Sending again will add this text as a new comment."}
		page.Key = rand.Text()
		return s.refuseComment(w, r, http.StatusConflict, page, article)
	case !s.Table.Page.Isolate:
		return err
	}
	if _, missing := article(); errors.Is(missing, store.ErrNotFound) || errors.Is(missing, store.ErrWithdrawn) {
		return missing
	}
	// Not found is no exception here: the article was there a moment ago, so the
	// database doesn't have it yet, or no longer, and the text must not be lost.
	s.Warnings.Part(r.Context(), "comment form", s.Comments.Policy(), resilience.Provenance{
		State: resilience.Missing, Attempts: report.Attempts, Took: report.Took, Breaker: report.Breaker, Err: err,
	})
	page.Unavailable = true
	w.Header().Set("Retry-After", strconv.Itoa(int(s.Options.Server.RetryAfter.Seconds())))
	return s.refuseComment(w, r, http.StatusServiceUnavailable, page, article)
}

// lookUp reads a comment's article beside the comment's own way, so that a
// writer who has to wait for both waits for the longer one only. The function
// that it returns waits for the article's title, no longer than for a page.
func (s *Server) lookUp(ctx context.Context, slug string) func() (title string, err error) {
	type article struct {
		title string
		err   error
	}
	found := make(chan article, 1) // buffered: nobody may want to know
	s.reads.Go(func() {
		title, err := resilience.Isolate(func() (string, error) {
			post, _, err := s.Posts.Post(ctx, slug)
			return post.Title, err
		})
		found <- article{title, err}
	})
	return sync.OnceValues(func() (string, error) {
		a := <-found
		return a.title, a.err
	})
}

// refuseComment shows the form with its text once more, unless there is no
// such article.
func (s *Server) refuseComment(w http.ResponseWriter, r *http.Request, status int, page commentPage, article func() (string, error)) error {
	title, err := article()
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrWithdrawn) {
		return err
	}
	if err == nil {
		page.PostTitle = title
	}
	return s.renderComment(w, r, status, page)
}

// badForm answers a body that is no form, or is too large to be one.
func (s *Server) badForm(w http.ResponseWriter, r *http.Request, slug string, err error) error {
	page := commentPage{Slug: slug, PostTitle: slug, Key: rand.Text()}
	page.Problems = map[string]string{"": "This was not a form that can be read. Send author, body and key as a form."}
	status := http.StatusBadRequest
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
		page.Problems = map[string]string{"": "This is more than a comment can hold: " + strconv.Itoa(maxBody) + " characters are the limit."}
	}
	return s.renderComment(w, r, status, page)
}

// checkComment names each field that is wrong, and what would be right.
func checkComment(p commentPage) map[string]string {
	problems := map[string]string{}
	check := func(field, v string, least, most int, empty string) {
		switch n := utf8.RuneCountInString(v); {
		case n < least:
			problems[field] = empty
		case n > most:
			problems[field] = "This has " + strconv.Itoa(n) + " characters; " + strconv.Itoa(most) + " are the limit."
		case !utf8.ValidString(v) || strings.ContainsRune(v, 0):
			problems[field] = "This holds bytes that are no text."
		}
	}
	check("author", p.Author, 1, maxAuthor, "Say who is writing; any name will do.")
	check("body", p.Body, 1, maxBody, "Write something first.")
	check("key", p.Key, minKey, maxKey, "This form has lost its key; here is a new one. Send it again.")
	if strings.ContainsAny(p.Author, "\n\r\t") {
		problems["author"] = "A name fits on one line."
	}
	return problems
}

// commentLimits bounds what one address may send. A replay of a key that was
// seen lately is not a new comment, so retrying never runs into the limit.
type commentLimits struct {
	fresh, all *httprate.RateLimiter
	seen       *otter.Cache[string, struct{}]
}

func newCommentLimits(p policy.Server) *commentLimits {
	return &commentLimits{
		fresh: httprate.NewRateLimiter(p.CommentsPerMinute, time.Minute),
		all:   httprate.NewRateLimiter(p.PostsPerMinute, time.Minute),
		seen:  otter.Must(&otter.Options[string, struct{}]{MaximumSize: 10_000}),
	}
}

func (l *commentLimits) exceeded(w http.ResponseWriter, r *http.Request, key string) bool {
	from := httprate.CanonicalizeIP(readerAddress(r))
	if l.all.OnLimit(w, r, from) {
		return true
	}
	if _, isNew := l.seen.SetIfAbsent(from+" "+key, struct{}{}); !isNew {
		return false
	}
	if l.fresh.OnLimit(w, r, from) {
		l.seen.Invalidate(from + " " + key)
		return true
	}
	return false
}
