package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
)

const browser = "text/html,application/xhtml+xml,*/*;q=0.8" // a browser's Accept

func (b *blog) kinds(t testing.TB) map[string]string {
	t.Helper()
	kinds := map[string]string{}
	for name, l := range b.links {
		kinds[name] = lab.Healthy
		if f, on := l.Current(); on {
			kinds[name] = string(f.Kind)
		}
	}
	return kinds
}

func TestFaultsFromAScript(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	got := b.do(t, "POST", "/lab/faults", `{"link": "redis", "kind": "slow", "latency": "50ms", "jitter": "10ms", "for": "1m"}`, "Content-Type", "application/json")
	got.wantStatus(t, 200)
	got.wantHeaders(t, "Content-Type", "application/json", "Cache-Control", "no-store")
	state := decode[lab.State](t, got.body)
	redis := state.Faults[1]
	if redis.Link != "redis" || redis.Kind != "slow" || redis.Latency != 50*time.Millisecond || redis.Jitter != 10*time.Millisecond || !redis.Confirmed || redis.Until.IsZero() {
		t.Errorf("redis: %+v", redis)
	}
	if f, on := b.links["redis"].Current(); !on || f.Kind != fault.Slow {
		t.Errorf("the link: %+v, %v", f, on)
	}
	b.do(t, "POST", "/lab/faults", "link=postgres&kind=flaky&rate=0.5", "Content-Type", isForm).wantStatus(t, 200)
	if f, _ := b.links["postgres"].Current(); f.Kind != fault.Flaky || f.Rate != 0.5 || time.Until(f.Until) > policy.Serve().Fault.For {
		t.Errorf("postgres: %+v", f)
	}
	listed := decode[lab.State](t, b.get(t, "/lab/faults").body)
	if listed.Faults[0].Kind != "flaky" || listed.Faults[1].Kind != "slow" || listed.Faults[2].Kind != lab.Healthy {
		t.Errorf("listed: %+v", listed)
	}
	b.do(t, "DELETE", "/lab/faults/redis", "").wantStatus(t, 200)
	if got := b.kinds(t); got["redis"] != lab.Healthy || got["postgres"] != "flaky" {
		t.Errorf("after DELETE of one: %v", got)
	}
	b.do(t, "POST", "/lab/faults", "link=all&kind=refuse", "Content-Type", isForm).wantStatus(t, 200)
	b.do(t, "DELETE", "/lab/faults", "").wantStatus(t, 200)
	for link, kind := range b.kinds(t) {
		if kind != lab.Healthy {
			t.Errorf("after DELETE of all %s is %s", link, kind)
		}
	}
	b.do(t, "DELETE", "/lab/faults/mysql", "").wantStatus(t, 404)
}

func TestBadFaultsAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	for body, want := range map[string]lab.BadField{
		"link=mysql&kind=hang":               {Field: "link", Range: "one of postgres, redis, recommendations, all", Got: "mysql"},
		"kind=hang":                          {Field: "link", Range: "one of postgres, redis, recommendations, all"},
		"link=redis&kind=explode":            {Field: "kind", Range: "one of healthy, refuse, hang, slow, flaky, reset", Got: "explode"},
		"link=redis":                         {Field: "kind", Range: "one of healthy, refuse, hang, slow, flaky, reset"},
		"link=redis&kind=slow&latency=1h":    {Field: "latency", Range: "above 0s, at most 30s", Unit: `a duration such as "300ms" or "2s"`, Got: "1h0m0s"},
		"link=redis&kind=slow&latency=200":   {Field: "latency", Range: "above 0s, at most 30s", Unit: `a duration such as "300ms" or "2s"`, Got: "200"},
		"link=redis&kind=slow&jitter=3s":     {Field: "jitter", Range: "from 0s to the latency", Unit: `a duration such as "300ms" or "2s"`, Got: "3s"},
		"link=redis&kind=flaky&rate=1.5":     {Field: "rate", Range: "above 0, at most 1", Unit: "the share of exchanges that fail", Got: "1.5"},
		"link=redis&kind=hang&for=31m":       {Field: "for", Range: "above 0s, at most 30m0s", Unit: `a duration such as "300ms" or "2s"`, Got: "31m0s"},
		`{"link": "redis", "kind": "melt"}`:  {Field: "kind", Range: "one of healthy, refuse, hang, slow, flaky, reset", Got: "melt"},
		`{"link": "redis", "colour": "red"}`: {Field: "colour", Range: "no other field than link, kind, latency, jitter, rate, for", Got: "colour"},
	} {
		contentType := isForm
		if body[0] == '{' {
			contentType = "application/json"
		}
		got := b.do(t, "POST", "/lab/faults", body, "Content-Type", contentType)
		got.wantStatus(t, 400)
		got.wantHeaders(t, "Content-Type", "application/json")
		if bad := decode[lab.BadOrder](t, got.body); len(bad.Fields) != 1 || bad.Fields[0] != want {
			t.Errorf("%s: got %+v, want %+v", body, bad.Fields, want)
		}
		page := b.do(t, "POST", "/lab/faults", body, "Content-Type", contentType, "Accept", browser)
		page.wantStatus(t, 400)
		wants(t, page.body, want.Field+": want "+want.Range, "<form")
	}
	b.do(t, "POST", "/lab/faults", "hello", "Content-Type", "text/plain").wantStatus(t, 400)
	b.do(t, "POST", "/lab/faults", "link=redis&kind="+strings.Repeat("x", 70_000), "Content-Type", isForm).wantStatus(t, 400)
	for link, kind := range b.kinds(t) {
		if kind != lab.Healthy {
			t.Errorf("%s is %s", link, kind)
		}
	}
}

func TestFaultBarWorks(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.options = func(o *Options) { o.Other = Other{Name: "the naive twin", Port: "8081"} } })
	bar := b.get(t, "/lab/bar?back=/posts/x")
	bar.wantHeaders(t, "Cache-Control", "no-store")
	wants(t, bar.body, "<html", `value="/posts/x"`, `value="hang"`, "Make everything healthy")
	fragment := b.get(t, "/lab/bar?fragment=1&back=/posts/x")
	lacks(t, fragment.body, "<html")
	wants(t, b.get(t, "/posts/"+w.articles[0].Slug).body, "http://127.0.0.1:8081/posts/"+w.articles[0].Slug, "/lab/bar")
	wants(t, b.get(t, "/about", "Host", "[::1]").body, "http://[::1]:8081/about")

	sent := b.do(t, "POST", "/lab/faults", "link=redis&kind=hang&back=/posts/x%3Fa=b", "Content-Type", isForm, "Accept", browser)
	sent.wantStatus(t, 303)
	sent.wantHeaders(t, "Location", "/posts/x?a=b", "Cache-Control", "no-store")
	wants(t, b.get(t, "/lab/bar").body, "Redis hangs", "no answer within 1 s", "confirmed")
	wants(t, b.get(t, "/about").body, "Redis hangs")
	bad := b.do(t, "POST", "/lab/faults", "link=redis&kind=melt&back=/posts/x", "Content-Type", isForm, "Accept", browser)
	wants(t, bad.body, `value="/posts/x"`)
	b.do(t, "POST", "/lab/faults", "link=all&kind=healthy&back=/", "Content-Type", isForm, "Accept", browser).wantStatus(t, 303)
	lacks(t, b.get(t, "/about").body, "Redis hangs")
}

