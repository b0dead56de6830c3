package experiments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/store"
	"afloat/internal/testenv"
)

func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := goleak.Find(testenv.Leaks()...); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// newRig is a rig with real dependencies behind links that can be broken; it has no blogs and no service.
func newRig(t testing.TB) *lab.Rig {
	t.Helper()
	log, p, s := slog.New(slog.DiscardHandler), policy.LabRig(), policy.Serve().Fault
	dial := (&net.Dialer{}).DialContext
	toDB, toRedis := fault.NewLink("postgres"), fault.NewLink("redis")
	dbURL, redisURL := testenv.Postgres(t), testenv.Redis(t)
	db, err := store.OpenPostgres(dbURL, store.Dial(toDB.Dialer(dial)), p.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	client, err := store.OpenRedis(redisURL, store.Dial(toRedis.Dialer(dial)), p.Redis)
	if err != nil {
		t.Fatal(err)
	}
	links, err := lab.NewSwitchboard([]lab.Wire{
		{Link: toDB, Label: "Postgres", Probe: lab.PostgresProbe(dbURL, toDB.Dialer(dial))},
		{Link: toRedis, Label: "Redis", Probe: lab.RedisProbe(redisURL, toRedis.Dialer(dial))},
	}, lab.Limits{
		DefaultFor: s.For, MaxFor: s.MaxFor, DefaultLatency: s.Latency, MaxLatency: s.MaxLatency, DefaultRate: s.Rate,
		ProbeTimeout: s.ProbeTimeout, ProbeEvery: s.ProbeEvery, ConfirmWait: s.ConfirmWait,
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		links.Close()
		db.Close()
		_ = client.Close()
		toDB.Close()
		toRedis.Close()
	})
	return &lab.Rig{Links: links, Postgres: db.Pool, Redis: client, Log: log}
}

// met runs an experiment with its quick values, seeds 1 to 3, and wants each expectation met, at the second try at
// the latest, each link healthy at the end and each number of the tables in its place.
func met(t *testing.T, name string, rig *lab.Rig) {
	t.Helper()
	e := Find(name)
	if e == nil {
		t.Fatalf("no experiment is called %q", name)
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed %d", seed+1), func(t *testing.T) {
			began, told, longest := time.Now(), time.Now(), time.Duration(0)
			run := func() lab.Result {
				result, err := e.Run(t.Context(), rig, lab.QuickValues(e.Params, seed+1), func(p lab.Progress) {
					longest, told = max(longest, time.Since(told)), time.Now()
					if p.Done < 0 || p.Done > 1 || p.Say == "" {
						t.Errorf("told %+v", p)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				return result
			}
			result := run()
			for range 2 { // real calls on a busy machine are late by chance, and not three times
				if result.Met() {
					break
				}
				t.Logf("once more, since this was not as expected: %s", result.Finding)
				result = run()
			}
			t.Logf("%v, told after %v at most: %s", time.Since(began).Round(time.Millisecond), longest.Round(time.Millisecond), result.Finding)
			for _, table := range result.Tables {
				t.Logf("%s\n%v", table.Caption, table.Head)
				for _, row := range table.Rows {
					t.Log(row)
					if len(row) != len(table.Head) {
						t.Errorf("%d cells under %d heads", len(row), len(table.Head))
					}
				}
			}
			if len(result.Checks) == 0 || len(result.Figures) == 0 || result.Finding == "" || result.Trials == 0 {
				t.Errorf("incomplete: %+v", result)
			}
			for _, c := range result.Checks {
				if !c.Met {
					t.Errorf("%s: want %s, got %s", c.Claim, c.Want, c.Got)
				}
			}
			for _, f := range result.Figures {
				if f.HTML() == "" || len(f.Standalone()) == 0 {
					t.Error("an empty figure")
				}
			}
			healthy(t, rig)
		})
	}
}

func healthy(t testing.TB, rig *lab.Rig) {
	t.Helper()
	for _, s := range rig.Links.Status().Faults {
		if s.Kind != lab.Healthy {
			t.Errorf("link %s is left %s", s.Link, s.Kind)
		}
	}
}

// cancelled stops an experiment when so much of it is done, and wants it to end with its ctx and to leave the links
// healthy.
func cancelled(t *testing.T, name string, rig *lab.Rig, at float64) {
	t.Helper()
	e := Find(name)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := e.Run(ctx, rig, lab.QuickValues(e.Params, 1), func(p lab.Progress) {
		if p.Done >= at {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a run that was cancelled ended with %v", err)
	}
	healthy(t, rig)
}
