package web

import (
	"context"
	"log/slog"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"afloat"
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/load"
	"afloat/internal/policy"
	"afloat/internal/source"
	"afloat/internal/telemetry"
)

// startLab starts a blog with a lab and its built-in readers, which run in this process here.
func (w *world) startLab(t *testing.T) *blog {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	var b *blog
	send := func(ctx context.Context, plan load.Plan) error {
		plan.Target, plan.Paths = b.URL, []string{"/posts/" + w.articles[0].Slug, "/posts/" + w.articles[1].Slug}
		_, err := load.Run(ctx, plan)
		return err
	}
	b = w.start(t, func(s *setup) {
		s.options = func(o *Options) {
			o.Runner = lab.NewRunner(&lab.Rig{Links: o.Lab}, func(words string) { o.Timeline.Mark(telemetry.RunMark, "lab", words) }, log)
			o.Readers = lab.NewReaders(o.Runner, load.Plan{Rate: 20, Duration: time.Minute, Timeout: 5 * time.Second}, send, log)
			o.Other = Other{Name: "the naive twin", Port: "8081"}
			o.Pools = func() []Pool { return []Pool{{Name: "readers", Link: "postgres", InUse: 3, Max: 32}} }
		}
	})
	s := b.server()
	t.Cleanup(func() {
		s.Runner.Close()
		s.Readers.Stop()
	})
	return b
}

func (b *blog) server() *Server { return b.Config.Handler.(*Server) }

func (b *blog) submit(t testing.TB, path, form string) answer {
	t.Helper()
	return b.do(t, "POST", path, form, "Content-Type", isForm, "Accept", browser)
}

func TestLabLive(t *testing.T) {
	w := newWorld(t)
	b := w.startLab(t)
	page := b.get(t, "/lab")
	page.wantStatus(t, 200)
	page.wantHeaders(t, "Cache-Control", "no-store")
	wants(t, page.body, "<html", `href="/lab" aria-current="page"`, "Everything is healthy. Nobody is reading", "Nobody has read anything yet",
		`href="/lab/parts/postgres"`, `href="/lab/parts/redis"`, `href="/lab/parts/recommendations"`, "3 of 32 (readers)", "table afloat", "Naive twin",
		"5 closed", `action="/lab/readers"`, `name="rate"`, `name="for"`, `name="seed"`, `id="fault-mend"`)
	lacks(t, page.body, "<figure", "/lab/readers/stop", `id="fault-panel"`) // a second fault bar would have the same ids

	sent := b.submit(t, "/lab/readers", "rate=40&for=1m&seed=7")
	sent.wantStatus(t, 303)
	sent.wantHeaders(t, "Location", "/lab")
	eventually(t, "readers are in the figures", func() bool { return strings.Count(b.get(t, "/lab").body, `<figure class="chart"`) == 3 })
	page = b.get(t, "/lab")
	wants(t, page.body, "Built-in readers come at 40 a second", "/lab/readers/stop", "40 readers a second began", "none failed")
	lacks(t, page.body, "Nobody")

	busy := b.submit(t, "/lab/readers", "rate=33&for=2m&seed=9")
	busy.wantStatus(t, 409)
	wants(t, busy.body, "a load of 40 readers a second is under way until", `role="alert"`, `name="rate" value="33"`, `name="for" value="2m"`, `name="seed" value="9"`)
	script := b.do(t, "POST", "/lab/readers", "rate=33", "Content-Type", isForm)
	script.wantStatus(t, 409)
	script.wantHeaders(t, "Content-Type", "application/json")

	b.submit(t, "/lab/readers/stop", "").wantStatus(t, 303)
	if b.server().Readers.Status().On {
		t.Error("they read on")
	}
	b.submit(t, "/lab/readers/stop", "").wantStatus(t, 303) // nothing to stop
	wants(t, b.get(t, "/lab").body, "The built-in readers have left", "readers ended")
}

func TestBadReadersAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.startLab(t)
	for form, want := range map[string]string{
		"rate=0":           "rate: want from 0.1 to 200, readers/s; got &#34;0&#34;",
		"rate=201":         "rate: want from 0.1 to 200, readers/s; got &#34;201&#34;",
		"rate=1&for=11m":   "for: want from 1s to 10m0s, a duration such as",
		"for=5":            "for: want from 1s to 10m0s, a duration such as",
		"seed=-1":          "seed: want a whole number from 0 to 4294967295; got",
		"rate=%3Cb%3E&a=b": "got &#34;&lt;b&gt;&#34;",
	} {
		got := b.submit(t, "/lab/readers", form)
		got.wantStatus(t, 400)
		wants(t, got.body, want, `role="alert"`, `action="/lab/readers"`)
		script := b.do(t, "POST", "/lab/readers", form, "Content-Type", isForm)
		script.wantStatus(t, 400)
		if bad := decode[lab.BadOrder](t, script.body); len(bad.Fields) != 1 {
			t.Errorf("%s: %+v", form, bad)
		}
	}
	b.submit(t, "/lab/readers", "rate=%zz").wantStatus(t, 400)
	if b.server().Readers.Status().On {
		t.Error("they read all the same")
	}
}

// TestLabLiveInAnOutage: with everything broken the page stands, and says so.
func TestLabLiveInAnOutage(t *testing.T) {
	w := newWorld(t)
	b := w.startLab(t)
	b.submit(t, "/lab/readers", "rate=50&for=1m").wantStatus(t, 303)
	b.do(t, "POST", "/lab/faults", "link=all&kind=hang", "Content-Type", isForm).wantStatus(t, 200)
	for _, path := range []string{"/lab", "/lab?fragment=1"} {
		got := b.get(t, path)
		got.wantStatus(t, 200)
		wants(t, got.body, "Postgres hangs, Redis hangs, Recommendations hang", `data-kind="hang"`, "Postgres hangs, ", "Recommendations hang, ", "left")
	}
	eventually(t, "breakers open, and the figures mark it", func() bool {
		body := b.get(t, "/lab").body
		return strings.Contains(body, "popular now open") && strings.Contains(body, "breaker of popular now: closed → open") && strings.Contains(body, "Postgres hangs from ")
	})
	for _, link := range []string{"postgres", "redis", "recommendations"} {
		got := b.get(t, "/lab/parts/"+link)
		got.wantStatus(t, 200)
		wants(t, got.body, "left. ", "Lately")
	}
	var redis answer
	eventually(t, "it is open, and not just now half-open", func() bool {
		redis = b.get(t, "/lab/parts/redis")
		return strings.Contains(redis.body, "breaker open")
	})
	wants(t, redis.body, "Redis hangs", "breaker of popular now: closed → open")
	lacks(t, redis.body, "Postgres hangs</li>", "breaker of comment reads")
}

func TestLabFragmentIsPartOfThePage(t *testing.T) {
	w := newWorld(t)
	b := w.startLab(t)
	fragment := b.get(t, "/lab?fragment=1").body
	lacks(t, fragment, "<html", "fault-mend", `name="rate"`) // what a reader is filling in is not renewed
	page := b.get(t, "/lab").body
	ids := regexp.MustCompile(`id="([^"]+)" (?:class="[^"]+" )?data-lab-live`).FindAllStringSubmatch(fragment, -1)
	if len(ids) < 6 {
		t.Errorf("only %d elements are renewed", len(ids))
	}
	for _, id := range ids {
		if n := strings.Count(page, `id="`+id[1]+`"`); n != 1 {
			t.Errorf("%s stands %d times in the page", id[1], n)
		}
	}
}

func TestLabLiveIsWhereTheLabIs(t *testing.T) {
	w := newWorld(t)
	off := w.start(t, func(s *setup) { s.lab = false; s.options = func(o *Options) { o.Links = nil } })
	on := w.startLab(t)
	for _, path := range []string{"/lab", "/lab?fragment=1", "/lab/parts/redis"} {
		off.get(t, path).wantStatus(t, 404)
		on.get(t, path, "Host", "evil.example").wantStatus(t, 403)
		on.get(t, path).wantStatus(t, 200)
	}
	off.submit(t, "/lab/readers", "rate=1").wantStatus(t, 404)
	off.submit(t, "/lab/readers/stop", "").wantStatus(t, 404)
	on.do(t, "POST", "/lab/readers", "rate=1", "Content-Type", isForm, "Host", "evil.example").wantStatus(t, 403)
	on.do(t, "POST", "/lab/readers", "rate=1", "Content-Type", isForm, "Sec-Fetch-Site", "cross-site").wantStatus(t, 403)
	on.get(t, "/lab/parts/mysql").wantStatus(t, 404)
	on.get(t, "/lab/parts/"+url.PathEscape("../redis")).wantStatus(t, 404)
}

