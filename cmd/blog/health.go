package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// health is a container's health check. The image holds this program and
// nothing else: no shell, no curl.
func health(ctx context.Context, in invocation) error {
	var timeout time.Duration
	args, err := in.flags(1, func(f *flag.FlagSet) {
		f.DurationVar(&timeout, "timeout", 2*time.Second, "longest wait for the answer")
	})
	if err != nil {
		return err
	}
	if len(args) != 1 {
		return fmt.Errorf("name the URL to ask, such as http://127.0.0.1:8080/about\n%s", in.usage)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	if err != nil {
		return err
	}
	// A redirect is an answer of its own, and not 200; a proxy's answer would
	// say nothing of this server.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(req)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s does not answer: %w", wrapped.URL, wrapped.Err)
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s, not 200", req.URL.Redacted(), res.Status)
	}
	_, err = fmt.Fprintln(in.out, "healthy")
	return err
}
