package policy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

func TestTablesAreValid(t *testing.T) {
	for _, table := range []policy.Table{policy.Afloat(), policy.Naive()} {
		if err := table.Validate(); err != nil {
			t.Errorf("%s: %v", table.Name, err)
		}
		names := map[string]bool{}
		for _, row := range table.Rows() {
			if _, err := resilience.NewGuard(row.Policy, nil, nil); err != nil {
				t.Errorf("%s: %v", table.Name, err)
			}
			if _, err := resilience.NewCache(resilience.CacheOptions[int]{Policy: row.Stale, Keeper: noKeeper{}}); err != nil {
				t.Errorf("%s: %s: %v", table.Name, row.Name, err)
			}
			if names[row.Name] || table.Links()[row.Name] == "" {
				t.Errorf("%s: row %q needs a name of its own and a link", table.Name, row.Name)
			}
			names[row.Name] = true
		}
	}
}

type noKeeper struct{ resilience.Keeper[int] }

// A row that Rows forgets is one that nobody checks.
func TestRowsAreAllRows(t *testing.T) {
	n := 0
	for field := range reflect.TypeFor[policy.Table]().Fields() {
		if field.Type == reflect.TypeFor[policy.Row]() {
			n++
		}
	}
	if got := len(policy.Afloat().Rows()); got != n {
		t.Errorf("Rows returns %d of the table's %d rows", got, n)
	}
}

// The naive twin has the same rows, links and names, and no protection at all.
func TestNaiveHasNoProtections(t *testing.T) {
	afloat, naive := policy.Afloat(), policy.Naive()
	for i, row := range naive.Rows() {
		same := afloat.Rows()[i]
		if want := (policy.Row{Link: same.Link, Policy: resilience.Policy{Name: same.Name}}); row != want {
			t.Errorf("%+v, want %+v", row, want)
		}
	}
	if naive.Copies != (policy.Copies{}) || naive.Page != (policy.Page{}) || naive.Fallback || naive.Postgres != (policy.Postgres{}) || naive.RedisLib != (policy.RedisLib{LibraryRetries: true}) || naive.Shed != (resilience.ShedPolicy{}) {
		t.Errorf("%+v", naive)
	}
}

func TestValidateRefuses(t *testing.T) {
	for want, change := range map[string]func(*policy.Table){
		"post reads: attempts × deadline": func(t *policy.Table) { t.PostReads.AttemptDeadline += 10 * time.Millisecond },
		"search: attempts × deadline":     func(t *policy.Table) { t.Search.Retry.Attempts++ },
		"comment writes: attempts × deadline": func(t *policy.Table) {
			t.CommentWrites.Retry.Backoff.Base = 500 * time.Millisecond
			t.CommentWrites.Retry.Backoff.Cap = time.Second
		},
		"comment writes: is not idempotent":         func(t *policy.Table) { t.CommentWrites.Idempotent = false },
		"page views: is not idempotent":             func(t *policy.Table) { t.Views.Retry.Attempts = 2; t.Views.AttemptDeadline /= 2 },
		"over the page's budget":                    func(t *policy.Table) { t.Redis.AttemptDeadline, t.Redis.Deadline = time.Second, time.Second },
		"recommendations: its deadline of 1s":       func(t *policy.Table) { t.Recommendations.Deadline = time.Second },
		"popular now: its deadline of 60ms is over": func(t *policy.Table) { t.Page.Slot = 50 * time.Millisecond },
	} {
		table := policy.Afloat()
		change(&table)
		if err := table.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
	broken := policy.Afloat()
	broken.CommentWrites.Idempotent, broken.Recommendations.Deadline = false, time.Second
	if err := broken.Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("%v, want both problems at once", err)
	}
}

func TestLongest(t *testing.T) {
	const ms = time.Millisecond
	row := policy.Row{Policy: resilience.Policy{AttemptDeadline: 70 * ms, Retry: resilience.RetryPolicy{
		Attempts: 3, Backoff: resilience.Backoff{Base: 10 * ms, Cap: 15 * ms, Jitter: resilience.FullJitter},
	}}}
	if got, want := row.Longest(), 3*70*ms+10*ms+15*ms; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	if got := (policy.Row{Policy: resilience.Policy{Deadline: 5 * ms}}).Longest(); got != 5*ms {
		t.Errorf("without a limit for an attempt %v, want the call's", got)
	}
}

