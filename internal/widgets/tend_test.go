package widgets

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// TestTendNoticesRecovery: after an outage with readers, the first reader who
// comes two seconds after its end meets a closed breaker and a fresh answer.
func TestTendNoticesRecovery(t *testing.T) {
	for name, tended := range map[string]bool{"tended": true, "left alone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				w := part(t, func(context.Context, Request) (string, error) {
					if broken.Load() {
						return "", errDown
					}
					return "there", nil
				})
				ctx, cancel := context.WithCancel(t.Context())
				if tended {
					go w.Tend(ctx, policy.Serve().Poll)
				}
				read := func() resilience.State {
					_, p, _ := w.Get(t.Context(), Request{Slug: "one"})
					return p.State
				}
				read()
				broken.Store(true)
				for range 60 { // a minute of outage
					time.Sleep(time.Second)
					read()
					synctest.Wait() // for the refresh behind this reader
				}
				if w.Guard().Closed() {
					t.Fatal("the breaker is closed in an outage: the test shows nothing")
				}
				broken.Store(false)
				time.Sleep(2 * time.Second)
				if state := read(); (state == resilience.Fresh) != tended {
					t.Errorf("the first reader after the outage got %s", state)
				}
				cancel()
				synctest.Wait()
			})
		})
	}
}
