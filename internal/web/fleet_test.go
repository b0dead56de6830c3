package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/fleet"
	"afloat/internal/lab"
)

// joins has a blog exchange orders with the ones at these addresses, until left.
func (b *blog) joins(t *testing.T, name string, peers ...*blog) (leave func()) {
	t.Helper()
	b.board.Name(name)
	var urls []string
	for _, p := range peers {
		urls = append(urls, p.URL+"/lab/faults")
	}
	ctx, cancel := context.WithCancel(context.Background())
	client := &http.Client{Transport: &http.Transport{}}
	var joined sync.WaitGroup
	joined.Go(func() { b.board.Join(ctx, client, urls, 10*time.Millisecond, slog.New(slog.DiscardHandler)) })
	leave = sync.OnceFunc(func() {
		cancel()
		joined.Wait()
		client.CloseIdleConnections()
	})
	t.Cleanup(leave)
	return leave
}

// faultOn is what is really on a link.
func (b *blog) faultOn(link string) fault.Fault {
	f, _ := b.links[link].Current()
	return f
}

// TestFaultsReachAllServers: any of three takes the order, all are under it until the same instant, and one that was
// away learns what it has missed from any other.
func TestFaultsReachAllServers(t *testing.T) {
	w := newWorld(t)
	one, two, three := w.start(t), w.start(t), w.start(t)
	leave := []func(){one.joins(t, "blog1", two, three), two.joins(t, "blog2", one, three), three.joins(t, "blog3", one, two)}
	all := []*blog{one, two, three}
	everywhere := func(what string, ok func(*blog) bool) {
		t.Helper()
		for i, b := range all {
			eventually(t, fmt.Sprintf("%s on server %d", what, i+1), func() bool { return ok(b) })
		}
	}

	two.do(t, "POST", "/lab/faults", "link=redis&kind=refuse&for=5m", "Content-Type", isForm).wantStatus(t, 200)
	until := two.faultOn("redis").Until
	everywhere("redis refuses until the same instant", func(b *blog) bool {
		f := b.faultOn("redis")
		return f.Kind == fault.Refuse && f.Until.Equal(until)
	})
	three.mark(t, "comments=on").wantStatus(t, 200)
	everywhere("comments are critical", func(b *blog) bool {
		return strings.Contains(b.get(t, "/lab/critical").body, "comments")
	})

	leave[2]() // the third is cut off: it hears of nothing, and goes on
	one.do(t, "POST", "/lab/faults", "link=postgres&kind=hang", "Content-Type", isForm).wantStatus(t, 200)
	one.do(t, "DELETE", "/lab/faults/redis", "").wantStatus(t, 200)
	eventually(t, "the second has heard of both", func() bool { return two.faultOn("postgres").Kind == fault.Hang && two.faultOn("redis").Kind == "" })
	if three.faultOn("redis").Kind != fault.Refuse || three.faultOn("postgres").Kind != "" {
		t.Error("the third has heard of it, so the test sees nothing")
	}
	leave[0]() // and what the first has ordered is known by way of the second
	three.joins(t, "blog3", two)
	eventually(t, "the third has caught up", func() bool { return three.faultOn("postgres").Kind == fault.Hang && three.faultOn("redis").Kind == "" })

	late := w.start(t) // one that was restarted, with nothing in its memory
	late.joins(t, "blog1", two)
	all[0] = late
	everywhere("the first is back, and all hang", func(b *blog) bool { return b.faultOn("postgres").Kind == fault.Hang })
	two.joins(t, "blog2", late, three)
	late.do(t, "POST", "/lab/faults", "link=all&kind=healthy", "Content-Type", isForm).wantStatus(t, 200)
	everywhere("everything is healthy, marks too", func(b *blog) bool {
		return b.faultOn("postgres").Kind == "" && b.faultOn("redis").Kind == "" && !strings.Contains(b.get(t, "/lab/critical").body, "comments")
	})
}

