package load

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

const (
	MaxPage        = 1 << 20 // bytes of a page that are read for its parts
	initialWorkers = 10
)

// Run sends the plan's readers and returns what they got. Latency counts from
// the moment a reader was due, not from when the request could be sent, so a
// late start (by MaxWorkers or a busy machine) counts against the target.
// Redirects are not followed: they could lead away from the target.
//
// When ctx ends, Run stops at once and returns what it measured until then with
// ctx's error. Readers still unsent one Timeout after Duration are given up and
// counted as Unsent.
func Run(ctx context.Context, p Plan) (Result, error) {
	if err := p.Validate(); err != nil {
		return Result{}, err
	}
	arrivals := p.arrivals()
	transport := &http.Transport{MaxIdleConnsPerHost: maxWorkers, DisableKeepAlives: p.Fresh}
	defer transport.CloseIdleConnections()
	options := []func(*vegeta.Attacker){
		vegeta.Client(&http.Client{
			Transport:     cutOff{ctx: ctx, next: transport},
			Timeout:       p.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
		vegeta.Workers(initialWorkers),
		vegeta.MaxBody(MaxPage),
	}
	if p.MaxWorkers > 0 {
		options = append(options, vegeta.MaxWorkers(uint64(p.MaxWorkers)))
	}
	began := time.Now()
	pacer := pacer{ctx: ctx, arrivals: arrivals, giveUp: p.Duration + p.Timeout}
	const untilThePacerStops = 0
	replies := vegeta.NewAttacker(options...).Attack(targeter(p.Target, arrivals), pacer, untilThePacerStops, "")

	each := p.Each
	if each == nil {
		each = func(Sample) {}
	}
	t := newTally(p.Check)
	sent := make([]bool, len(arrivals))
	for reply := range replies {
		if ctx.Err() != nil && reply.Error != "" {
			continue // cut off by us, which says nothing about the target
		}
		n := arrivalOf(reply.URL)
		sent[n] = true
		each(t.add(reply, arrivals[n], reply.End().Sub(began.Add(arrivals[n].at))))
	}
	result := t.result(len(arrivals), p.Duration)
	if ctx.Err() != nil {
		return result, fmt.Errorf("load stopped early: %w", context.Cause(ctx))
	}
	for n, a := range arrivals {
		if !sent[n] {
			each(Sample{Due: a.at, Path: a.path, Error: Unsent, Latency: pacer.giveUp - a.at})
		}
	}
	return result, nil
}

// pacer is a vegeta.Pacer that keeps to the drawn arrivals. It waits by itself
// instead of returning the wait, since vegeta's own sleep can't be interrupted.
type pacer struct {
	ctx      context.Context
	arrivals []arrival
	giveUp   time.Duration
}

// Pace implements vegeta.Pacer.
func (p pacer) Pace(elapsed time.Duration, hits uint64) (time.Duration, bool) {
	const sendNow = 0
	if hits >= uint64(len(p.arrivals)) || elapsed > p.giveUp {
		return sendNow, true
	}
	due := time.NewTimer(p.arrivals[hits].at - elapsed)
	defer due.Stop()
	select {
	case <-due.C:
		return sendNow, p.ctx.Err() != nil
	case <-p.ctx.Done():
		return sendNow, true
	}
}

// Rate implements vegeta.Pacer; only vegeta's plots use it.
func (p pacer) Rate(time.Duration) float64 { return math.NaN() }

// targeter hands out the arrivals' URLs in order. Vegeta numbers requests
// before it asks for their targets, so its numbers may swap under load; the
// URL's fragment, which is never sent, says which arrival a reply belongs to.
func targeter(base string, arrivals []arrival) vegeta.Targeter {
	base = strings.TrimSuffix(base, "/")
	var next atomic.Uint64
	return func(t *vegeta.Target) error {
		i := next.Add(1) - 1
		if i >= uint64(len(arrivals)) {
			return vegeta.ErrNoTargets
		}
		t.Method = http.MethodGet
		t.URL = base + arrivals[i].path + "#" + strconv.FormatUint(i, 10)
		t.Header = http.Header{"User-Agent": {"afloat-load"}}
		return nil
	}
}

// arrivalOf reads the number that targeter wrote.
func arrivalOf(rawURL string) int {
	u, err := url.Parse(rawURL)
	if err != nil {
		return 0
	}
	i, _ := strconv.Atoi(u.Fragment)
	return i
}

// cutOff is a transport whose requests end with ctx too. The requests that
// vegeta builds carry no context of ours.
type cutOff struct {
	ctx  context.Context
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c cutOff) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	detach := context.AfterFunc(c.ctx, func() { cancel(context.Cause(c.ctx)) })
	release := func() { detach(); cancel(nil) }
	resp, err := c.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		release()
		return nil, err
	}
	resp.Body = &releasingBody{ReadCloser: resp.Body, release: release}
	return resp, nil
}

// releasingBody lets go of the request's context once the body is done with:
// any earlier would cut the body off.
type releasingBody struct {
	io.ReadCloser
	release func()
}

// Close implements io.Closer.
func (b *releasingBody) Close() error {
	err := b.ReadCloser.Close()
	b.release()
	return err
}