// What the rows promise each other beyond what Validate holds them to.
func TestNumbersFitTogether(t *testing.T) {
	const promise = 2 * time.Second // the longest until a change is seen, and until a page is fresh after an outage
	table, server := policy.Afloat(), policy.Serve()
	var places int
	for _, row := range table.Rows() {
		if row.Link != "postgres" || row.Name == table.Bulk.Name { // background reads have a pool of their own
			continue
		}
		places += row.Bulkhead.Limit
		if row.AttemptDeadline >= table.Postgres.ReadCap {
			t.Errorf("%s: an attempt of %v is cut off by the read cap of %v", row.Name, row.AttemptDeadline, table.Postgres.ReadCap)
		}
		if row.Breaker.OpenFor+row.Stale.Pause >= promise {
			t.Errorf("%s: a breaker open for %v and a pause of %v leave no time to be fresh within %v", row.Name, row.Breaker.OpenFor, row.Stale.Pause, promise)
		}
	}
	if places >= int(table.Postgres.MaxConns) {
		t.Errorf("bulkheads let %d calls in at once, for %d connections", places, table.Postgres.MaxConns)
	}
	if table.Postgres.Grace+2*table.Postgres.ReadCap >= promise {
		t.Errorf("a swallowed connection leaves the pool after two reads of %v, later than %v", table.Postgres.ReadCap, promise)
	}
	const heard = 800 * time.Millisecond // the longest until a comment's writer has an answer
	if sum := table.OutboxOrder.Deadline + table.CommentWrites.Deadline + table.Outbox.Deadline; sum >= heard || table.Page.Budget > table.OutboxOrder.Deadline+table.CommentWrites.Deadline {
		t.Errorf("a comment takes up to %v, and its article %v beside it: want less than %v", sum, table.Page.Budget, heard)
	}
	if again := server.Outbox.Again + table.Outbox.Deadline; again >= heard {
		t.Errorf("a comment that is offered once more takes up to %v: want less than %v", again, heard)
	}
	const tick = 100 * time.Millisecond // of Redis: by so much a time-out of its own may be late
	if server.Outbox.Sync+tick >= table.Outbox.AttemptDeadline {
		t.Errorf("an attempt of %v ends before the wait for a replica, %v and up to %v, does", table.Outbox.AttemptDeadline, server.Outbox.Sync, tick)
	}
	if seen := table.CommentReads.Stale.Fresh + table.CommentReads.Stale.Behind + table.Page.Hot; server.Outbox.Linger <= seen {
		t.Errorf("a comment lingers for %v after it was written, and a copy without it is shown for up to %v", server.Outbox.Linger, seen)
	}
	if server.Poll >= promise || server.Vouch <= 2*server.Poll {
		t.Errorf("polled every %v and vouched for during %v", server.Poll, server.Vouch)
	}
	replicas := table.Postgres.Replicas
	if replicas.Behind != server.Vouch {
		t.Errorf("a replica may be %v behind, and copies are vouched for during %v", replicas.Behind, server.Vouch)
	}
	if int(2*replicas.ReadConns) < places-table.CommentWrites.Bulkhead.Limit || int(replicas.ReadConns) < table.PostReads.Bulkhead.Limit || int(replicas.WriteConns) <= table.CommentWrites.Bulkhead.Limit {
		t.Errorf("bulkheads let %d calls in at once, for %d connections to the leader and twice %d to replicas", places, replicas.WriteConns, replicas.ReadConns)
	}
	if whole := table.RedisLib.DialTimeout; 2*table.RedisLib.SentinelTimeout > whole {
		t.Errorf("with a sentinel silent, asking takes %v of a dial's %v", table.RedisLib.SentinelTimeout, whole)
	}
	if table.Copies.Keep > table.PostReads.Stale.Keep {
		t.Errorf("copies in Redis outlive those in memory")
	}
}

// No other file holds a timeout. The rest are no limits of a call: a scale of what a visitor may ask for, or a unit.
var durations = map[string]string{
	"alert/rule.go":               "the manual's rules, each with its reason beside it",
	"availability/series.go":      "the month of a budget",
	"capstone/cases_whole.go":     "what counts as soon in a case's evidence, and its unit",
	"capstone/exercise.go":        "a delay that breaks nothing, and the unit of a display",
	"capstone/look.go":            "the unit of what a page says",
	"lab/readers.go":              "the shortest load that may be asked for",
	"telemetry/histogram.go":      "the width of a histogram's first bin, and the unit of its figures",
	"telemetry/series.go":         "the unit of a display",
	"telemetry/timeline.go":       "the resolution of the timeline",
	"web/lab_capstone_sitting.go": "the unit of a display",
	"web/lab_dependency.go":       "the unit of a display",
	"web/lab_timeline.go":         "the unit of what is asked for",
	"load/plan.go":                "bounds of what a load may be asked for",
	"load/result.go":              "the unit of a display",
	"store/ready.go":              "the unit of an age in words",
	"store/replicas.go":           "the unit in which PostgreSQL tells a lag",
	"web/xray.go":                 "the unit of a header",
	"web/render.go":               "the units of an age in words",
	"web/comments.go":             "the unit of a rate: per minute",
}

func TestNoOtherFileHoldsATimeout(t *testing.T) {
	internal := os.DirFS("..")
	files := 0
	err := fs.WalkDir(internal, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		switch path.Dir(name) {
		case "policy", "testenv": // testenv runs in tests only
			return nil
		case "sim", "lab/experiments", "figures": // a published model's times, how long a measurement takes, and the scale of a drawing
			return nil
		}
		files++
		for _, where := range unitsOfTime(t, internal, name) {
			if durations[name] == "" {
				t.Errorf("%s: a duration; move it into a policy", where)
			}
		}
		return nil
	})
	if err != nil || files < 50 {
		t.Errorf("%d files, %v", files, err)
	}
}

// unitsOfTime is where a file uses one of time's units.
func unitsOfTime(t *testing.T, fsys fs.FS, name string) (where []string) {
	src, err := fs.ReadFile(fsys, name)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && fmt.Sprint(s.X) == "time" {
			switch s.Sel.Name {
			case "Nanosecond", "Microsecond", "Millisecond", "Second", "Minute", "Hour":
				where = append(where, files.Position(s.Pos()).String())
			}
		}
		return true
	})
	return where
}

func TestWithComments(t *testing.T) {
	if got := policy.Serve().WithComments(0); got.CommentsPerMinute != 10 || got.PostsPerMinute != 300 {
		t.Errorf("unset changes the limits to %d and %d", got.CommentsPerMinute, got.PostsPerMinute)
	}
	if got := policy.Serve().WithComments(3000); got.CommentsPerMinute != 3000 || got.PostsPerMinute != 90_000 {
		t.Errorf("3000 makes the limits %d and %d", got.CommentsPerMinute, got.PostsPerMinute)
	}
}
