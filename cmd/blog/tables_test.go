package main

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"afloat/internal/testenv"
)

// twinHere starts a twin of a blog, which says nothing on its console.
func twinHere(t *testing.T, e env, flags ...string) (base string) {
	t.Helper()
	addr := freeAddr(t)
	all := env{"ADDR": addr, "RECOMMENDATIONS_URL": nowhere(t, "http")}
	for name, value := range e {
		all[name] = value
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx, append([]string{"serve"}, flags...), all.get, &output{}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve %v: %v", flags, err)
		}
	})
	base = "http://" + addr
	eventually(t, "the twin", func() bool { status, _ := get(t, base+"/livez"); return status == http.StatusOK })
	return base
}

// Two custom twins come under the faults of their blog. The one with copies
// serves through an outage, and renews its copies by itself; the one with
// nothing does not.
func TestCustomTwins(t *testing.T) {
	e := env{"DATABASE_URL": testenv.Postgres(t), "REDIS_URL": testenv.Redis(t)}
	b := serveHere(t, env{"LAB": "on", "DATABASE_URL": e["DATABASE_URL"], "REDIS_URL": e["REDIS_URL"]}, "-twin", "18081")
	follow := []string{"-policies", "custom", "-follow", b.url + "/lab/faults"}
	copies := twinHere(t, e, append(follow, "-protections", "isolation,deadline,cache,stale")...)
	nothing := twinHere(t, e, follow...)
	article := "/posts/" + shipped(t)[0].Slug
	eventually(t, "an article that somebody vouches for", func() bool {
		_, page := get(t, copies+article)
		return state(page, "post") == "fresh" || state(page, "post") == "cached"
	})
	_, page := get(t, copies+article)
	for _, want := range []string{"This is the custom twin", "on are isolation, deadlines, cache, stale copies; off are coalescing, retries,"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	// Popular comes from Redis, recommendations from nowhere: without isolation
	// the latter takes any article down, so lists are what to compare.
	if status, page := get(t, nothing+"/archive"); status != http.StatusOK || !strings.Contains(page, "same blog, protections off") {
		t.Errorf("with nothing on: status %d", status)
	}
	if status, _ := post(t, copies+"/lab/faults", url.Values{"link": {"redis"}, "kind": {"hang"}}); status != http.StatusMethodNotAllowed {
		t.Errorf("a fault set on a twin: status %d, want 405", status)
	}

	if status, answer := post(t, b.url+"/lab/faults", url.Values{"link": {"postgres"}, "kind": {"refuse"}}); status != http.StatusOK {
		t.Fatalf("status %d: %s", status, answer)
	}
	eventually(t, "an outage where nothing is on", func() bool {
		status, _ := get(t, nothing+"/archive")
		return status == http.StatusServiceUnavailable
	})
	eventually(t, "a copy that nobody vouches for", func() bool {
		status, page := get(t, copies+article)
		if status != http.StatusOK {
			t.Errorf("status %d with copies", status)
		}
		return state(page, "post") == "stale" || state(page, "post") == "fallback"
	})
}
