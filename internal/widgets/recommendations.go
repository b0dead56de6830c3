package widgets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// Suggestion is a similar article.
type Suggestion struct {
	Slug  string `json:"slug"`
	Title string `json:"title"`
}

// NewHTTPClient makes the client of the recommendations service. Connecting is
// bounded here, outside dial: a dial outlives the request that asked for it.
func NewHTTPClient(dial func(ctx context.Context, network, addr string) (net.Conn, error), p policy.HTTP) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, p.DialTimeout)
			defer cancel()
			return dial(ctx, network, addr)
		},
		MaxConnsPerHost:     p.MaxConnsPerHost,
		MaxIdleConnsPerHost: p.MaxIdlePerHost,
	}}
}

// NewRecommendations makes the widget of similar articles; at are the base URLs
// of the service, which runs at each of them; none where it isn't configured.
func NewRecommendations(client *http.Client, at []string, gone func(slug string) bool, t policy.Table, deps Deps) (*Widget[[]Suggestion], error) {
	places := newBases(at, t.HTTP.Rest, classifyHTTP)
	return New(Spec[[]Suggestion]{
		Name:     "recommendations",
		Source:   resilience.FromService,
		Row:      t.Recommendations,
		Key:      func(r Request) string { return r.Slug },
		Classify: classifyHTTP,
		Load: func(ctx context.Context, r Request) ([]Suggestion, error) {
			base, done, err := places.take()
			if err != nil {
				return nil, err
			}
			list, err := similar(ctx, client, strings.TrimSuffix(base, "/")+"/similar/"+url.PathEscape(r.Slug)+"?n=3", gone)
			done(ctx, err)
			return list, err
		},
	}, deps)
}

func similar(ctx context.Context, client *http.Client, url string, gone func(string) bool) ([]Suggestion, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for similar articles: %w", err)
	}
	const limit = 64 << 10 // three suggestions are under 1 KiB
	body := io.LimitReader(res.Body, limit)
	defer func() {
		_, _ = io.Copy(io.Discard, body) // a connection whose answer was read to its end is used again
		_ = res.Body.Close()
	}()
	if res.StatusCode != http.StatusOK {
		return nil, statusError(res.StatusCode)
	}
	var answer struct {
		Similar []Suggestion `json:"similar"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("reading similar articles: %w", err)
	}
	var similar []Suggestion
	for _, s := range answer.Similar {
		if !gone(s.Slug) { // the service may not have heard of a withdrawal yet
			similar = append(similar, s)
		}
	}
	return similar, nil
}

// statusError is an answer with a status other than 200.
type statusError int

func (e statusError) Error() string {
	return fmt.Sprintf("the recommendations service answered %d %s", int(e), http.StatusText(int(e)))
}

func classifyHTTP(err error) resilience.Class {
	var status statusError
	if !errors.As(err, &status) {
		return resilience.DefaultClassifier(err)
	}
	switch {
	case status == http.StatusNotFound:
		return resilience.Neutral // a new article that the service has not been told of yet
	case status >= 500:
		return resilience.Transient // the other server may be well
	default:
		return resilience.Permanent // a 429 too: who says "too many" is not asked again at once
	}
}
