package web

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/telemetry"
)

func (b *blog) mark(t *testing.T, form string) answer {
	t.Helper()
	return b.do(t, "POST", "/lab/critical", form, "Content-Type", isForm)
}

// TestCriticalPartTakesThePageDown: the same outage, the same page; what differs is whether the part may be missing.
func TestCriticalPartTakesThePageDown(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	article := "/posts/" + w.articles[0].Slug
	for _, tt := range []struct{ link, part, path string }{
		{"postgres", "comments", article}, {"postgres", "counts", "/"}, {"recommendations", "recommendations", article},
		{"redis", "popular", article}, {"redis", "popular", "/"},
	} {
		t.Run(tt.part+" on "+tt.path, func(t *testing.T) {
			// A server whose widgets have no copy to be stale with, and which keeps finished pages for long.
			fresh := w.start(t, func(s *setup) { s.table.Page.Hot = time.Hour })
			fresh.breakLink(tt.link, fault.Hang)
			got := fresh.get(t, tt.path, "Surrogate-Capability", "cdn=\"Surrogate/1.0\"")
			if got.status != 200 || got.parts()[tt.part] != "missing" {
				t.Fatalf("optional: status %d, %s; want 200 and it missing", got.status, got.parts()[tt.part])
			}
			fresh.mark(t, tt.part+"=on").wantStatus(t, 200)
			for range 2 { // neither made anew nor finished before
				got = fresh.get(t, tt.path)
				got.wantStatus(t, 503)
				got.wantHeaders(t, "Cache-Control", "no-store", "Retry-After", "5")
				wants(t, got.body, "marked that part as critical")
			}
			fresh.get(t, "/about").wantStatus(t, 200)
			fresh.heal()
			eventually(t, "the page is back", func() bool { return fresh.get(t, tt.path).status == 200 })
		})
	}
	b.mark(t, "comments=on").wantStatus(t, 200)
	b.warm(t, article) // a page with all of its parts is as before, finished bytes and all
}

// TestCriticalIsMissedNotStale: a stale copy is there, and only what isn't there takes the page down.
func TestCriticalIsMissedNotStale(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	article := "/posts/" + w.articles[0].Slug
	b.warm(t, article)
	b.mark(t, "comments=on&recommendations=on&popular=on").wantStatus(t, 200)
	b.breakLink("postgres", fault.Hang)
	eventually(t, "comments are stale", func() bool {
		got := b.get(t, article)
		got.wantStatus(t, 200)
		return got.parts()["comments"] == "stale"
	})
}

// TestCriticalPageIsNotStreamed: its status is sent when all of it is there.
func TestCriticalPageIsNotStreamed(t *testing.T) {
	w := newWorld(t)
	streams := func(marked string) bool {
		b := w.start(t)
		b.breakLink("recommendations", fault.Hang)
		b.mark(t, marked).wantStatus(t, 200)
		return strings.Contains(b.get(t, "/posts/"+w.articles[0].Slug).body, "<template shadowrootmode")
	}
	if !streams("") {
		t.Error("a page with optional parts is not streamed, so the test sees nothing")
	}
	if streams("comments=on") {
		t.Error("a page with a critical part is streamed")
	}
}

func TestCriticalMarks(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) { s.server.Fault.MaxFor = time.Hour })
	marked := func(want string) {
		t.Helper()
		got := decode[criticality](t, b.get(t, "/lab/critical").body)
		if strings.Join(got.Critical, " ") != want || got.Until.IsZero() != (want == "") {
			t.Errorf("critical are %v until %v, want %q", got.Critical, got.Until, want)
		}
	}
	marked("")
	b.mark(t, "popular=on&comments=on&counts=off").wantStatus(t, 200)
	marked("comments popular")
	for form, field := range map[string]string{"comments=yes": "comments", "post=on": "post", "comments=on&titles=on": "titles", "popular=": "popular"} {
		got := b.mark(t, form)
		got.wantStatus(t, 400)
		wants(t, got.body, `"field": "`+field+`"`, `"range"`)
		marked("comments popular")
	}
	sent := b.do(t, "POST", "/lab/critical", "recommendations=on&back=/posts/x", "Content-Type", isForm, "Accept", browser)
	sent.wantStatus(t, 303)
	sent.wantHeaders(t, "Location", "/posts/x")
	marked("recommendations")
	b.do(t, "GET", "/lab/critical?comments=on", "").wantStatus(t, 200)
	marked("recommendations")
	b.mark(t, "").wantStatus(t, 200)
	marked("")

	for what, heal := range map[string]func(){
		"DELETE": func() { b.do(t, "DELETE", "/lab/faults", "").wantStatus(t, 200) },
		"POST": func() {
			b.do(t, "POST", "/lab/faults", "link=all&kind=healthy", "Content-Type", isForm).wantStatus(t, 200)
		},
	} {
		b.mark(t, "comments=on").wantStatus(t, 200)
		heal()
		if got := b.get(t, "/lab/critical"); strings.Contains(got.body, "comments") {
			t.Errorf("after %s of the faults: %s", what, got.body)
		}
	}
}