// TestBackStaysOnTheSite: no link or form sends its reader elsewhere.
func TestBackStaysOnTheSite(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	for _, back := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, `\\evil.example`, "javascript:alert(1)", "evil.example", "/\r\nSet-Cookie: a=b", "/\t/evil.example", "///evil.example", ""} {
		got := b.do(t, "POST", "/lab/faults", url.Values{"link": {"redis"}, "kind": {"healthy"}, "back": {back}}.Encode(), "Content-Type", isForm, "Accept", browser)
		got.wantStatus(t, 303)
		got.wantHeaders(t, "Location", "/", "Set-Cookie", "")
		lacks(t, b.get(t, "/lab/bar?"+url.Values{"back": {back}}.Encode()).body, "evil.example", "javascript:")
	}
	lacks(t, b.get(t, "//evil.example/?a=b").body, `href="//evil`, `back=//evil`, `back=%2f%2fevil`)
}

func TestLabHosts(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	for host, want := range map[string]int{
		"evil.example": 403, "127.0.0.1.evil.example": 403, "evil.example:8080": 403, "localhost.": 403,
		"localhost": 200, "LOCALHOST:1234": 200, "[::1]:80": 200, "[::1]": 200, "lab.example": 200,
	} {
		for _, path := range []string{"/lab/faults", "/lab/bar", "/lab/status"} {
			if got := b.get(t, path, "Host", host).status; got != want {
				t.Errorf("%s of %s: %d, want %d", path, host, got, want)
			}
		}
		b.do(t, "POST", "/lab/faults", "link=redis&kind=refuse", "Content-Type", isForm, "Host", host).wantStatus(t, want)
		if kind := b.kinds(t)["redis"]; (kind == "refuse") != (want == 200) {
			t.Errorf("%s: redis is %s", host, kind)
		}
		b.heal()
	}
	b.get(t, "/about", "Host", "evil.example").wantStatus(t, 200) // the blog itself answers to any name
}

func TestNoGetChangesAnything(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	b.do(t, "POST", "/lab/faults", "link=redis&kind=reset", "Content-Type", isForm).wantStatus(t, 200)
	for _, path := range []string{"/lab/faults?link=postgres&kind=hang", "/lab/faults/redis", "/lab/faults/redis?kind=healthy", "/lab/bar?link=all&kind=healthy", "/lab/status?kind=healthy", "/posts/" + w.articles[0].Slug + "/comments?author=a&body=b&key=0123456789abcdef"} {
		for _, method := range []string{"GET", "HEAD"} {
			b.do(t, method, path, "")
		}
	}
	if got := fmt.Sprint(b.kinds(t)); got != "map[postgres:healthy recommendations:healthy redis:reset]" {
		t.Error(got)
	}
	if n := b.rows(t, "true"); n != 0 {
		t.Errorf("%d comments", n)
	}
}

func TestLabOff(t *testing.T) {
	w := newWorld(t, manyArticles(t, 1)...) // which say nothing of a lab themselves
	b := w.start(t, func(s *setup) { s.lab = false })
	for _, path := range []string{"/lab/bar", "/lab/faults", "/lab/status", "/lab/", "/lab/faults/redis"} {
		b.get(t, path).wantStatus(t, 404)
		b.do(t, "POST", path, "link=redis&kind=refuse", "Content-Type", isForm).wantStatus(t, 404)
		b.do(t, "DELETE", path, "").wantStatus(t, 404)
	}
	for _, path := range []string{"/lab", "/lab/parts/postgres", "/lab/capstone"} { // lessons lead here
		off := b.get(t, path)
		off.wantStatus(t, 404)
		wants(t, off.body, "The lab is off on this server", "make run")
	}
	wants(t, b.get(t, "/laboratory").body, "There is no such page")
	twin := w.start(t, naive, func(s *setup) { s.lab = false })
	wants(t, twin.get(t, "/lab/parts/postgres").body, "The lab is on the protected blog")
	got := b.get(t, "/posts/"+w.articles[0].Slug+"?xray=1")
	got.wantStatus(t, 200)
	lacks(t, got.body, "xray", "X-ray", "data-lab", "/lab/bar", "/source/internal/policy")
	if b.kinds(t)["redis"] != lab.Healthy {
		t.Error("redis is broken")
	}
}

