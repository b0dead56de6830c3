package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/recommend"
	"afloat/internal/resilience"
	"afloat/internal/source"
	"afloat/internal/store"
	"afloat/internal/telemetry"
	"afloat/internal/testenv"
	"afloat/internal/widgets"
)

// world is the dependencies: a real PostgreSQL and Redis, and the real
// recommendations service. Several blogs may share one.
type world struct {
	postgres, redis, recommendations string
	articles                         []content.Article
	admin                            *store.DB // a way in that no fault reaches
}

var shippedArticles = sync.OnceValues(func() ([]content.Article, error) { return content.Load(afloat.Content(), nil) })

// newWorld publishes articles, those in the binary where none are given.
func newWorld(t *testing.T, articles ...content.Article) *world {
	t.Helper()
	w := newEmptyWorld(t, articles...)
	w.publish(t)
	return w
}

// newEmptyWorld has a database without a schema.
func newEmptyWorld(t *testing.T, articles ...content.Article) *world {
	t.Helper()
	if len(articles) == 0 {
		articles = must(shippedArticles())(t)
	}
	service := httptest.NewServer(recommend.NewService(slog.New(slog.DiscardHandler)).Handler())
	t.Cleanup(service.Close)
	w := &world{postgres: testenv.Postgres(t), redis: testenv.Redis(t), recommendations: service.URL, articles: articles}
	w.admin = must(store.OpenPostgres(w.postgres, (&net.Dialer{}).DialContext, policy.Postgres{}))(t)
	t.Cleanup(w.admin.Close)
	w.teach(t)
	return w
}

func (w *world) publish(t *testing.T) {
	t.Helper()
	must(store.Migrate(t.Context(), w.admin, afloat.Migrations()))(t)
	must(store.Publish(t.Context(), w.admin, w.articles))(t)
}

// teach fills the recommendations service.
func (w *world) teach(t *testing.T) {
	t.Helper()
	var docs []recommend.Doc
	for _, a := range w.articles {
		docs = append(docs, recommend.Doc{Slug: a.Slug, Title: a.Title, Summary: a.Summary, Tags: a.Tags, Text: a.Text})
	}
	body := must(json.Marshal(docs))(t)
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPut, w.recommendations+"/documents?version=1", bytes.NewReader(body)))(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res := must(client.Do(req))(t)
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("PUT /documents: %s", res.Status)
	}
}

// forget empties Redis, so that a blog which starts now finds no copies.
func (w *world) forget(t *testing.T) {
	t.Helper()
	client := redis.NewClient(must(redis.ParseURL(w.redis))(t))
	defer client.Close()
	if err := client.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
}

// setup is what a test may change about its blog.
type setup struct {
	table   policy.Table
	server  policy.Server
	lab     bool
	idle    bool // nothing watches the site's version, or writes what waits in the outbox
	options func(*Options)
}

// patient gives every call so much time that a busy machine is no outage.
func patient(s *setup) {
	t := &s.table
	for _, row := range []*policy.Row{&t.PostReads, &t.Search, &t.Redis, &t.CommentReads, &t.CommentCounts, &t.CommentWrites, &t.OutboxOrder, &t.Outbox, &t.Recommendations, &t.Popular} {
		row.Deadline, row.AttemptDeadline, row.Bulkhead.Wait = 50*row.Deadline, 50*row.AttemptDeadline, 50*row.Bulkhead.Wait
	}
	t.Page.Slot *= 50
	t.Postgres.ReadCap *= 50
	t.RedisLib.ReadTimeout, t.RedisLib.PoolTimeout = 50*t.RedisLib.ReadTimeout, 50*t.RedisLib.PoolTimeout
}

// blog is one server, wired as cmd/blog does it.
type blog struct {
	*httptest.Server
	*world
	links  map[string]*fault.Link
	board  *lab.Switchboard
	client *http.Client
	log    *logBook
}

