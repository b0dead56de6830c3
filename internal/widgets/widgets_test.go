package widgets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/recommend"
	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/testenv"
)

const ms = time.Millisecond

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := goleak.Find(testenv.Leaks()...); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var (
	dialer  = (&net.Dialer{}).DialContext
	deps    = Deps{Entries: 100, Log: slog.New(slog.DiscardHandler)}
	nothing = func(string) bool { return false }
	errDown = errors.New("down")
)

// part is a widget that loads what the test says, guarded like the comments.
func part(t testing.TB, load func(context.Context, Request) (string, error)) *Widget[string] {
	t.Helper()
	row := testenv.Table().CommentReads
	w, err := New(Spec[string]{Name: "part", Source: resilience.FromPostgres, Row: row, Load: load, Key: func(r Request) string { return r.Slug }}, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestWidgetsFailAlone(t *testing.T) {
	for name, load := range map[string]func(context.Context, Request) (string, error){
		"error": func(context.Context, Request) (string, error) { return "half", errDown },
		"panic": func(context.Context, Request) (string, error) { panic(errDown) },
		"hang": func(ctx context.Context, _ Request) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(time.Hour): // so that the test ends even where nothing else ends the hang
				return "", errDown
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, p, err := part(t, load).Get(t.Context(), Request{Slug: "one"})
				if err == nil || p.Err == nil || p.State != resilience.Missing || p.Source != resilience.FromPlaceholder || !p.At.IsZero() {
					t.Errorf("%+v, %v; want a missing part with a reason", p, err)
				}
				if took, slot := time.Since(start), policy.Afloat().Page.Slot; took > slot {
					t.Errorf("failed after %v, past the slot of %v", took, slot)
				}
			})
		})
	}
}

func TestWidgetServesAStaleCopyUntilItMisleads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		w := part(t, func(context.Context, Request) (string, error) {
			if broken.Load() {
				return "", errDown
			}
			return "comments", nil
		})
		r := Request{Slug: "one"}
		if _, _, ok := w.Peek(t.Context(), r); ok {
			t.Error("a peek at what was never read")
		}
		if v, p, err := w.Get(t.Context(), r); v != "comments" || p.State != resilience.Fresh || p.Source != resilience.FromPostgres || err != nil {
			t.Errorf("%q, %+v, %v", v, p, err)
		}
		read := time.Now()
		broken.Store(true)
		stale := policy.Afloat().CommentReads.Stale
		time.Sleep(stale.Fresh + stale.Behind + ms)
		if v, p, err := w.Get(t.Context(), r); v != "comments" || p.State != resilience.Stale || p.Source != resilience.FromMemory || !p.At.Equal(read) || !errors.Is(p.Err, errDown) || err != nil {
			t.Errorf("%q, %+v, %v; want the copy, and why", v, p, err)
		}
		time.Sleep(stale.Keep)
		if v, p, err := w.Get(t.Context(), r); v != "" || p.State != resilience.Missing || !errors.Is(err, errDown) {
			t.Errorf("%q, %+v, %v; want nothing after %v", v, p, err, stale.Keep)
		}
	})
}

// A reader whose own change is not in the copy yet, nor in an answer that is on its way.
func TestRefreshShowsTheReadersOwnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Value
		written.Store("before")
		var slow atomic.Int64 // what an answer takes
		w := part(t, func(context.Context, Request) (string, error) {
			v := written.Load().(string)
			time.Sleep(time.Duration(slow.Load()))
			return v, nil
		})
		r := Request{Slug: "one"}
		if v, _, _ := w.Get(t.Context(), r); v != "before" {
			t.Fatal(v)
		}
		time.Sleep(policy.Afloat().CommentReads.Stale.Fresh + ms)
		slow.Store(int64(50 * ms))
		if v, _, ok := w.Peek(t.Context(), r); !ok || v != "before" { // its refresh has begun, and knows of no change
			t.Fatal(v, ok)
		}
		time.Sleep(10 * ms)
		slow.Store(0)
		written.Store("after")
		if v, p, err := w.Refresh(t.Context(), r, nil); v != "after" || p.State != resilience.Fresh || err != nil {
			t.Errorf("%q, %+v, %v", v, p, err)
		}
		time.Sleep(100 * ms)
		if v, _, _ := w.Get(t.Context(), r); v != "after" {
			t.Errorf("the next page shows %q: an answer from before the change took its place", v)
		}
	})
}

func TestRefreshFallsBackToTheCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		w := part(t, func(context.Context, Request) (string, error) {
			if broken.Load() {
				return "", errDown
			}
			return "copy", nil
		})
		if _, _, err := w.Get(t.Context(), Request{}); err != nil {
			t.Fatal(err)
		}
		broken.Store(true)
		if v, _, err := w.Refresh(t.Context(), Request{}, nil); v != "copy" || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	})
}

// TestRefreshLeavesTheReplicaTime: a leader that hangs gets one attempt's time, and then a replica is asked in a read of its own.
func TestRefreshLeavesTheReplicaTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		row := policy.Afloat().CommentReads
		row.Hedge, row.Budget = resilience.HedgePolicy{}, resilience.BudgetPolicy{} // it may retry, and would
		w, err := New(Spec[string]{Name: "part", Source: resilience.FromPostgres, Row: row, Key: func(r Request) string { return r.Slug },
			Load: func(ctx context.Context, _ Request) (string, error) {
				if asked.Add(1) == 1 {
					<-ctx.Done()
					return "", ctx.Err()
				}
				return "after", nil
			}}, deps)
		if err != nil {
			t.Fatal(err)
		}
		v, p, err := w.Refresh(t.Context(), Request{}, func(v string) bool { return v == "after" })
		if v != "after" || p.Attempts != 1 || asked.Load() != 2 || err != nil {
			t.Errorf("%q in %d attempts, %d in all, %v; want it at the first of a second read", v, p.Attempts, asked.Load(), err)
		}
	})
}