// TestEveryNumberHasItsLine: each field that is on in a row of the policies table is found in the source, on a line
// that sets a field of that name.
func TestEveryNumberHasItsLine(t *testing.T) {
	reasons, err := readReasons(source.New(afloat.Source()))
	if err != nil {
		t.Fatal(err)
	}
	text := must(source.New(afloat.Source()).Text(policyFile))(t)
	lines := strings.Split(text, "\n")
	seen, explained := 0, 0
	for _, link := range []string{"postgres", "redis", "recommendations"} {
		for _, row := range policyRows(policy.Afloat(), link) {
			all := settings(row.field, row.value)
			if len(all) == 0 {
				t.Errorf("%s has no settings", row.field)
			}
			for _, n := range all {
				why, found := reasons[n.path]
				field := n.path[strings.LastIndex(n.path, ".")+1:]
				if !found || !strings.Contains(lines[why.line-1], field+":") {
					t.Errorf("%s = %s: %+v is no line that sets it", n.path, n.value, why)
				}
				if seen++; why.why != "" {
					explained++
				} else if field != "Isolate" {
					t.Errorf("%s = %s has no reason beside it", n.path, n.value)
				}
			}
		}
	}
	if seen < 100 || explained < seen/2 {
		t.Errorf("%d numbers, of which %d are explained", seen, explained)
	}
	for path, want := range map[string]reason{
		"PostReads.AttemptDeadline":    {why: "about 50 × a healthy query, and three fit"},
		"PostReads.Retry.Attempts":     {why: "SRE ch. 21: at most three"},
		"CommentWrites.Budget.Ratio":   {why: "writes are few, and each is somebody's work"},
		"Search.Bulkhead.Wait":         {why: "a crawler's searches must not starve articles"},
		"CommentCounts.Stale.Keep":     {why: "nobody counts along"},
		"Recommendations.Stale.Jitter": {why: "as for articles: what nobody notices, two tries a second, spread by a tenth, one fetch for all who miss"},
	} {
		if got := reasons[path]; got.why != want.why {
			t.Errorf("%s: %q, want %q", path, got.why, want.why)
		}
	}
	if got := reasons["Popular.Breaker.Window"]; !strings.HasPrefix(got.why, "Half of the calls failing is an outage") || !strings.Contains(lines[got.line-1], "breaker := ") {
		t.Errorf("what rows share: %+v", got)
	}
	if got := reasons["Recommendations.Hedge.After"]; !strings.HasPrefix(got.why, "Healthy answers take") {
		t.Errorf("a comment above: %+v", got)
	}
}