func (w *world) start(t *testing.T, edits ...func(*setup)) *blog {
	t.Helper()
	set := setup{table: testenv.Unhurried(testenv.Table()), server: policy.Serve(), lab: true}
	for _, edit := range edits {
		edit(&set)
	}
	b := &blog{world: w, links: map[string]*fault.Link{}, log: &logBook{}}
	log := slog.New(slog.NewTextHandler(b.log, nil))
	recorder, limits := telemetry.NewRecorder(), policy.LabLimits()
	timeline := telemetry.NewTimeline(limits.Timeline, limits.Marks, set.table.Links())
	observe := func(e resilience.Event) { recorder.Observe(e); timeline.Observe(e) }
	var links []*fault.Link
	dial := func(name string, timeout time.Duration) func(context.Context, string, string) (net.Conn, error) {
		link := fault.NewLink(name)
		b.links[name], links = link, append(links, link)
		return link.Dialer((&net.Dialer{Timeout: timeout}).DialContext)
	}
	toPostgres, toRedis := dial("postgres", 0), dial("redis", set.table.RedisLib.DialTimeout)
	toService := dial("recommendations", set.table.HTTP.DialTimeout)

	db := must(store.OpenPostgres(w.postgres, toPostgres, set.table.Postgres))(t)
	cache := must(store.OpenRedis(w.redis, toRedis, set.table.RedisLib))(t)
	service := widgets.NewHTTPClient(toService, set.table.HTTP)
	heard := make(chan string, 16)
	posts := must(store.NewPosts(store.PostsOptions{
		DB: db, Bulk: db, Redis: cache, Table: set.table, Server: set.server,
		Shipped: store.Shipped(w.articles), DataDir: t.TempDir(), Observe: observe, Log: log,
		Commented: func(slug string) { heard <- slug },
	}))(t)
	writes := must(resilience.NewGuard(set.table.CommentWrites.Policy, store.Classify, observe))(t)
	comments := store.NewComments(db, writes)
	var outbox *store.Outbox
	if set.table.Fallback {
		outbox = must(store.NewOutbox(store.OutboxOptions{Redis: cache, DB: db, Table: set.table, Server: set.server, Observe: observe, Log: log}))(t)
		comments.WithOutbox(outbox)
	}
	deps := widgets.Deps{Observe: observe, Entries: set.server.MemoryEntries, Log: log}
	stopping, stop := context.WithCancel(context.Background())
	o := Options{
		Posts: posts, Comments: comments, Table: set.table, Server: set.server,
		CommentsWidget:  must(widgets.NewComments(comments, set.table, deps))(t),
		Counts:          must(widgets.NewCounts(comments, set.table, deps))(t),
		Recommendations: must(widgets.NewRecommendations(service, []string{w.recommendations}, posts.Gone, set.table, deps))(t),
		Popular:         must(widgets.NewPopular(cache, posts.Gone, set.table, deps))(t),
		Views:           must(widgets.NewViews(cache, set.table, set.server, deps))(t),
		Warnings:        telemetry.NewWarnings(log, set.server.Warn, set.table.Links()), Recorder: recorder, Log: log,
		Templates: afloat.Templates(), Static: afloat.Static(), Source: theSource(),
		Links: links, LabHosts: []string{"127.0.0.1", "localhost", "::1", "lab.example"}, Stopping: stopping,
		Timeline: timeline, LabLimits: limits, Meter: timelineMeter{timeline},
	}
	o.Guards = append(posts.Guards(), comments.Guard(), o.CommentsWidget.Guard(), o.Counts.Guard(), o.Recommendations.Guard(), o.Popular.Guard(), o.Views.Guard())
	if set.lab {
		b.board = must(lab.NewSwitchboard([]lab.Wire{
			{Link: links[0], Label: "Postgres", Probe: lab.PostgresProbe(w.postgres, toPostgres)},
			{Link: links[1], Label: "Redis", Probe: lab.RedisProbe(w.redis, toRedis)},
			{Link: links[2], Label: "Recommendations", Probe: lab.HTTPProbe(w.recommendations+"/healthz", toService)},
		}, lab.Limits{
			DefaultFor: set.server.Fault.For, MaxFor: set.server.Fault.MaxFor, DefaultLatency: set.server.Fault.Latency,
			MaxLatency: set.server.Fault.MaxLatency, DefaultRate: set.server.Fault.Rate, ProbeTimeout: set.server.Fault.ProbeTimeout,
			ProbeEvery: set.server.Fault.ProbeEvery, ConfirmWait: set.server.Fault.ConfirmWait,
		}, log))(t)
		o.Lab = b.board
	}
	if set.options != nil {
		set.options(&o)
	}
	if err := errors.Join(db.Ping(t.Context()), cache.Ping(t.Context()).Err()); err != nil { // as a server that has been up for a moment
		t.Fatal(err)
	}
	warm, cancel := context.WithTimeout(t.Context(), 10*set.server.Warm) // as cmd/blog does before all work
	defer cancel()
	db.Warm(warm, set.server.WarmLook)
	handler := must(New(o))(t)
	b.Server = httptest.NewUnstartedServer(handler)
	b.Server.Config = HTTPServer(handler, set.server, log)
	b.Server.Start()
	b.client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}, // tests that want gzip ask for it
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}

	var background sync.WaitGroup
	background.Go(func() { o.Views.Run(stopping) })
	background.Go(func() { handler.MarkFaults(stopping) })
	background.Go(func() { handler.HearComments(stopping, heard) })
	if !set.idle {
		background.Go(func() { posts.Watch(stopping, func(int64) {}) })
		if outbox != nil {
			background.Go(func() { outbox.Run(stopping) })
		}
	}
	t.Cleanup(func() { // in the order of cmd/blog's own end
		stop()
		for _, l := range links {
			l.Close()
		}
		b.Server.Close()
		b.client.CloseIdleConnections()
		background.Wait()
		handler.Wait()
		if b.board != nil {
			b.board.Close()
		}
		posts.Close()
		for _, closer := range []interface{ Close() }{o.CommentsWidget, o.Counts, o.Recommendations, o.Popular, db} {
			closer.Close()
		}
		_ = cache.Close()
		service.CloseIdleConnections()
	})
	return b
}

