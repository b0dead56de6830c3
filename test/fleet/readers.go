package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"afloat/internal/load"
)

const (
	blogURL = "http://127.0.0.1:8080"
	twinURL = "http://127.0.0.1:8081"

	uncachedShare = 0.10
	assetRate     = 5.0
	twinRate      = 10.0 // it is there to be compared with, not to be worn out
)

// readers are who comes during a case. Each opens a connection of its own and asks once: nothing is sent a second time
// behind the measurement's back, and a dead listener can't hide behind old connections.
//
// What an edge can't answer from a copy is an article with its X-ray on: a page about the moment, which it always asks
// a server for.
type readers struct {
	articles, assets []string // paths
	rate             float64
	seed             uint64
}

// read is what became of one reader.
type read struct {
	kind string
	due  time.Time
	load.Sample
}

func (r read) failed() bool { return !r.OK(readLimit) }

// meet learns which articles and assets there are.
func meet(ctx context.Context, rate float64, seed uint64) (*readers, error) {
	articles, err := load.Discover(ctx, http.DefaultClient, blogURL)
	if err != nil {
		return nil, err
	}
	page, err := get(ctx, blogURL+articles[0])
	if err != nil {
		return nil, err
	}
	r := &readers{articles: articles, rate: rate, seed: seed}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/static/[^"?#]+)"`).FindAllSubmatch(page, -1) {
		if path := string(m[1]); !slices.Contains(r.assets, path) {
			r.assets = append(r.assets, path)
		}
	}
	if len(r.assets) == 0 {
		return nil, errors.New("an article has no assets under /static/")
	}
	return r, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	_, body, err := fetch(ctx, url)
	return body, err
}

func fetch(ctx context.Context, url string) (http.Header, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	res, err := fresh.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, load.MaxPage))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, res.Status)
	}
	return res.Header, body, err
}

// fresh opens a connection for each request, and follows no redirect.
var fresh = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// warm has every page and asset asked for until each edge answers from a copy of its own. A fleet that is whole again may
// still be catching its breath, so for a minute no answer, or a page that no edge keeps, is not the end.
func (r *readers) warm(ctx context.Context) error {
	for _, path := range slices.Concat(r.articles, r.assets) {
		patience := time.Now().Add(time.Minute)
		for has := map[string]bool{}; len(has) < edges; {
			header, _, err := fetch(ctx, blogURL+path)
			if err == nil && header.Get("X-Cache") != "miss" {
				has[header.Get("X-Edge")] = true
				continue
			}
			if time.Now().After(patience) {
				return cmp.Or(err, fmt.Errorf("%s: of %d edges only %d have a copy", path, edges, len(has)))
			}
			if err := wait(ctx, tick/10); err != nil {
				return err
			}
		}
	}
	return nil
}

// edges is how many there are, each with copies of its own.
const edges = 2

// isArticle finds the mark of an article on its page, and the end of the page.
func isArticle(path string, body []byte) error {
	slug, _, _ := strings.Cut(strings.TrimPrefix(path, "/posts/"), "?")
	switch {
	case !bytes.Contains(body, []byte(`<article data-part="post"`)) || !bytes.Contains(body, []byte("/posts/"+slug)):
		return fmt.Errorf("no article %s on the page", slug)
	case !bytes.HasSuffix(bytes.TrimSpace(body), []byte("</html>")):
		return errors.New("the page has no end")
	}
	return nil
}

// plans are the readers of a case by kind; those of the twin are apart.
func (r *readers) plans(lasts time.Duration) map[string]load.Plan {
	xray := make([]string, len(r.articles))
	for i, path := range r.articles {
		xray[i] = path + "?xray=1"
	}
	plan := func(seed uint64, target string, rate float64, paths []string, check func(string, []byte) error) load.Plan {
		return load.Plan{Target: target, Rate: rate, Duration: lasts, Seed: r.seed*10 + seed, Paths: paths, Timeout: readLimit, Fresh: true, Check: check}
	}
	return map[string]load.Plan{
		cachedReads:   plan(1, blogURL, r.rate*(1-uncachedShare)-assetRate, r.articles, isArticle),
		uncachedReads: plan(2, blogURL, r.rate*uncachedShare, xray, isArticle),
		assetReads:    plan(3, blogURL, assetRate, r.assets, nil),
		twinReads:     plan(4, twinURL, twinRate, r.articles, isArticle),
	}
}

const twinReads = "twin"

// come sends all readers until ctx ends, and returns what became of them. Whoever is on the way then is not told of.
func (r *readers) come(ctx context.Context, lasts time.Duration) []read {
	var mu sync.Mutex
	var got []read
	var reading sync.WaitGroup
	for kind, plan := range r.plans(lasts) {
		began := time.Now()
		plan.Each = func(s load.Sample) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, read{kind: kind, due: began.Add(s.Due), Sample: s})
		}
		reading.Go(func() { _, _ = load.Run(ctx, plan) }) // it ends with an error because ctx does; Each has been told
	}
	reading.Wait()
	return got
}
