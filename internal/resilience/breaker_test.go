package resilience_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"afloat/internal/resilience"
)

var breakerPolicy = resilience.BreakerPolicy{
	Window: 10 * time.Second, MinCalls: 4, FailureRatio: 0.5, OpenFor: 2 * time.Second, Probes: 2,
}

// report makes one call with the given outcome and tells whether it was admitted.
func report(b *resilience.Breaker, o resilience.Outcome) bool {
	done, err := b.Allow()
	if err != nil {
		return false
	}
	done(o)
	return true
}

func TestBreakerOpensAtItsRatio(t *testing.T) {
	const s, f, i = resilience.Succeeded, resilience.Failed, resilience.Ignored
	for _, test := range []struct {
		name     string
		outcomes []resilience.Outcome
		want     resilience.BreakerState
	}{
		{"too few calls", []resilience.Outcome{f, f, f}, resilience.Closed},
		{"half of enough calls", []resilience.Outcome{s, s, f, f}, resilience.Open},
		{"less than half", []resilience.Outcome{s, s, s, f, f}, resilience.Closed},
		{"a success doesn't open", []resilience.Outcome{f, f, f, s}, resilience.Closed},
		{"ignored calls count neither way", []resilience.Outcome{i, i, i, f, f, f, i}, resilience.Closed},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := must(resilience.NewBreaker(breakerPolicy, nil))
			for _, o := range test.outcomes {
				report(b, o)
			}
			if b.State() != test.want {
				t.Errorf("is %s, want %s", b.State(), test.want)
			}
		})
	}
}

func TestBreakerForgetsWhatLeavesTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBreaker(breakerPolicy, nil))
		for range 3 {
			report(b, resilience.Failed)
		}
		time.Sleep(9 * time.Second) // still inside
		report(b, resilience.Succeeded)
		time.Sleep(time.Second) // the three failures drop out
		report(b, resilience.Failed)
		report(b, resilience.Succeeded)
		report(b, resilience.Succeeded)
		if b.State() != resilience.Closed {
			t.Error("old failures still count")
		}
		time.Sleep(time.Hour + 5*time.Second) // many turns of the ring, to another bucket
		for range 3 {
			report(b, resilience.Failed)
		}
		if b.State() != resilience.Closed {
			t.Error("calls of an hour ago still count")
		}
		report(b, resilience.Failed)
		if b.State() != resilience.Open {
			t.Error("new calls no longer count")
		}
	})
}

func open(t *testing.T, b *resilience.Breaker) {
	t.Helper()
	for range 4 {
		report(b, resilience.Failed)
	}
	if b.State() != resilience.Open {
		t.Fatalf("is %s, want open", b.State())
	}
}

func TestBreakerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []string
		b := must(resilience.NewBreaker(breakerPolicy, func(from, to resilience.BreakerState) {
			changes = append(changes, string(from+" → "+to))
		}))
		open(t, b)
		time.Sleep(2*time.Second - 1)
		if report(b, resilience.Succeeded) {
			t.Error("admitted a call while open")
		}
		time.Sleep(time.Nanosecond)
		if b.State() != resilience.HalfOpen {
			t.Errorf("is %s after OpenFor, want half-open", b.State())
		}
		report(b, resilience.Succeeded)
		report(b, resilience.Failed) // one bad probe, and it opens for another OpenFor
		if report(b, resilience.Succeeded) {
			t.Error("admitted a call after a failed probe")
		}
		time.Sleep(2 * time.Second)
		report(b, resilience.Ignored) // proves nothing
		report(b, resilience.Succeeded)
		report(b, resilience.Succeeded)
		if b.State() != resilience.Closed {
			t.Errorf("is %s after two good probes, want closed", b.State())
		}
		report(b, resilience.Failed) // the failures before the outage ended are forgotten
		want := []string{"closed → open", "open → half-open", "half-open → open", "open → half-open", "half-open → closed"}
		if !slices.Equal(changes, want) {
			t.Errorf("told of %q, want %q", changes, want)
		}
	})
}

func TestBreakerAdmitsProbesAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBreaker(breakerPolicy, nil))
		open(t, b)
		time.Sleep(2 * time.Second)
		var now, most, refused atomic.Int64
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				done, err := b.Allow()
				if err != nil {
					refused.Add(1)
					return
				}
				most.Store(max(most.Load(), now.Add(1)))
				time.Sleep(time.Second)
				now.Add(-1)
				done(resilience.Succeeded)
			})
		}
		callers.Wait()
		if most.Load() != 2 || refused.Load() != 48 || b.State() != resilience.Closed {
			t.Errorf("%d probes at once, %d refused, then %s; want 2, 48 and closed", most.Load(), refused.Load(), b.State())
		}
	})
}

func TestBreakerIgnoresLateResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := must(resilience.NewBreaker(breakerPolicy, nil))
		var late []func(resilience.Outcome)
		for range 6 {
			late = append(late, must(b.Allow()))
		}
		open(t, b)
		time.Sleep(2 * time.Second)
		probe := must(b.Allow())
		late[0](resilience.Failed) // must not open it again
		late[1](resilience.Succeeded)
		late[2](resilience.Succeeded) // must not close it
		if b.State() != resilience.HalfOpen {
			t.Fatalf("late results made it %s", b.State())
		}
		probe(resilience.Succeeded)
		report(b, resilience.Succeeded)
		for _, done := range late[3:] {
			done(resilience.Failed) // must not count against the closed one
		}
		report(b, resilience.Failed)
		if b.State() != resilience.Closed {
			t.Errorf("late failures made it %s", b.State())
		}
	})
}