func TestLongPoll(t *testing.T) {
	w := newWorld(t)
	stopping, stop := context.WithCancel(t.Context())
	b := w.start(t, func(s *setup) {
		s.server.LongPoll = time.Hour
		s.options = func(o *Options) { o.Stopping = stopping }
	})
	rev := func() int64 { return decode[lab.State](t, b.get(t, "/lab/faults").body).Rev }
	eventually(t, "the first probes have come back", func() bool { return !strings.Contains(b.get(t, "/lab/faults").body, "checking") })
	poll := func() <-chan answer {
		done := make(chan answer, 1)
		path := fmt.Sprintf("/lab/faults?after=%d", rev())
		go func() {
			a, err := b.try(t.Context(), "GET", path, "")
			if err != nil {
				a.body = err.Error()
			}
			done <- a
		}()
		return done
	}
	changed := poll()
	b.do(t, "POST", "/lab/faults", "link=redis&kind=refuse", "Content-Type", isForm).wantStatus(t, 200)
	wants(t, (<-changed).body, `"kind": "refuse"`)
	b.get(t, "/lab/faults?after=1").wantStatus(t, 200) // a number from another run is answered at once
	got := b.get(t, "/lab/faults?after=x")
	got.wantStatus(t, 400)
	wants(t, got.body, `"after"`)

	atShutdown := poll()
	stop()
	if got := <-atShutdown; got.status != 200 {
		t.Errorf("a poll at shutdown ends with %d: %s", got.status, got.body)
	}
}

// TestTwinFollows: the naive twin comes under the blog's faults, says so, and
// offers none itself.
func TestTwinFollows(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	twin := w.start(t, naive, func(s *setup) {
		s.options = func(o *Options) { o.Other = Other{Name: "the protected blog", Port: "8080"} }
	})
	var links []*fault.Link
	for _, l := range twin.links {
		links = append(links, l)
	}
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan struct{})
	client := &http.Client{Transport: &http.Transport{}}
	go func() {
		defer close(followed)
		lab.Follow(ctx, client, []string{b.URL + "/lab/faults"}, links, 10*time.Millisecond, slog.New(slog.DiscardHandler))
	}()
	defer func() { cancel(); <-followed; client.CloseIdleConnections() }()

	b.do(t, "POST", "/lab/faults", "link=redis&kind=slow&latency=20ms", "Content-Type", isForm).wantStatus(t, 200)
	eventually(t, "the twin's Redis is slow", func() bool { return twin.kinds(t)["redis"] == "slow" })
	bar := twin.get(t, "/lab/bar?back=/about")
	wants(t, bar.body, "Redis is slow", "http://127.0.0.1:8080/about", "naive twin")
	lacks(t, bar.body, "<form", "<button")
	wants(t, twin.get(t, "/lab/faults").body, `"kind": "slow"`)
	for _, method := range []string{"POST", "DELETE"} {
		if got := twin.do(t, method, "/lab/faults", "link=postgres&kind=hang", "Content-Type", isForm); got.status != 405 {
			t.Errorf("%s on the twin: %d, want 405", method, got.status)
		}
	}
	b.do(t, "DELETE", "/lab/faults", "").wantStatus(t, 200)
	eventually(t, "the twin's Redis is healthy", func() bool { return twin.kinds(t)["redis"] == lab.Healthy })
}

func TestLabStatus(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	b.get(t, "/posts/"+w.articles[0].Slug).wantStatus(t, 200)
	var got struct {
		Table    string
		Policies []struct {
			Name  string
			Calls int
		}
	}
	if err := json.Unmarshal([]byte(b.get(t, "/lab/status").body), &got); err != nil || got.Table != "afloat" || len(got.Policies) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

func decode[T any](t testing.TB, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in:\n%s", err, body)
	}
	return v
}
