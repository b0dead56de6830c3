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

// Follow keeps links under the same faults as those of the switchboard whose State is served at stateURL, matching
// them by name, until ctx ends. It adds after=REV to the URL's query and expects a long poll: an answer as soon as
// the state's Rev is another, or when the server's patience ends. While the server can't be reached each fault stays
// on until its Until, and Follow asks again, for ever. Answers without news are at least retry apart, too.
func Follow(ctx context.Context, client *http.Client, stateURL string, links []*fault.Link, retry time.Duration, log *slog.Logger) {
	var rev int64 // 0, the number of no state, has the next answer come at once
	reachable := true
	for ctx.Err() == nil {
		next := time.After(retry)
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
			mirror(links, state, log)
			continue
		}
		if !reachable {
			rev = 0
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
		f := fault.Fault{Kind: fault.Kind(s.Kind), Latency: s.Latency, Jitter: s.Jitter, Rate: s.Rate, Until: s.Until}
		switch now, _ := l.Current(); {
		case s.Kind == Healthy:
			l.Clear()
		case !slices.Contains(fault.Kinds, f.Kind) || f.Until.IsZero():
			log.Warn("fault not followed: unknown kind, or no end", "link", l.Name(), "kind", s.Kind, "until", s.Until)
		case f.Kind == now.Kind && f.Until.Equal(now.Until): // on already; Set would reset the connections made since
		default:
			l.Set(f)
		}
	}
}
