package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// lab asks the blog for its faults and counters.
func (b *bench) lab(ctx context.Context, method, path string, form url.Values, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+b.blog.addr+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s %s", method, path, res.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

func (b *bench) setFault(ctx context.Context, link, kind string) error {
	return b.lab(ctx, http.MethodPost, "/lab/faults", url.Values{"link": {link}, "kind": {kind}}, nil)
}

func (b *bench) clearFault(ctx context.Context, link string) error {
	return b.lab(ctx, http.MethodDelete, "/lab/faults/"+link, nil, nil)
}

// changes counts, for each policy, how often its breaker changed.
func (b *bench) changes(ctx context.Context) (map[string]uint64, error) {
	var status struct {
		Policies []struct {
			Name           string `json:"name"`
			BreakerChanges uint64 `json:"breaker_changes"`
		} `json:"policies"`
	}
	if err := b.lab(ctx, http.MethodGet, "/lab/status", nil, &status); err != nil {
		return nil, err
	}
	counts := map[string]uint64{}
	for _, p := range status.Policies {
		counts[p.Name] = p.BreakerChanges
	}
	return counts, nil
}

// readsArticle are the policies of each link that a page of an article that no
// cache holds makes a call through.
var readsArticle = map[string][]string{
	"postgres":        {"post reads", "comment reads"},
	"redis":           {"redis copies"},
	"recommendations": {"recommendations"},
}

// untilOpen waits until the breakers that protect an uncached page from a link
// have all changed, which from healthy is to open. It returns how long that
// took, and never where they didn't.
func (b *bench) untilOpen(ctx context.Context, link string, before map[string]uint64) (took time.Duration, opened bool) {
	began := time.Now()
	for ctx.Err() == nil {
		now, err := b.changes(ctx)
		if err == nil && !slices.ContainsFunc(readsArticle[link], func(p string) bool { return now[p] == before[p] }) {
			return time.Since(began), true
		}
		const look = 10 * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(look):
		}
	}
	return 0, false
}
