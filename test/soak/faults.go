package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// breakThings puts one fault after another on one link or all, with pauses in
// which everything heals, until ctx ends.
func breakThings(ctx context.Context, blog string, seed uint64, out io.Writer) {
	random := rand.New(rand.NewPCG(seed, seed))
	links := []string{"postgres", "redis", "recommendations", "all"}
	kinds := []string{"refuse", "hang", "slow", "flaky", "reset"}
	seconds := func(least, most int) time.Duration {
		return time.Duration(least+random.IntN(most-least+1)) * time.Second
	}
	for pause(ctx, seconds(5, 20)) {
		link, kind, lasts := links[random.IntN(len(links))], kinds[random.IntN(len(kinds))], seconds(5, 40)
		err := order(ctx, blog, url.Values{"link": {link}, "kind": {kind}, "for": {lasts.String()}})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			fmt.Fprintf(out, "  no fault was set: %v\n", err)
		default:
			fmt.Fprintf(out, "  %s %s for %v\n", kind, link, lasts)
		}
		if !pause(ctx, lasts) {
			return
		}
	}
}

// pause is false when ctx ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func order(ctx context.Context, blog string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, blog+"/lab/faults", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("POST /lab/faults: %s", res.Status)
	}
	return nil
}
