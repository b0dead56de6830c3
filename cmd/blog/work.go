package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"afloat"
	"afloat/internal/config"
	"afloat/internal/recommend"
	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/web"
)

// work starts everything that goes on behind the readers, until ctx ends. A
// twin looks after nothing, so its own recommendations service, if it has one,
// is taught from here.
func (a *app) work(ctx context.Context, twins string) {
	a.tend(ctx)
	if a.db == nil {
		return
	}
	a.background.Go(func() {
		a.untilDone(ctx, "the database's schema and articles", func(ctx context.Context) error {
			ran, err := store.Migrate(ctx, a.bulk, afloat.Migrations())
			if err != nil {
				return err
			}
			done, err := store.PublishShipped(ctx, a.bulk, a.articles)
			if err == nil {
				a.log.Info("database ready", "migrations", ran, "articles", done.String())
			}
			return err
		})
	})
	a.background.Go(func() { a.web.Comments.Beat(ctx, a.server.Poll) })
	services := a.services
	if twins != "" {
		services = append(slices.Clone(services), twins)
	}
	for _, at := range services { // each by itself: one that hangs must not keep the other waiting
		a.background.Go(func() { a.teach(ctx, at) })
	}
}

// tend keeps what this server itself holds up to date, as far as its table asks
// for it; work is that, and the upkeep of what all servers share.
func (a *app) tend(ctx context.Context) {
	a.background.Go(func() { a.web.Views.Run(ctx) })
	a.background.Go(func() { a.web.CommentsWidget.Tend(ctx, a.server.Poll) })
	a.background.Go(func() { a.web.Counts.Tend(ctx, a.server.Poll) })
	a.background.Go(func() { a.web.Recommendations.Tend(ctx, a.server.Poll) })
	a.background.Go(func() { a.web.Popular.Tend(ctx, a.server.Poll) })
	if a.outbox != nil {
		a.background.Go(func() { a.outbox.Run(ctx) })
	}
	if a.db == nil || !a.table.Watched() {
		return
	}
	a.background.Go(func() { a.db.WatchLead(ctx) })
	changed, versions := make(chan struct{}, 1), make(chan int64, 1)
	a.background.Go(func() { a.announce(ctx, versions) })
	a.background.Go(func() {
		a.posts.Watch(ctx, func(version int64) {
			select {
			case versions <- version:
			default: // one is waiting, and what is announced with it covers this one
			}
			select {
			case changed <- struct{}{}:
			default: // a change that is waiting covers this one too
			}
		})
	})
	if !a.table.Fallback {
		return
	}
	a.background.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				a.untilDone(ctx, "the snapshot", a.posts.SaveSnapshot)
			}
		}
	})
}

// untilDone repeats a task until it succeeds: what it needs may be down, and
// healing is nobody's job but its own. The pauses hardly grow, since one try
// every two seconds is no load, and readers wait for what it brings.
func (a *app) untilDone(ctx context.Context, what string, task func(context.Context) error) {
	pauses := resilience.Backoff{Base: a.server.Reconnect, Cap: 2 * a.server.Reconnect, Jitter: resilience.NoJitter}
	for try := 1; ; try++ {
		_, err := resilience.Deadline(ctx, a.table.Bulk.Deadline, func(ctx context.Context) (struct{}, error) { return struct{}{}, task(ctx) })
		if err == nil || ctx.Err() != nil {
			return
		}
		if try == 1 {
			a.log.Warn("not done yet, going on to try", "task", what, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pauses.Ceiling(try)):
		}
	}
}

// teach keeps the recommendations service at one base URL supplied with the
// articles of the site's current version. The service keeps nothing on disk; asking it what it
// has, now and then, covers its restarts as well as our publications.
func (a *app) teach(ctx context.Context, at string) {
	tick := time.NewTicker(a.server.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		version, _ := a.posts.Version()
		if version == 0 {
			continue
		}
		if err := a.teachOnce(ctx, at, version); err != nil {
			a.log.Debug("the recommendations service is not up to date", "at", config.NewSecret(at), "err", err)
		}
	}
}

func (a *app) teachOnce(ctx context.Context, at string, version int64) error {
	ctx, cancel := context.WithTimeout(ctx, a.table.Bulk.Deadline)
	defer cancel()
	has, err := a.recommendations(ctx, http.MethodGet, at+"/healthz", nil)
	if err != nil || has == version {
		return err
	}
	docs, out := io.Pipe() // from the database straight to the service: memory holds one article at a time
	var sending sync.WaitGroup
	sending.Go(func() { _ = out.CloseWithError(a.sendDocs(ctx, out)) }) // it never fails
	_, err = a.recommendations(ctx, http.MethodPut, at+"/documents?"+url.Values{"version": {strconv.FormatInt(version, 10)}}.Encode(), docs)
	_ = docs.Close() // ends the sending where nobody listens any more; it never fails
	sending.Wait()
	return err
}

// sendDocs writes every article as the recommendations service takes them: a
// JSON list.
func (a *app) sendDocs(ctx context.Context, to io.Writer) error {
	out := bufio.NewWriter(to)
	encode := json.NewEncoder(out)
	separator := "["
	err := a.posts.Articles(ctx, func(p store.Article) error {
		_, err := out.WriteString(separator)
		separator = ","
		return errors.Join(err, encode.Encode(recommend.Doc{Slug: p.Slug, Title: p.Title, Summary: p.Summary.Summary, Tags: p.Tags, Text: p.Text}))
	})
	if err != nil {
		return err
	}
	if separator == "[" { // there is no article
		_, err = out.WriteString("[")
	}
	_, closing := out.WriteString("]")
	return errors.Join(err, closing, out.Flush())
}

// recommendations asks the service, and returns the version it then has.
func (a *app) recommendations(ctx context.Context, method, url string, body io.Reader) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, err
	}
	res, err := a.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("%s %s: %s", method, req.URL.Path, res.Status)
	}
	var answer struct {
		Version int64 `json:"version"`
	}
	return answer.Version, json.NewDecoder(res.Body).Decode(&answer)
}

// followed is where the blog is whose faults the twin follows.
func followed(follow string) (web.Other, error) {
	if follow == "" {
		return web.Other{}, nil
	}
	port := ""
	for _, at := range split(follow) {
		u, err := url.Parse(at)
		if err != nil || u.Host == "" {
			return web.Other{}, errors.New("-follow needs the URL of a blog's /lab/faults, or several with commas between them")
		}
		port = cmp.Or(port, u.Port(), "80")
	}
	return web.Other{Name: "the protected blog", Port: port}, nil
}