// timelineMeter tells the timeline of pages, and nobody of the rest.
type timelineMeter struct{ *telemetry.Timeline }

func (timelineMeter) Request(string, string, int, time.Duration) {}
func (timelineMeter) Part(string, resilience.Provenance)         {}

// must ends the test for an error: must(f())(t).
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// breakLink puts a fault on a link for the rest of the test.
func (b *blog) breakLink(link string, kind fault.Kind) {
	b.links[link].Set(fault.Fault{Kind: kind, Latency: 2 * time.Second, Rate: 0.3, Until: time.Now().Add(time.Hour)})
}

func (b *blog) heal() {
	for _, l := range b.links {
		l.Clear()
	}
}

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

// try makes a request. Headers are given as name, value, …; Host is one of them.
func (b *blog) try(ctx context.Context, method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, b.URL+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	start := time.Now()
	res, err := b.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, string(all), time.Since(start)}, err
}

func (b *blog) do(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	return must(b.try(t.Context(), method, path, body, headers...))(t)
}

func (b *blog) get(t testing.TB, path string, headers ...string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, path, "", headers...)
}

const isForm = "application/x-www-form-urlencoded"

// warm reads a page until all of its parts are in memory.
func (b *blog) warm(t testing.TB, path string) {
	t.Helper()
	eventually(t, path+" is whole", func() bool { return b.get(t, path).header.Get("Etag") != "" })
}

// eventually waits for what happens in the background. Its limit only ends a hopeless wait.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not true: %s", what)
		}
	}
}

var partPattern = regexp.MustCompile(`data-part="([^"]+)" data-state="([^"]+)"`)

// parts are the states of a page's parts. A part that stands there twice has the state "twice".
func (a answer) parts() map[string]string {
	parts := map[string]string{}
	for _, m := range partPattern.FindAllStringSubmatch(a.body, -1) {
		if _, seen := parts[m[1]]; seen {
			m[2] = "twice"
		}
		parts[m[1]] = m[2]
	}
	return parts
}

var termLink = regexp.MustCompile(`<a class="term" href="[^"]*">([^<]*)</a>`)

// has reports whether all text of an article is there; what it embeds is put in between, and its terms are linked.
func (a answer) has(article content.Article) bool {
	rest := termLink.ReplaceAllString(a.body, "$1")
	for i, text := range strings.Split(article.HTML, "<div data-embed=") {
		if i > 0 {
			_, text, _ = strings.Cut(text, "></div>")
		}
		_, after, found := strings.Cut(rest, text)
		if !found {
			return false
		}
		rest = after
	}
	return true
}

func (a answer) wantStatus(t testing.TB, status int) {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d:\n%.2000s", a.status, status, a.body)
	}
}

// wantHeaders compares headers, given as name, value, …; the value "" is none.
func (a answer) wantHeaders(t testing.TB, headers ...string) {
	t.Helper()
	for i := 0; i < len(headers); i += 2 {
		if got := a.header.Get(headers[i]); got != headers[i+1] {
			t.Errorf("%s is %q, want %q", headers[i], got, headers[i+1])
		}
	}
}

func good(state string) bool { return state == "fresh" || state == "cached" }

// logBook keeps log lines.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logBook) with(substring string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(s string) bool { return !strings.Contains(s, substring) })
}

// manyArticles are n articles about zebras, with something that must be escaped.
func manyArticles(t testing.TB, n int) []content.Article {
	t.Helper()
	files := fstest.MapFS{}
	for i := range n {
		files[fmt.Sprintf("%02d-zebra-%d.md", i, i)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"---\ntitle: Zebra number %d\nsummary: A & B about <zebras>.\ntags: [zebra, tag-%d]\npublished: 20%02d-01-02\n---\n\nThe zebra says `<img src=x onerror=alert(1)>` and **runs**. Word%d.\n", i, i%3, i, i)}
	}
	return must(content.Load(files, nil))(t)
}

// theSource is shared by all servers under test: what one has highlighted, none
// has to highlight again. Figures are drawn with it, as they are when the
// program starts.
var theSource = sync.OnceValue(func() *source.Tree {
	new(Server).DrawFigures()
	return source.New(afloat.Source())
})