// fakeFleet is a server, a peer that is down, a leader and a standby; only the servers are no fakes of anything.
func fakeFleet(t *testing.T) *fleet.Watcher {
	t.Helper()
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/leads/patroni":
			fmt.Fprint(w, `{"state":"running","role":"primary","timeline":3,"xlog":{"location":70000}}`)
		case "/follows/patroni":
			fmt.Fprint(w, `{"state":"running","role":"replica","quorum_standby":true,"xlog":{"replayed_location":22000}}`)
		}
	}))
	t.Cleanup(node.Close)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	file := filepath.Join(t.TempDir(), "fleet.json")
	text := strings.NewReplacer("NODE", node.URL, "GONE", gone.URL).Replace(`{"nodes":[
		{"name":"blog1","kind":"server","at":"NODE"},{"name":"blog2","kind":"server","at":"GONE"},
		{"name":"postgres1","kind":"postgres","at":"NODE/leads"},{"name":"postgres2","kind":"postgres","at":"NODE/follows"}]}`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := must(fleet.NewWatcher(must(fleet.Load(file))(t), fleet.Options{Every: 20 * time.Millisecond, Timeout: 10 * time.Second}))(t)
	return w
}

func TestFleetPage(t *testing.T) {
	watcher := fakeFleet(t)
	w := newWorld(t)
	b := w.start(t, func(s *setup) {
		s.options = func(o *Options) {
			o.Runner, o.Node, o.Fleet = lab.NewRunner(&lab.Rig{Links: o.Lab}, nil, o.Log), "blog1", watcher
		}
	})
	t.Cleanup(b.server().Runner.Close)
	page := b.get(t, "/lab/fleet")
	page.wantStatus(t, 200)
	page.wantHeaders(t, "Cache-Control", "no-store", "X-Served-By", "blog1")
	wants(t, page.body, "<html", `href="/lab/fleet" aria-current="page"`, "4 of 4 nodes are not looked at yet", `data-state="unknown"`, "this server")

	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { watcher.Run(ctx) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	eventually(t, "all are looked at", func() bool { return !strings.Contains(b.get(t, "/lab/fleet").body, "unknown") })
	eventually(t, "the lag is known", func() bool { return strings.Contains(b.get(t, "/lab/fleet").body, "behind</p>") })
	for _, path := range []string{"/lab/fleet", "/lab/fleet?fragment=1"} {
		got := b.get(t, path)
		got.wantStatus(t, 200)
		wants(t, got.body, "blog2 is down, and every service goes on", "1 of 2 up, so the next loss is an outage; blog2 is down", "connection refused",
			"postgres1 leads, 1 sync standby", "leader, timeline 3", "sync standby</p>", "(48 kB) behind", `id="fleet-map" data-lab-live`)
	}
	lacks(t, b.get(t, "/lab/fleet?fragment=1").body, "<html", "lab-nav")
	live := b.get(t, "/lab")
	wants(t, live.body, "are those of blog1, the server that answers", "postgres1 leads, 1 sync standby", `href="/lab/fleet"`)
	wants(t, b.get(t, "/lab/status").body, `"node": "blog1"`, `"role": "sync standby"`)
	b.get(t, "/lab/fleet", "Host", "evil.example").wantStatus(t, 403)

	told := b.stream(t, "/lab/events").until(t, "the fleet", ofKind("fleet"))
	wants(t, told.data, `"name":"postgres2"`, `"state":"down"`)
}

// TestNodeIsOnEveryAnswer, finished pages, errors and files too.
func TestNodeIsOnEveryAnswer(t *testing.T) {
	w := newWorld(t)
	named := w.start(t, func(s *setup) { s.options = func(o *Options) { o.Node = "blog2" } })
	nameless := w.start(t)
	article := "/posts/" + w.articles[0].Slug
	named.warm(t, article)
	for _, path := range []string{article, "/nothing", "/livez", "/lab/faults", "/static/app.css"} {
		named.get(t, path).wantHeaders(t, "X-Served-By", "blog2")
		nameless.get(t, path).wantHeaders(t, "X-Served-By", "")
	}
	nameless.get(t, "/lab/fleet").wantStatus(t, 404)
	lacks(t, nameless.get(t, "/lab/bar").body, "/lab/fleet")
}
