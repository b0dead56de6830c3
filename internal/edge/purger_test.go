package edge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/policy"
)

// edges are made-up ones, in a bubble's own time.
type edges struct {
	mu    sync.Mutex
	told  map[string][]string // by host: the tags, or the path, of each purge that was answered
	asked map[string]int
	down  map[string]error // by host
	hang  map[string]bool  // by host: answers nothing
}

func (e *edges) RoundTrip(r *http.Request) (*http.Response, error) {
	e.mu.Lock()
	e.asked[r.Host]++
	failing, hangs := e.down[r.Host], e.hang[r.Host]
	e.mu.Unlock()
	if hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	time.Sleep(time.Millisecond)
	e.mu.Lock()
	defer e.mu.Unlock()
	res := &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: io.NopCloser(strings.NewReader(""))}
	if r.Method != "PURGE" || (r.URL.Path == "/") == (r.Header.Get("Cache-Tag") == "") {
		res.StatusCode, res.Status = http.StatusBadRequest, "400 Bad Request"
	}
	if failing != nil {
		return nil, failing
	}
	what := r.Header.Get("Cache-Tag")
	if what == "" {
		what = r.URL.Path
	}
	e.told[r.Host] = append(e.told[r.Host], what)
	return res, nil
}

func (e *edges) set(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
}

func (e *edges) toldOf(host string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.told[host])
}

// inBubble runs a test with two edges, and the log of their purger.
func inBubble(t *testing.T, test func(t *testing.T, e *edges, p *Purger, log *bytes.Buffer)) {
	synctest.Test(t, func(t *testing.T) {
		e := &edges{told: map[string][]string{}, asked: map[string]int{}, down: map[string]error{}, hang: map[string]bool{}}
		var log bytes.Buffer
		p := New([]string{"http://edge1:8080/", "http://edge2:8080"}, &http.Client{Transport: e}, policy.Serve().Edge, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.Run(ctx) })
		synctest.Wait()
		test(t, e, p, &log)
		stop()
		running.Wait()
	})
}

func want(t *testing.T, got []string, purges ...string) {
	t.Helper()
	if !slices.Equal(got, purges) {
		t.Errorf("the edge was told of %q, want %q", got, purges)
	}
}

func TestAllEdgesAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T, e *edges, p *Purger, log *bytes.Buffer) {
		p.Purge("post-b", "lists")
		time.Sleep(5 * time.Millisecond)
		want(t, e.toldOf("edge1:8080"), "lists post-b")
		want(t, e.toldOf("edge2:8080"), "lists post-b")
		time.Sleep(time.Hour)
		want(t, e.toldOf("edge1:8080"), "lists post-b")
		if log.Len() > 0 {
			t.Errorf("the log has %s", log)
		}
	})
}

// TestOutdatedPages are told one by one, since an edge finds their copies by
// their addresses.
func TestOutdatedPages(t *testing.T) {
	inBubble(t, func(t *testing.T, e *edges, p *Purger, log *bytes.Buffer) {
		p.Outdate("/posts/b", "/posts/a")
		p.Purge("lists", "post-c")
		time.Sleep(time.Second)
		want(t, e.toldOf("edge2:8080"), "/posts/a", "/posts/b", "lists post-c")
		e.set(func() { e.down["edge1:8080"] = errors.New("refused") })
		p.Outdate("/posts/c")
		time.Sleep(time.Second)
		e.set(func() { delete(e.down, "edge1:8080") })
		time.Sleep(time.Second)
		want(t, e.toldOf("edge1:8080"), "/posts/a", "/posts/b", "lists post-c", "/posts/c")
	})
}

// TestManyChangesAreOnePurge: what comes while an edge is being told waits for
// the next purge, all of it.
func TestManyChangesAreOnePurge(t *testing.T) {
	inBubble(t, func(t *testing.T, e *edges, p *Purger, _ *bytes.Buffer) {
		for range 40 {
			p.Purge("post-a")
			time.Sleep(time.Millisecond)
		}
		p.Purge("post-b")
		time.Sleep(time.Second)
		want(t, e.toldOf("edge1:8080"), "post-a", "post-a post-b")

		for i := range 1000 {
			p.Purge(fmt.Sprint("post-", i))
		}
		time.Sleep(time.Second)
		if got := e.toldOf("edge1:8080"); got[len(got)-1] != "site" || len(got) > 4 {
			t.Errorf("a thousand changes at once were %d purges, the last of %s", len(got), got[len(got)-1])
		}
	})
}

// TestAHungEdgeDelaysNobody, and it is told as soon as it answers again.
func TestAHungEdgeDelaysNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, e *edges, p *Purger, log *bytes.Buffer) {
		e.set(func() { e.hang["edge1:8080"] = true })
		began := time.Now()
		p.Purge("post-a")
		if took := time.Since(began); took > 0 {
			t.Errorf("whoever purges waited for %v", took)
		}
		time.Sleep(5 * time.Millisecond)
		want(t, e.toldOf("edge2:8080"), "post-a")
		time.Sleep(time.Second)
		p.Purge("post-b")
		e.set(func() { e.hang["edge1:8080"] = false })
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, e.toldOf("edge1:8080"), "post-a post-b")
		if n := strings.Count(log.String(), "level=WARN"); n != 1 || strings.Count(log.String(), "again") != 1 {
			t.Errorf("the log has %s", log)
		}
	})
}

// TestAPurgeIsGivenUp when the page has ended by itself.
func TestAPurgeIsGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, e *edges, p *Purger, log *bytes.Buffer) {
		e.set(func() { e.down["edge1:8080"] = errors.New("refused") })
		p.Purge("post-a")
		time.Sleep(time.Hour)
		life := policy.Serve().Edge.Fresh + policy.Serve().Edge.Behind
		e.mu.Lock()
		n := e.asked["edge1:8080"]
		e.mu.Unlock()
		if n < 2 || n > int(life/policy.Serve().Edge.Purge.Pause)+1 {
			t.Errorf("a dead edge was asked %d times", n)
		}
		e.set(func() { delete(e.down, "edge1:8080") })
		p.Purge("post-b")
		time.Sleep(time.Second)
		synctest.Wait()
		want(t, e.toldOf("edge1:8080"), "post-b")
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings of one outage: %s", n, log)
		}
	})
}