// TestRefreshWithoutTheLeader: what a writer has just been told of is on a replica's disk, and seen there.
func TestRefreshWithoutTheLeader(t *testing.T) {
	cluster := testenv.NewPostgresCluster(t, 2)
	comments := newComments(t, openAt(t, cluster.URL))
	replicasShow := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * ms) {
			one, err := comments.Of(t.Context(), "one", 10) // of the replicas in turn
			other, errOther := comments.Of(t.Context(), "one", 10)
			if err == nil && errOther == nil && len(one) == n && len(other) == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("the replicas show %v and %v, %v, %v; want %d comments", one, other, err, errOther, n)
			}
		}
	}
	replicasShow(0)
	r := Request{Slug: "one"}
	withCopy := func() *Widget[[]store.Comment] {
		w, err := NewComments(comments, unhurried(), deps)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		if list, _, err := w.Get(t.Context(), r); len(list) != 0 || err != nil {
			t.Fatal(list, err)
		}
		return w
	}
	seen, unseen, unasked := withCopy(), withCopy(), withCopy() // which lack the comment, and are fresh for seconds
	added, _, err := comments.Add(t.Context(), store.NewComment{Slug: "one", Author: "Ada", Body: "Hi", HTML: "Hi", Key: "k"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	shows := func(list []store.Comment) bool { return slices.Contains(list, added) }
	replicasShow(1)

	cluster.Leader.Kill()
	if list, p, err := seen.Refresh(t.Context(), r, shows); !shows(list) || p.Replica == "" || err != nil {
		t.Errorf("the writer sees %v, %+v, %v", list, p, err)
	}
	if list, _, err := unseen.Refresh(t.Context(), r, func([]store.Comment) bool { return false }); len(list) != 0 || err != nil {
		t.Errorf("%v, %v; want the copy, since no replica shows the change", list, err)
	}
	if list, _, err := unasked.Refresh(t.Context(), r, nil); len(list) != 0 || err != nil {
		t.Errorf("%v, %v; want the copy, since no replica is to be asked", list, err)
	}
}

func TestNewRefusesANonsensicalRow(t *testing.T) {
	row := policy.Afloat().CommentReads
	row.Retry.Attempts, row.Idempotent = 2, false
	if _, err := New(Spec[string]{Row: row}, deps); err == nil {
		t.Error("two attempts of what must not be repeated")
	}
}

func openDB(t *testing.T) *store.DB {
	t.Helper()
	return openAt(t, testenv.Postgres(t))
}

// openAt opens a database that has one article, one.
func openAt(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.OpenPostgres(url, dialer, policy.Afloat().Postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	one, err := content.Parse("one.md", []byte("---\ntitle: One\nsummary: First.\ntags: [all]\npublished: 2026-01-01\n---\n\nFirst.\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Migrate(t.Context(), db, afloat.Migrations()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Publish(t.Context(), db, []content.Article{one}); err != nil {
		t.Fatal(err)
	}
	return db
}

// unhurried is Afloat's table for a machine that may be slow.
func unhurried() policy.Table {
	table := policy.Afloat()
	for _, row := range []*policy.Row{&table.CommentReads, &table.CommentCounts, &table.CommentWrites} {
		row.AttemptDeadline, row.Deadline = 0, time.Minute
	}
	return table
}

func newComments(t *testing.T, db *store.DB) *store.Comments {
	t.Helper()
	writes, err := resilience.NewGuard(unhurried().CommentWrites.Policy, store.Classify, nil)
	if err != nil {
		t.Fatal(err)
	}
	return store.NewComments(db, writes)
}

func TestCommentsAndCounts(t *testing.T) {
	table := unhurried()
	comments := newComments(t, openDB(t))
	shown, err := NewComments(comments, table, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shown.Close)
	counts, err := NewCounts(comments, table, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(counts.Close)

	r := Request{Slug: "one"}
	if list, p, err := shown.Get(t.Context(), r); len(list) != 0 || p.State != resilience.Fresh || err != nil {
		t.Errorf("%v, %+v, %v", list, p, err)
	}
	added, _, err := comments.Add(t.Context(), store.NewComment{Slug: "one", Author: "Ada", Body: "Hi", HTML: "Hi", Key: "k"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if list, _, err := shown.Refresh(t.Context(), r, nil); len(list) != 1 || list[0] != added || err != nil {
		t.Errorf("the writer sees %+v, %v; want %+v", list, err, added)
	}
	if list, p, ok := shown.Peek(t.Context(), r); !ok || len(list) != 1 || p.Source != resilience.FromMemory {
		t.Errorf("the next reader sees %+v, %+v", list, p)
	}
	if n, _, err := counts.Get(t.Context(), Request{Slugs: []string{"one", "two"}}); n["one"] != 1 || n["two"] != 0 || err != nil {
		t.Errorf("counts %v, %v", n, err)
	}
}

func recommendations(t *testing.T, base string, gone func(string) bool, table policy.Table) *Widget[[]Suggestion] {
	t.Helper()
	client := NewHTTPClient(dialer, table.HTTP)
	t.Cleanup(client.CloseIdleConnections)
	w, err := NewRecommendations(client, []string{base}, gone, table, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestRecommendationsOfTheService(t *testing.T) {
	service := recommend.NewService(deps.Log)
	srv := httptest.NewServer(service.Handler())
	t.Cleanup(srv.Close)
	docs, err := json.Marshal([]recommend.Doc{
		{Slug: "one", Title: "Retries and backoff", Text: "retries with backoff and jitter"},
		{Slug: "two", Title: "Retries and budgets", Text: "retries with a budget"},
		{Slug: "gone", Title: "Retries once more", Text: "retries with backoff"},
	})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, srv.URL+"/documents?version=1", strings.NewReader(string(docs)))
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	w := recommendations(t, srv.URL+"/", func(slug string) bool { return slug == "gone" }, policy.Afloat())
	got, p, err := w.Get(t.Context(), Request{Slug: "one"})
	if want := []Suggestion{{"two", "Retries and budgets"}}; !slices.Equal(got, want) || p.Source != resilience.FromService || err != nil {
		t.Errorf("%v, %+v, %v; want %v, without what is withdrawn", got, p, err, want)
	}
	if _, p, err := w.Get(t.Context(), Request{Slug: "not told of yet/?"}); err == nil || p.State != resilience.Missing || p.Attempts != 1 {
		t.Errorf("%+v, %v; want a missing part after one attempt", p, err)
	}
}

func TestRecommendationsStatuses(t *testing.T) {
	for status, want := range map[int]resilience.Class{
		404: resilience.Neutral, 500: resilience.Transient, 503: resilience.Transient, 429: resilience.Permanent,
		400: resilience.Permanent, 403: resilience.Permanent, 204: resilience.Permanent,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(srv.Close)
			table := policy.Afloat()
			table.Recommendations.Budget, table.Recommendations.Retry.Backoff = resilience.BudgetPolicy{}, resilience.Backoff{}
			_, p, err := recommendations(t, srv.URL, nothing, table).Get(t.Context(), Request{Slug: "one"})
			attempts := 1
			if want == resilience.Transient {
				attempts = 2
			}
			if got := classifyHTTP(err); got != want || p.Attempts != attempts || p.State != resilience.Missing {
				t.Errorf("%v is %v after %d attempts, want %v after %d", err, got, p.Attempts, want, attempts)
			}
		})
	}
	for name, body := range map[string]string{"not JSON": "<html>", "cut off": `{"similar":[{"slug":`, "endless": `{"similar":[` + strings.Repeat(`{"slug":"x"},`, 10_000)} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
			t.Cleanup(srv.Close)
			if got, p, err := recommendations(t, srv.URL, nothing, policy.Afloat()).Get(t.Context(), Request{Slug: "one"}); err == nil || got != nil || p.State != resilience.Missing {
				t.Errorf("%v, %+v, %v", got, p, err)
			}
		})
	}
	if _, p, err := recommendations(t, "", nothing, policy.Afloat()).Get(t.Context(), Request{Slug: "one"}); err == nil || p.State != resilience.Missing {
		t.Errorf("no service: %+v, %v", p, err)
	}
}

// An error must not cost a connection as well: that is load for a service that is unwell.
func TestRecommendationsUseTheirConnectionAgain(t *testing.T) {
	var dials atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write(make([]byte, 8<<10))
	}))
	t.Cleanup(srv.Close)
	table := policy.Afloat()
	client := NewHTTPClient(func(ctx context.Context, network, addr string) (net.Conn, error) {
		dials.Add(1)
		return dialer(ctx, network, addr)
	}, table.HTTP)
	t.Cleanup(client.CloseIdleConnections)
	for range 10 {
		var status statusError
		if _, err := similar(t.Context(), client, srv.URL, nothing); !errors.As(err, &status) || status != 404 {
			t.Fatal(err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections for 10 requests one after the other", n)
	}
}

func openRedis(t *testing.T, dial store.Dial) *redis.Client {
	t.Helper()
	client, err := store.OpenRedis(testenv.Redis(t), dial, policy.Afloat().RedisLib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newViews(t *testing.T, db *redis.Client, server func(*policy.Server), observe func(resilience.Event)) *Views {
	t.Helper()
	s, d := policy.Serve(), deps
	d.Observe = observe
	if server != nil {
		server(&s)
	}
	v, err := NewViews(db, policy.Afloat(), s, d)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newPopular(t *testing.T, db *redis.Client, gone func(string) bool) *Widget[[]Popular] {
	t.Helper()
	w, err := NewPopular(db, gone, policy.Afloat(), deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestPopularNow(t *testing.T) {
	db := openRedis(t, dialer)
	if list, p, err := newPopular(t, db, nothing).Get(t.Context(), Request{}); len(list) != 0 || p.State != resilience.Fresh || err != nil {
		t.Errorf("at first: %v, %+v, %v", list, p, err)
	}
	v := newViews(t, db, nil, nil)
	var all sync.WaitGroup
	for article := range 8 {
		for range article + 1 {
			all.Go(func() { v.Count(fmt.Sprintf("a%d", article), fmt.Sprintf("Article %d", article)) })
		}
	}
	all.Wait()
	v.flush(t.Context())
	list, _, err := newPopular(t, db, func(slug string) bool { return slug == "a6" }).Get(t.Context(), Request{})
	want := []Popular{{"a7", "Article 7", 8}, {"a5", "Article 5", 6}, {"a4", "Article 4", 5}, {"a3", "Article 3", 4}, {"a2", "Article 2", 3}}
	if !slices.Equal(list, want) || err != nil {
		t.Errorf("%v, %v; want %v, without what is withdrawn", list, err, want)
	}
}

func TestViewsDecay(t *testing.T) {
	db := openRedis(t, dialer)
	v := newViews(t, db, nil, nil)
	score := func() float64 { return db.ZScore(t.Context(), popularKey, "old").Val() }
	for range 8 {
		v.Count("old", "Old")
	}
	v.flush(t.Context())
	if got := score(); got != 8 {
		t.Fatalf("8 views are %v", got)
	}
	ago := func(d time.Duration) {
		if err := db.Set(t.Context(), popularDecayed, time.Now().Add(-d).Unix(), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	ago(2 * policy.Serve().ViewHalfLife)
	v.Count("new", "New")
	v.flush(t.Context())
	if got := score(); got < 1.99 || got > 2.01 {
		t.Errorf("after two half-lives 8 views are %v, want 2", got)
	}
	v.Count("new", "New")
	v.flush(t.Context())
	if got := score(); got < 1.98 {
		t.Errorf("decayed twice for the same time: %v", got)
	}
	ago(-time.Hour) // another server's clock is ahead
	v.Count("new", "New")
	v.flush(t.Context())
	if got := score(); got > 2.01 {
		t.Errorf("scores grew with a clock that went back: %v", got)
	}
}

func TestViewsAreBounded(t *testing.T) {
	db := openRedis(t, dialer)
	v := newViews(t, db, nil, nil)
	for range 2 {
		for i := range popularKept + 50 {
			v.Count(fmt.Sprint("a", i), "Title")
		}
		articles := 0
		for range v.batch.Load().views.Range {
			articles++
		}
		if articles != popularKept {
			t.Errorf("a batch of %d articles, want at most %d", articles, popularKept)
		}
		v.Count("a0", "Title")
		if a0, _ := v.batch.Load().views.Load("a0"); a0.(*view).n.Load() < 2 {
			t.Error("a full batch doesn't count what is in it already")
		}
		v.flush(t.Context())
	}
	for i := range 10 {
		v.Count(fmt.Sprint("b", i), "Title")
	}
	v.flush(t.Context())
	if n, titles := db.ZCard(t.Context(), popularKey).Val(), db.HLen(t.Context(), popularTitles).Val(); n != popularKept || titles != popularKept {
		t.Errorf("Redis keeps %d articles and %d titles, want %d", n, titles, popularKept)
	}
}

// An increment whose answer got lost may have happened.
func TestABatchOfViewsIsSentOnce(t *testing.T) {
	link := fault.NewLink("redis")
	t.Cleanup(link.Close)
	db := openRedis(t, store.Dial(link.Dialer(dialer)))
	attempts := 0
	v := newViews(t, db, nil, func(e resilience.Event) {
		if e.Kind == resilience.AttemptEvent {
			attempts++
		}
	})
	v.Count("one", "One")
	v.flush(t.Context())
	link.Set(fault.Fault{Kind: fault.Flaky, Rate: 1})
	v.Count("one", "One")
	v.flush(t.Context())
	link.Clear()
	v.flush(t.Context())
	if attempts != 2 {
		t.Errorf("two batches took %d attempts", attempts)
	}
	if n := db.ZScore(t.Context(), popularKey, "one").Val(); n < 1 || n > 2 {
		t.Errorf("two views are %v", n)
	}
}

func TestViewsRun(t *testing.T) {
	db := openRedis(t, dialer)
	v := newViews(t, db, func(s *policy.Server) { s.FlushViews = time.Hour }, nil)
	ctx, cancel := context.WithCancel(t.Context())
	v.Count("one", "One")
	var running sync.WaitGroup
	running.Go(func() { v.Run(ctx) })
	cancel()
	running.Wait()
	if n := db.ZScore(t.Context(), popularKey, "one").Val(); n != 1 {
		t.Errorf("at the end the last batch was not flushed: %v views", n)
	}
}

func TestWithoutRedis(t *testing.T) {
	v := newViews(t, nil, nil, nil)
	v.Count("one", "One")
	v.flush(t.Context())
	if _, p, err := newPopular(t, nil, nothing).Get(t.Context(), Request{}); err == nil || p.State != resilience.Missing {
		t.Errorf("%+v, %v", p, err)
	}
}