// timeless hides that it is a *testing.T, which rapid asks for its deadline: a
// test in a bubble has none.
type timeless struct{ testing.TB }

// Whatever happens in whatever order: open means that nothing passes until
// OpenFor has gone by, half-open that no more than Probes are under way, and
// a dependency that is well again is called again.
func TestBreakerProperties(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(t *rapid.T) {
			p := resilience.BreakerPolicy{
				Window:       time.Duration(rapid.IntRange(1, 20).Draw(t, "window")) * time.Second,
				MinCalls:     rapid.IntRange(1, 5).Draw(t, "min calls"),
				FailureRatio: rapid.Float64Range(0.01, 1).Draw(t, "ratio"),
				OpenFor:      time.Duration(rapid.IntRange(1, 5).Draw(t, "open for")) * time.Second,
				Probes:       rapid.IntRange(1, 3).Draw(t, "probes"),
			}
			state, changed, probing := resilience.Closed, time.Now(), 0
			b := must(resilience.NewBreaker(p, func(from, to resilience.BreakerState) {
				if from != state {
					t.Fatalf("changed from %s, was %s", from, state)
				}
				state, changed, probing = to, time.Now(), 0
			}))
			type inFlight struct {
				done  func(resilience.Outcome)
				since time.Time
			}
			var calls []inFlight
			finish := func(i int, o resilience.Outcome) {
				if state == resilience.HalfOpen && !calls[i].since.Before(changed) {
					probing--
				}
				calls[i].done(o)
				calls = slices.Delete(calls, i, i+1)
			}
			t.Repeat(map[string]func(*rapid.T){
				"start": func(t *rapid.T) {
					stillOpen := state == resilience.Open && time.Since(changed) < p.OpenFor
					done, err := b.Allow()
					if err != nil {
						if state == resilience.Closed || state == resilience.HalfOpen && probing < p.Probes {
							t.Fatalf("refused while %s with %d probes", state, probing)
						}
						return
					}
					if stillOpen {
						t.Fatal("admitted while open")
					}
					if state == resilience.HalfOpen {
						if probing++; probing > p.Probes {
							t.Fatalf("%d probes at once, of at most %d", probing, p.Probes)
						}
					}
					calls = append(calls, inFlight{done, time.Now()})
					time.Sleep(time.Nanosecond) // so that a change never bears the instant of an earlier call
				},
				"finish": func(t *rapid.T) {
					if len(calls) == 0 {
						t.Skip("nothing in flight")
					}
					i := rapid.IntRange(0, len(calls)-1).Draw(t, "call")
					finish(i, rapid.SampledFrom([]resilience.Outcome{
						resilience.Ignored, resilience.Succeeded, resilience.Failed,
					}).Draw(t, "outcome"))
				},
				"wait": func(t *rapid.T) {
					time.Sleep(time.Duration(rapid.IntRange(1, 3000).Draw(t, "ms")) * ms)
				},
				"": func(t *rapid.T) {
					if got := b.State(); got != state && !(state == resilience.Open && got == resilience.HalfOpen) {
						t.Fatalf("State() is %s, but its changes lead to %s", got, state)
					}
				},
			})
			for len(calls) > 0 {
				finish(0, resilience.Ignored)
			}
			time.Sleep(p.OpenFor)
			for range p.Probes {
				report(b, resilience.Succeeded)
			}
			if b.State() != resilience.Closed {
				t.Fatalf("healthy again, but %s", b.State())
			}
		})
	})
}

func TestBreakerMayBeAskedFromItsOwnCallback(t *testing.T) {
	var b *resilience.Breaker
	seen := resilience.BreakerState("")
	b = must(resilience.NewBreaker(breakerPolicy, func(_, _ resilience.BreakerState) { seen = b.State() }))
	open(t, b)
	if seen != resilience.Open {
		t.Errorf("saw %q", seen)
	}
}

func TestBreakerOff(t *testing.T) {
	b, err := resilience.NewBreaker(resilience.BreakerPolicy{}, nil)
	if err != nil || b != nil {
		t.Fatalf("got %v, %v; want no breaker", b, err)
	}
	for range 100 {
		if !report(b, resilience.Failed) {
			t.Fatal("a nil breaker refused a call")
		}
	}
	if b.State() != "" {
		t.Errorf("a nil breaker is %q", b.State())
	}
}

func TestBreakerRefusesNonsense(t *testing.T) {
	_, err := resilience.NewBreaker(resilience.BreakerPolicy{FailureRatio: 50}, nil)
	for _, field := range []string{"Window", "MinCalls", "FailureRatio 50", "OpenFor", "Probes"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
}

func ExampleBreaker() {
	breaker := must(resilience.NewBreaker(resilience.BreakerPolicy{
		Window: 10 * time.Second, MinCalls: 5, FailureRatio: 0.5, OpenFor: time.Minute, Probes: 1,
	}, nil))
	asked := 0
	read := func() error {
		done, err := breaker.Allow()
		if err != nil {
			return err
		}
		asked++
		done(resilience.Failed) // the database is down
		return errRefused
	}
	var err error
	for range 100 {
		err = read()
	}
	fmt.Println(asked, breaker.State(), err)
	// Output: 5 open circuit breaker open
}
