package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"afloat/internal/fault"
)

// maxState bounds the answer that a follower reads, in bytes.
const maxState = 1 << 20

// Follow keeps links under the same faults as those of the switchboard whose State is served at stateURLs, matching
// them by name, until ctx ends. Several URLs are servers that have joined each other: one that answers is followed. It
// adds after=REV to the URL's query and expects a long poll: an answer as soon as the state's Rev is another, or when
// the server's patience ends. While no server can be reached each fault stays on until its Until, and Follow asks
// again, for ever. Answers without news are at least retry apart, too.
func Follow(ctx context.Context, client *http.Client, stateURLs []string, links []*fault.Link, retry time.Duration, log *slog.Logger) {
	poll(ctx, client, stateURLs, retry, log, func(state State) { mirror(links, state, log) })
}

// poll tells heard each new state that is served at one of the URLs, asking the next one where one fails.
func poll(ctx context.Context, client *http.Client, stateURLs []string, retry time.Duration, log *slog.Logger, heard func(State)) {
	var rev int64 // 0, the number of no state, has the next answer come at once
	reachable, failed := true, 0
	for ctx.Err() == nil {
		next, stateURL := time.After(retry), stateURLs[failed%len(stateURLs)]
		state, err := fetch(ctx, client, stateURL, rev)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && reachable: // said once, not at each retry
			log.Warn("faults can't be followed; those that are on end by themselves", "url", stateURL, "err", err)
		case err == nil && !reachable:
			log.Info("faults are followed again", "url", stateURL)
		}
		reachable = err == nil
		if reachable && state.Rev != rev {
			rev = state.Rev
			heard(state)
			continue
		}
		if !reachable {
			rev, failed = 0, failed+1
		}
		select {
		case <-next:
		case <-ctx.Done():
		}
	}
}

// fetch gets the state that comes after rev.
func fetch(ctx context.Context, client *http.Client, stateURL string, rev int64) (State, error) {
	u, err := url.Parse(stateURL)
	if err != nil {
		return State{}, err
	}
	query := u.Query()
	query.Set("after", strconv.FormatInt(rev, 10))
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return State{}, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return State{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return State{}, fmt.Errorf("state of faults: got %s, want 200 OK", response.Status)
	}
	var state State
	if err := json.NewDecoder(io.LimitReader(response.Body, maxState)).Decode(&state); err != nil {
		return State{}, fmt.Errorf("state of faults: %w", err)
	}
	return state, nil
}

// mirror gives each link the fault that state names for it.
func mirror(links []*fault.Link, state State, log *slog.Logger) {
	for _, l := range links {
		i := slices.IndexFunc(state.Faults, func(s Status) bool { return s.Link == l.Name() })
		if i < 0 {
			log.Warn("fault not followed: no such link there", "link", l.Name())
			continue
		}
		s := state.Faults[i]
		f, known := faultOf(s)
		switch now, _ := l.Current(); {
		case f.Kind == "":
			l.Clear()
		case !known:
			log.Warn("fault not followed: unknown kind, or no end", "link", l.Name(), "kind", s.Kind, "until", s.Until)
		case f.Kind == now.Kind && f.Until.Equal(now.Until): // on already; Set would reset the connections made since
		default:
			l.Set(f)
		}
	}
}
