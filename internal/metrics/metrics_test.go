package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/redis/go-redis/v9"

	"afloat/internal/fault"
	"afloat/internal/resilience"
	"afloat/internal/telemetry"
)

// sources are those of a server whose dependencies are out of reach.
func sources(t *testing.T) (Sources, *resilience.Guard) {
	t.Helper()
	recorder, link := telemetry.NewRecorder(), fault.NewLink("redis")
	guard, err := resilience.NewGuard(resilience.Policy{
		Name:    "post reads",
		Breaker: resilience.BreakerPolicy{Window: time.Minute, MinCalls: 1, FailureRatio: 0.5, OpenFor: time.Hour, Probes: 1},
	}, nil, recorder.Observe)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), "postgres://127.0.0.1:1/none")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	cache := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	t.Cleanup(func() { _ = cache.Close() })
	link.Set(fault.Fault{Kind: fault.Hang})
	t.Cleanup(link.Close)
	return Sources{
		Recorder: recorder, Guards: []*resilience.Guard{guard}, Links: []*fault.Link{link},
		Postgres: map[string]func() *pgxpool.Stat{"readers": pool.Stat}, Redis: cache.PoolStats,
		Version:  func() (int64, bool) { return 17, true },
		Snapshot: func() (int64, time.Time, bool) { return 16, time.Unix(1_700_000_000, 0), true },
	}, guard
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

func TestScrape(t *testing.T) {
	s, guard := sources(t)
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	m.Request("/posts/{slug}", "GET", 200, 40*time.Millisecond)
	m.Request("/posts/{slug}", "GET", 503, 400*time.Millisecond)
	m.Request("other", "GET", 0, time.Millisecond)
	m.Part("post", resilience.Provenance{State: resilience.Stale, Source: resilience.FromMemory, At: time.Now().Add(-90 * time.Second)})
	m.Part("comments", resilience.Provenance{State: resilience.Missing, Source: resilience.FromPlaceholder})
	for range 2 { // the first fails, the second is refused
		_, _, _ = resilience.Call(t.Context(), guard, func(context.Context) (int, error) { return 0, io.EOF })
	}

	text := scrape(t, m.Handler())
	for _, want := range []string{
		`afloat_http_requests_total{method="GET",outcome="2xx",route="/posts/{slug}"} 1`,
		`afloat_http_requests_total{method="GET",outcome="5xx",route="/posts/{slug}"} 1`,
		`afloat_http_requests_total{method="GET",outcome="none",route="other"} 1`,
		`afloat_http_request_duration_seconds_bucket{route="/posts/{slug}",le="0.05"} 1`,
		`afloat_http_request_duration_seconds_count{route="/posts/{slug}"} 2`,
		`afloat_parts_total{part="comments",source="placeholder",state="missing"} 1`,
		`afloat_parts_total{part="post",source="memory",state="stale"} 1`,
		`afloat_post_age_seconds_bucket{le="60"} 0`,
		`afloat_post_age_seconds_bucket{le="300"} 1`,
		`afloat_calls_total{policy="post reads"} 2`,
		`afloat_attempts_total{policy="post reads"} 1`,
		`afloat_failures_total{class="closed",policy="post reads"} 1`,
		`afloat_rejected_total{by="breaker",policy="post reads"} 1`,
		`afloat_breaker_state{policy="post reads",state="open"} 1`,
		`afloat_breaker_state{policy="post reads",state="closed"} 0`,
		`afloat_fault{kind="hang",link="redis"} 1`,
		`afloat_fault{kind="slow",link="redis"} 0`,
		`afloat_postgres_connections{pool="readers",state="acquired"} 0`,
		`afloat_postgres_connects_total{pool="readers"} 0`,
		`afloat_redis_connections{state="used"} 0`,
		`afloat_site_version 17`, `afloat_site_vouched 1`, `afloat_snapshot_version 16`, `afloat_snapshot_timestamp_seconds 1.7e+09`,
		`afloat_build_info{`, `go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("want %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestLint: names, units and help texts are as Prometheus's own linter wants them.
func TestLint(t *testing.T) {
	s, _ := sources(t)
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	m.Request("/", "GET", 200, time.Millisecond)
	m.Part("post", resilience.Provenance{State: resilience.Fresh, Source: resilience.FromPostgres, At: time.Now()})
	problems, err := promlint.New(strings.NewReader(scrape(t, m.Handler()))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "afloat_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// weird is an error whose class is no text.
type weird struct{ error }

func (weird) SQLState() string { return "\xff" }

// TestWhatCannotBeToldIsLeftOut, and the rest is told.
func TestWhatCannotBeToldIsLeftOut(t *testing.T) {
	s, guard := sources(t)
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	_, _, _ = resilience.Call(t.Context(), guard, func(context.Context) (int, error) { return 0, weird{errors.New("odd")} })
	text := scrape(t, m.Handler())
	if !strings.Contains(text, "afloat_site_version") || strings.Contains(text, "afloat_failures_total") {
		t.Errorf("got\n%s", text)
	}
}

// TestWithoutDependencies: what is not configured has no series.
func TestWithoutDependencies(t *testing.T) {
	s, _ := sources(t)
	s.Postgres, s.Redis, s.Snapshot = nil, nil, func() (int64, time.Time, bool) { return 0, time.Time{}, false }
	m, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	text := scrape(t, m.Handler())
	for _, unwanted := range []string{"afloat_postgres", "afloat_redis", "afloat_snapshot"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("it has %s", unwanted)
		}
	}
}