func TestSettingsLeaveOutWhatIsOff(t *testing.T) {
	for _, row := range policyRows(policy.Naive(), "postgres") {
		if all := settings(row.field, row.value); len(all) != 0 {
			t.Errorf("naive %s: %v", row.name, all)
		}
	}
	got := settings("X", reflect.ValueOf(policy.HTTP{DialTimeout: 1500 * time.Millisecond, MaxIdlePerHost: 3}))
	if want := []setting{{"X.DialTimeout", "1.5s"}, {"X.MaxIdlePerHost", "3"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReasonsOfAnotherSource(t *testing.T) {
	for name, text := range map[string]string{
		"no Go": "package (", "no Afloat": "package policy", "nothing returned": "package policy\nfunc Afloat() Table { panic(0) }",
	} {
		tree := source.New(fstest.MapFS{policyFile: {Data: []byte(text)}})
		if _, err := readReasons(tree); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := findLabCode(tree); err == nil {
			t.Errorf("%s: the code is found nowhere, and there is no error", name)
		}
	}
}

// TestColumnsOfTheTimeline: columns begin at whole multiples, those at the ends that are not whole are left out, and
// the latency of seconds without readers is a gap.
func TestColumnsOfTheTimeline(t *testing.T) {
	s := telemetry.Series{From: 103, Pages: map[telemetry.Outcome][]uint64{}, Links: map[string]telemetry.LinkSeries{}}
	fresh := []uint64{4, 6, 1, 1, 1, 1, 6, 5, 5, 5, 5, 5, 9} // 103, 104 | 105 … 109 | 110 … 114 | 115
	s.Pages[telemetry.Fresh] = fresh
	s.P50 = []telemetry.Millis{1, 3, 0, 0, 0, 0, 0, 9, 7, 8, 0, 0, 1}
	s.P99 = []telemetry.Millis{5, 4, 0, 0, 0, 0, 0, 20, 10, 30, 0, 0, 90}
	c := columnsOf(s)
	if c.now != 116 || !reflect.DeepEqual(c.at, []float64{-11, -6}) {
		t.Fatalf("%+v", c)
	}
	points := c.rate(fresh)
	for i, want := range []float64{2, 5} {
		if points[i].Y != want {
			t.Errorf("column %d: %v a second, want %v", i, points[i].Y, want)
		}
	}
	lines := c.latency(s)
	if p50, p99 := lines[0].Points, lines[1].Points; p50[0].Y == p50[0].Y || p50[1].Y != 8 || p99[1].Y != 30 {
		t.Errorf("p50 %v, p99 %v", p50, p99)
	}
	if empty := columnsOf(telemetry.Series{From: 7}); empty.now != 7 || len(empty.groups) != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestMapHasWhatIsWired(t *testing.T) {
	w := newWorld(t)
	b := w.startLab(t)
	b.breakLink("redis", fault.Refuse)
	s := b.server()
	v := s.live()
	for _, m := range v.Maps {
		if boxes, wires := len(m.Boxes), len(m.Wires); boxes != 1+2+3 || wires != 2+2*3 {
			t.Errorf("%s: %d boxes, %d wires", m.Class, boxes, wires)
		}
		for i, a := range m.Boxes {
			if a.X < 0 || a.Y < 0 || a.X+a.W > m.Width || a.Y+a.H > m.Height || a.Lines[len(a.Lines)-1].Y > a.Y+a.H {
				t.Errorf("%s: %+v is not inside %d × %d, or its text not in it", m.Class, a, m.Width, m.Height)
			}
			for _, b := range m.Boxes[i+1:] {
				if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
					t.Errorf("%s: %s covers %s", m.Class, a.Name, b.Name)
				}
			}
		}
	}
	s.Custom = customBlog{on: []string{"deadline", "retry"}}
	if m := s.live().Maps[0]; len(m.Boxes) != 7 || m.Boxes[3].Name != "Custom" || m.Boxes[3].Lines[0].Text != "2 protections" {
		t.Errorf("with the custom server: %+v", m.Boxes)
	}
}

// customBlog says that the third blog runs.
type customBlog struct {
	lab.Custom
	on []string
}

func (c customBlog) Running() (string, []string, []string) { return "http://127.0.0.1:8082", c.on, nil }

func TestHeadline(t *testing.T) {
	for want, got := range map[string]string{
		"Everything is healthy. Nobody is reading":                      headline(nil, telemetry.Rate{}),
		"Everything is healthy. Of 120 pages a second none fails":       headline(nil, telemetry.Rate{PerSecond: 120}),
		"Redis hangs, Postgres is slow. Of 9.5 pages a second 0.5 fail": headline([]string{"Redis hangs", "Postgres is slow"}, telemetry.Rate{PerSecond: 9.5, Errors: 0.5}),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := strconv.Quote(perSecond(0) + perSecond(0.04) + perSecond(99.94) + perSecond(1234.5)); got != `"00.099.91234"` {
		t.Errorf("rates: %s", got)
	}
}

// TestLabSaysWhatFailsByItself: a dependency that was stopped from outside is not called healthy.
func TestLabSaysWhatFailsByItself(t *testing.T) {
	all := []lab.Status{
		{Link: "postgres", Label: "Postgres", Kind: lab.Healthy, Verdict: lab.NotConfirmed, Saw: "no answer within 1 s, and no fault of ours is on"},
		{Link: "redis", Label: "Redis", Kind: "hang", Verdict: lab.Confirmed},
		{Link: "recommendations", Label: "Recommendations", Kind: lab.Healthy, Verdict: lab.Checking},
	}
	if got, want := headline(brokenInWords(all), telemetry.Rate{}), "Postgres fails by itself, Redis hangs. Nobody is reading"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for i, want := range []string{"ailing", "hang", lab.Healthy} {
		if got := new(Server).dependency(all[i], telemetry.Rates{}, nil); got.Kind != want || i == 0 && got.State != all[0].Saw {
			t.Errorf("%s is %q: %q", all[i].Label, got.Kind, got.State)
		}
	}
}
