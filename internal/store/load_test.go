package store

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// meter makes PostgreSQL itself count the queries that read articles: each asks for the site's version, once, and a
// sequence counts what is rolled back too.
func meter(t testing.TB, db *DB, each string) (queries func() int) {
	t.Helper()
	exec(t, db, `
		create sequence queries minvalue 0 start 0;
		select nextval('queries');
		alter table site rename to site_itself;
		create function metered() returns setof site_itself language plpgsql as $$
		begin
			perform nextval('queries');
			`+each+`
			return query select * from site_itself;
		end $$;
		create view site as select * from metered()`)
	return func() int { return query[int](t, db, `select last_value from queries`) }
}

func TestReadersWhoMissTogetherShareOneQuery(t *testing.T) {
	const readers = 200
	unhurried := func(coalesce bool) func(*policy.Table) {
		return func(t *policy.Table) {
			p := &t.PostReads.Policy
			p.AttemptDeadline, p.Deadline, p.Retry.Attempts = 0, time.Minute, 1
			p.Bulkhead = resilience.BulkheadPolicy{Limit: readers, Wait: time.Minute}
			t.PostReads.Stale.Fresh, t.PostReads.Stale.Behind = 1*ms, 0
			t.PostReads.Stale.Patience, t.PostReads.Stale.Jitter = time.Minute, 0
			t.Postgres.ConnectTimeout = time.Minute // two hundred connections at once take their time
			t.PostReads.Stale.Coalesce = coalesce && !testenv.Off(policy.Coalescing)
		}
	}
	for _, c := range []struct {
		name     string
		coalesce bool
		expired  bool
	}{{"never read", true, false}, {"expired", true, true}, {"expired, without coalescing", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			url, db := newDatabase(t, one(t)...)
			queries := meter(t, db, `perform pg_sleep(0.2);`)
			b := newBlog(t, setup{postgres: url, table: unhurried(c.coalesce)})
			if c.expired {
				b.read(t, "one")
				time.Sleep(2 * ms)
			}
			before := queries()
			start := make(chan struct{})
			var all sync.WaitGroup
			for range readers {
				all.Go(func() {
					<-start
					if post, _, err := b.Post(t.Context(), "one"); err != nil || post.HTML == "" {
						t.Errorf("%q, %v", post.HTML, err)
					}
				})
			}
			close(start)
			all.Wait()
			n := queries() - before
			t.Logf("%d readers, %d queries", readers, n)
			if c.coalesce && n != 1 || !c.coalesce && n < readers/2 {
				t.Errorf("%d readers made %d queries", readers, n)
			}
		})
	}
}

// Queries fail in PostgreSQL, in a way that a retry may cure. What do the retries add, and what would they without a
// budget? It takes as long as 400 calls do, or with AFLOAT_OUTAGE, such as 60s, that long at 100 calls a second.
func TestRetriesStayWithinTheirBudget(t *testing.T) {
	const atOnce = 4
	calls, pause := 400, time.Duration(0)
	if outage, err := time.ParseDuration(os.Getenv("AFLOAT_OUTAGE")); err == nil {
		calls, pause = int(100*outage.Seconds()), atOnce*10*ms
	}
	load := func(t *testing.T, table func(*policy.Table)) float64 {
		url, db := newDatabase(t, one(t)...)
		queries := meter(t, db, `raise exception 'on purpose' using errcode = '40001';`)
		b := newBlog(t, setup{postgres: url, shipped: one(t), table: table})
		var all sync.WaitGroup
		for worker := range atOnce {
			all.Go(func() {
				for i := range calls / atOnce {
					slug := fmt.Sprintf("miss-%d-%d", worker, i)
					if _, _, err := b.Post(t.Context(), slug); !errors.Is(err, ErrUnavailable) {
						t.Errorf("%s: %v", slug, err)
					}
					time.Sleep(pause)
				}
			})
		}
		all.Wait()
		b.settled()
		attempts, made := b.seen.count("post reads", resilience.AttemptEvent), b.seen.count("post reads", resilience.CallEvent)
		n := queries()
		if n != attempts || made != calls {
			t.Errorf("PostgreSQL counted %d queries, the guard %d attempts of %d calls; want as many, of %d", n, attempts, made, calls)
		}
		t.Logf("%d calls, %d queries: %.2f a call", calls, n, float64(n)/float64(calls))
		return float64(n) / float64(calls)
	}
	noBreaker := func(t *policy.Table) { t.PostReads.Breaker = resilience.BreakerPolicy{} }
	t.Run("budget and breaker", func(t *testing.T) {
		if per := load(t, func(*policy.Table) {}); per > 1.1 {
			t.Errorf("%.2f queries a call, want at most 1.1", per)
		}
	})
	t.Run("budget alone", func(t *testing.T) {
		if per := load(t, noBreaker); per > 1.1 || per < 1.05 {
			t.Errorf("%.2f queries a call, want at most 1.1, and retries", per)
		}
	})
	t.Run("neither", func(t *testing.T) {
		per := load(t, func(t *policy.Table) {
			noBreaker(t)
			t.PostReads.Budget = resilience.BudgetPolicy{}
		})
		if per != 3 {
			t.Errorf("%.2f queries a call, want the policy's 3 attempts", per)
		}
	})
}
