package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	commentEvery = 200 * time.Millisecond
	giveUp       = 60 * time.Second // after so long a writer keeps the text and goes
)

// comment is one writer's comment, and what became of it.
type comment struct {
	slug, text string
	tries      []try
	acked      time.Time // zero: never
	direct     bool      // written to Postgres at once, rather than accepted by the outbox
	unseen     string    // why its writer, sent on to it, was not shown it
}

// try is one POST.
type try struct {
	at     time.Time
	took   time.Duration
	status int           // 0: no answer
	later  time.Duration // from now on the answer asks for another try; 0: it doesn't say
}

func (c comment) first() time.Time { return c.tries[0].at }

func (c comment) key() string { return "fleet-test-key-" + c.text }

// writers comment on articles, each a comment with a key of its own. Who gets no acknowledgement sends the same form
// again, as a person does whose browser kept it: not before the answer asks for it, and each time later.
type writers struct {
	articles []string // paths
	prefix   string   // of every text: tells this case's comments from all others
	seed     uint64
}

// come has a writer begin each 200 ms until begin ends, and returns when all have their acknowledgement or have given up.
func (w *writers) come(ctx, begin context.Context) []*comment {
	random := rand.New(rand.NewPCG(w.seed, 1))
	var all []*comment
	var writing sync.WaitGroup
	for n := 0; ; n++ {
		c := &comment{
			slug: strings.TrimPrefix(w.articles[random.IntN(len(w.articles))], "/posts/"),
			text: fmt.Sprintf("%s %d.", w.prefix, n), // with an end, so that no text is in another
		}
		pauses := rand.New(rand.NewPCG(w.seed, uint64(n)+2))
		all = append(all, c)
		writing.Go(func() { c.write(ctx, pauses) })
		if wait(begin, commentEvery) != nil {
			break
		}
	}
	writing.Wait()
	return all
}

func (c *comment) write(ctx context.Context, random *rand.Rand) {
	for {
		at, shown, err := c.post(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil && at != "" {
			c.acked, c.direct = time.Now(), shown
			c.unseen = c.missing(ctx, at)
			return
		}
		if time.Since(c.first()) > giveUp || wait(ctx, c.pause(random)) != nil {
			return
		}
	}
}

// pause is how long a writer waits after a try: what the answer asks for, or else a second, doubled for each of two tries before
// it, and up to as much again at random.
func (c *comment) pause(random *rand.Rand) time.Duration {
	d := max(c.tries[len(c.tries)-1].later, time.Second) << min(len(c.tries)-1, 2)
	return d + time.Duration(random.Int64N(int64(d)))
}

// written tells from its address a comment that was written at once: Postgres has numbers, the outbox ids of another form.
var written = regexp.MustCompile(`[?&]comment=\d+(?:#|&|$)`)

// post sends the form once. It returns where the comment is to be seen, which is empty where it was not acknowledged.
func (c *comment) post(ctx context.Context) (at string, direct bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	form := url.Values{"author": {"Fleet test"}, "body": {c.text}, "key": {c.key()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, blogURL+"/posts/"+c.slug+"/comments", strings.NewReader(form.Encode()))
	if err != nil {
		return "", false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	t := try{at: time.Now()}
	defer func() {
		t.took = time.Since(t.at)
		c.tries = append(c.tries, t)
	}()
	res, err := fresh.Do(req)
	if err != nil {
		return "", false, err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", false, err
	}
	if after, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		t.later = time.Duration(after) * time.Second
	}
	if t.status = res.StatusCode; t.status != http.StatusSeeOther {
		return "", false, nil
	}
	at = res.Header.Get("Location")
	return at, written.MatchString(at), nil
}

// missing follows the writer to their comment, and says why it can't be seen there.
func (c *comment) missing(ctx context.Context, at string) string {
	there, err := url.Parse(at)
	if err != nil || there.Host != "" {
		return "sent elsewhere"
	}
	page, err := get(ctx, blogURL+at)
	switch {
	case err != nil:
		return "no page"
	case !strings.Contains(string(page), c.text):
		return "a page without it"
	}
	return ""
}

// tick is the pause between two looks at what is waited for.
const tick = 500 * time.Millisecond

// wait returns early, with an error, when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
