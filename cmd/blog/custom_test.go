package main

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"afloat/internal/config"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

// workbench starts a whole blog with its lab in this process.
func workbench(t *testing.T) (string, *bench) {
	t.Helper()
	listener, err := listen("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	vars := env{"ADDR": "127.0.0.1:0", "LAB": "on", "DATA_DIR": dataDir(t)}
	cfg, err := config.FromEnv(vars.get)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	began, ended := make(chan *bench, 1), make(chan error, 1)
	o := serving{table: policy.Afloat(), out: &output{}, began: func(_ *app, b *bench) { began <- b }}
	go func() { ended <- serveBlog(ctx, cfg, o, listener, logger(cfg)) }()
	var b *bench
	select {
	case b = <-began:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		if _, err := b.runner.Start(example, nil); err == nil {
			t.Error("an experiment begins in a blog that has ended")
		}
	})
	eventually(t, "the database's own articles", func() bool {
		_, page := get(t, b.rig.Blog+"/posts/"+shipped(t)[0].Slug)
		return state(page, "post") == "fresh" || state(page, "post") == "cached"
	})
	return b.rig.Blog, b
}

// The third blog runs with the protections that it is told to, is under the
// blog's faults from its first page on, and goes when it is told to.
func TestCustomServer(t *testing.T) {
	base, b := workbench(t)
	c, article := b.rig.Custom, "/posts/"+shipped(t)[0].Slug
	if url, on, critical := c.Running(); url != "" || on != nil || critical != nil {
		t.Errorf("%s %v %v before anything was asked for", url, on, critical)
	}
	if err := b.rig.Links.Order(lab.Order{Link: "redis", Kind: "refuse"}); err != nil {
		t.Fatal(err)
	}

	bare, err := c.Serve(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, page := get(t, bare+article); status != http.StatusInternalServerError {
		t.Errorf("without any protection, and Redis refusing: status %d\n%s", status, page)
	}
	isolated, err := c.Serve(t.Context(), []string{"isolation", "deadline"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if isolated != bare {
		t.Errorf("it has moved from %s to %s: links to it are dead", bare, isolated)
	}
	eventually(t, "with isolation, the article without what is popular", func() bool { // it has a deadline, which a busy machine may miss
		status, page := get(t, isolated+article)
		return status == http.StatusOK && state(page, "popular") == "missing"
	})
	critical, err := c.Serve(t.Context(), []string{"isolation", "deadline"}, []string{"popular"})
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := get(t, critical+article); status != http.StatusServiceUnavailable {
		t.Errorf("with isolation, and what is popular critical: status %d", status)
	}
	if url, on, marked := c.Running(); url != critical || !slices.Equal(on, []string{"isolation", "deadline"}) || !slices.Equal(marked, []string{"popular"}) {
		t.Errorf("%s %v %v", url, on, marked)
	}

	if _, err := c.Serve(t.Context(), []string{"magic"}, nil); err == nil || !strings.Contains(err.Error(), `no protection "magic"`) {
		t.Errorf("%v, want what is wrong with it", err)
	}
	if url, _, _ := c.Running(); url != "" {
		t.Errorf("%s runs after a start that failed", url)
	}
	if _, err := c.Serve(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	// One button: healthy links, and nothing that runs with another table.
	if status, text := post(t, base+"/lab/faults", url.Values{"link": {"all"}, "kind": {"healthy"}}); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if url, _, _ := c.Running(); url != "" {
		t.Errorf("%s still runs", url)
	}
	if status, _ := get(t, bare); status != 0 {
		t.Errorf("the stopped server answers %d", status)
	}
	if _, err := c.Serve(t.Context(), nil, nil); err != nil { // left running: the blog's end is its end
		t.Fatal(err)
	}
}

// The built-in readers read the blog until they are stopped, and make room for
// an experiment, which keeps them out and faults too.
func TestReadersAndExperimentsShareTheBlog(t *testing.T) {
	base, b := workbench(t)
	v, err := lab.ParseValues(b.readers.Params(), url.Values{"rate": {"50"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.readers.Start(v); err != nil {
		t.Fatal(err)
	}
	eventually(t, "readers have read", func() bool { return b.readers.Status().OK > 20 })
	if !b.readers.Stop() || b.readers.Status().On {
		t.Error("the readers go on")
	}
	before := b.readers.Status().Readers
	if err := b.readers.Start(v); err != nil {
		t.Fatal(err)
	}
	eventually(t, "others have begun", func() bool { return b.readers.Status().Readers > 0 })
	if b.readers.Status().Readers >= before+20 {
		t.Error("their count goes on from the last ones'")
	}

	held := &lab.Experiment{Name: "held", Title: "Held", Run: func(ctx context.Context, _ *lab.Rig, _ lab.Values, tell func(lab.Progress)) (lab.Result, error) {
		tell(lab.Progress{Done: 0.5, Say: "holding"})
		<-ctx.Done()
		return lab.Result{}, ctx.Err()
	}}
	if _, err := b.runner.Start(held, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the readers have made room", func() bool { return !b.readers.Status().On })
	if err := b.readers.Start(v); err == nil || !strings.Contains(err.Error(), "“Held”") {
		t.Errorf("%v, want it busy", err)
	}
	if status, text := post(t, base+"/lab/faults", url.Values{"link": {"redis"}, "kind": {"hang"}}); status != http.StatusConflict || !strings.Contains(text, "“Held”") || !strings.Contains(text, `"until"`) {
		t.Errorf("%d %s", status, text)
	}
	if !b.runner.Cancel() {
		t.Error("nothing ran")
	}
	if status, text := post(t, base+"/lab/faults", url.Values{"link": {"redis"}, "kind": {"hang"}}); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
	if err := b.readers.Start(v); err != nil { // left reading, with a link that hangs: both end with the blog
		t.Fatal(err)
	}
	eventually(t, "they have begun", func() bool { return time.Since(b.readers.Status().Began) > 0 && b.readers.Status().On })
}