func TestCriticalMarksExpire(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, func(s *setup) {
		s.server.Fault.For, s.server.Fault.MaxFor = 50*time.Millisecond, 50*time.Millisecond
		s.options = func(o *Options) { o.Critical = []string{"counts"} }
	})
	b.mark(t, "comments=on").wantStatus(t, 200)
	eventually(t, "the mark has expired, and what the server was started with has not", func() bool {
		got := decode[criticality](t, b.get(t, "/lab/critical").body)
		return strings.Join(got.Critical, " ") == "counts" && got.Until.IsZero()
	})
	if err := CheckCritical([]string{"post"}); err == nil || !strings.Contains(err.Error(), "want any of comments") {
		t.Errorf("%v, want an error that names what can be critical", err)
	}
}

// TestAnExperimentIsNotDisturbed: who breaks something meanwhile is told who is there; making everything healthy ends it.
func TestAnExperimentIsNotDisturbed(t *testing.T) {
	w := newWorld(t)
	log := slog.New(slog.DiscardHandler)
	var runner *lab.Runner
	b := w.start(t, func(s *setup) {
		s.options = func(o *Options) {
			runner = lab.NewRunner(&lab.Rig{Links: o.Lab}, nil, log)
			o.Runner = runner
		}
	})
	defer runner.Close()
	begun := make(chan struct{}, 1)
	e := &lab.Experiment{Name: "wait", Title: "Waiting", Run: func(ctx context.Context, rig *lab.Rig, _ lab.Values, _ func(lab.Progress)) (lab.Result, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return lab.Result{}, ctx.Err()
	}}
	for _, heal := range []func() answer{
		func() answer { return b.do(t, "DELETE", "/lab/faults", "") },
		func() answer { return b.do(t, "POST", "/lab/faults", "link=all&kind=healthy", "Content-Type", isForm) },
	} {
		if _, err := runner.Start(e, nil); err != nil {
			t.Fatal(err)
		}
		<-begun
		got := b.do(t, "POST", "/lab/faults", "link=redis&kind=hang", "Content-Type", isForm)
		got.wantStatus(t, 409)
		wants(t, got.body, `"what": "the experiment “Waiting”"`, "wait until it is over, or stop it")
		got = b.do(t, "POST", "/lab/faults", url.Values{"link": {"redis"}, "kind": {"hang"}, "back": {"/posts/x"}}.Encode(), "Content-Type", isForm, "Accept", browser)
		got.wantStatus(t, 409)
		wants(t, got.body, "the experiment “Waiting”", `value="/posts/x"`)
		b.do(t, "DELETE", "/lab/faults/redis", "").wantStatus(t, 409)
		if kind := b.kinds(t)["redis"]; kind != lab.Healthy {
			t.Errorf("redis is %s", kind)
		}
		heal().wantStatus(t, 200)
		if err := runner.Busy(); err != nil {
			t.Errorf("healthy again, and still %v", err)
		}
		b.do(t, "POST", "/lab/faults", "link=redis&kind=hang", "Content-Type", isForm).wantStatus(t, 200)
		heal().wantStatus(t, 200)
	}
	b.do(t, "DELETE", "/lab/faults/nothing", "").wantStatus(t, 404)
	runner.Close()
	b.do(t, "POST", "/lab/faults", "link=redis&kind=hang", "Content-Type", isForm).wantStatus(t, 503)
}

// TestCriticalPagesCountAsFailed: the timeline tells readers who got nothing from those who got a part less.
func TestCriticalPagesCountAsFailed(t *testing.T) {
	w := newWorld(t)
	var timeline *telemetry.Timeline
	b := w.start(t, func(s *setup) { s.options = func(o *Options) { timeline = o.Timeline } })
	counted := func(o telemetry.Outcome) (n uint64) {
		for _, second := range timeline.Window(time.Now().Add(-time.Minute), time.Now().Add(time.Minute)).Pages[o] {
			n += second
		}
		return n
	}
	b.breakLink("recommendations", fault.Refuse)
	b.get(t, "/posts/"+w.articles[0].Slug).wantStatus(t, 200)
	b.mark(t, "recommendations=on").wantStatus(t, 200)
	b.get(t, "/posts/"+w.articles[0].Slug).wantStatus(t, 503)
	eventually(t, "one page in part, one failed", func() bool { return counted(telemetry.Partial) == 1 && counted(telemetry.Failed) == 1 })
}
