package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/telemetry"
	"afloat/internal/testenv"
)

// sse is one message of a stream: an event, or a comment alone.
type sse struct{ event, id, data, retry, comment string }

// stream is a client of /lab/events, for as long as its test.
type stream struct {
	*http.Response
	lines *bufio.Reader
}

func (b *blog) stream(t testing.TB, path string, headers ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // ends a hopeless wait
	t.Cleanup(cancel)
	req := must(http.NewRequestWithContext(ctx, http.MethodGet, b.URL+path, nil))(t)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := must(b.client.Do(req))(t)
	t.Cleanup(func() { _ = res.Body.Close() })
	return &stream{res, bufio.NewReader(res.Body)}
}

// next is the next message.
func (s *stream) next() (m sse, err error) {
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return m, nil
		}
		field, value, _ := strings.Cut(line, ": ")
		into, known := map[string]*string{"event": &m.event, "id": &m.id, "data": &m.data, "retry": &m.retry, "": &m.comment}[field]
		if !known {
			return m, fmt.Errorf("a line of no field: %q", line)
		}
		*into = value
	}
}

// until reads on to the first message that is wanted.
func (s *stream) until(t testing.TB, what string, wanted func(sse) bool) sse {
	t.Helper()
	for {
		m, err := s.next()
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if wanted(m) {
			return m
		}
	}
}

func ofKind(event string) func(sse) bool { return func(m sse) bool { return m.event == event } }

// hurried lets a test of streams not wait for seconds.
func hurried(edit func(*policy.Lab)) func(*setup) {
	return func(s *setup) {
		s.options = func(o *Options) { edit(&o.LabLimits) }
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	s := b.stream(t, "/lab/events")
	if s.StatusCode != 200 {
		t.Fatal(s.Status)
	}
	answer{header: s.Header}.wantHeaders(t, "Content-Type", "text/event-stream", "Cache-Control", "no-store", "X-Accel-Buffering", "no", "Content-Encoding", "")
	if m := must(s.next())(t); m.retry != "2000" {
		t.Errorf("it begins with %+v, want retry", m)
	}
	if m := s.until(t, "the links at the start", ofKind("faults")); len(decode[lab.State](t, m.data).Faults) != 3 || m.id != "" {
		t.Errorf("faults: %+v", m)
	}
	b.do(t, "POST", "/lab/faults", "link=redis&kind=hang", "Content-Type", isForm).wantStatus(t, 200)
	s.until(t, "the fault", func(m sse) bool { return m.event == "faults" && strings.Contains(m.data, `"kind":"hang"`) })
	b.do(t, "POST", "/lab/faults", "link=all&kind=hang", "Content-Type", isForm).wantStatus(t, 200)
	b.get(t, "/posts/"+w.articles[0].Slug).wantStatus(t, 200)
	var failed uint64
	for failed == 0 { // figures go on while all links hang
		m := s.until(t, "a second with errors", ofKind("second"))
		second := decode[telemetry.Series](t, m.data)
		if second.Seconds() != 1 || !strings.HasPrefix(m.id, strconv.FormatInt(second.From, 10)+"-") {
			t.Fatalf("%+v", m)
		}
		failed = second.Links["postgres"].Errors[0]
	}
	b.do(t, "DELETE", "/lab/faults", "").wantStatus(t, 200)
	m := s.until(t, "the end of a fault", func(m sse) bool { return m.event == "mark" && strings.Contains(m.data, "healthy again") })
	if mark := decode[telemetry.Mark](t, m.data); mark.Kind != telemetry.FaultEnds || !strings.HasSuffix(m.id, "-"+strconv.FormatInt(mark.Seq, 10)) {
		t.Errorf("%+v", m)
	}

	head := b.do(t, http.MethodHead, "/lab/events", "")
	head.wantHeaders(t, "Content-Type", "text/event-stream")
	b.get(t, "/lab/events", "Host", "evil.example").wantStatus(t, 403)
}

// TestEventsResume: a stream that broke off goes on where it was, and one that
// continues a page's figures has all that came after them.
func TestEventsResume(t *testing.T) {
	b := newWorld(t).start(t, func(s *setup) { s.idle = true })
	o := b.Config.Handler.(*Server)
	id := b.stream(t, "/lab/events").until(t, "a second", ofKind("second")).id
	figures := decode[struct {
		Cursor string
		telemetry.Series
	}](t, b.get(t, "/lab/timeline.json?seconds=5").body)
	if figures.Seconds() != 5 || len(figures.Pages) != len(telemetry.Outcomes) || len(figures.Links) != 3 {
		t.Errorf("figures: %+v", figures)
	}
	for i := range 3 {
		o.Timeline.Mark(telemetry.RunMark, "test", fmt.Sprint(i))
	}
	time.Sleep(2 * time.Second) // seconds that nobody listens to

	for name, s := range map[string]*stream{
		id:             b.stream(t, "/lab/events", "Last-Event-ID", id),
		figures.Cursor: b.stream(t, "/lab/events?after="+figures.Cursor),
	} {
		was, _, _ := strings.Cut(name, "-")
		last := must(strconv.ParseInt(was, 10, 64))(t)
		marks, seconds := "", 0
		for seconds < 4 {
			m := s.until(t, "the rest", func(m sse) bool { return m.event == "second" || m.event == "mark" })
			if m.event == "mark" {
				marks += decode[telemetry.Mark](t, m.data).Words
				continue
			}
			second := decode[telemetry.Series](t, m.data)
			if second.From != last+1 {
				t.Errorf("after %s: second %d follows %d", name, second.From, last)
			}
			last = second.From
			seconds++
		}
		if marks != "012" {
			t.Errorf("after %s: marks %q, want 012", name, marks)
		}
	}
}

func TestPositions(t *testing.T) {
	tl := telemetry.NewTimeline(time.Minute, 10, nil)
	tl.Mark(telemetry.RunMark, "x", "y")
	_, mark, _ := tl.Marks(0)
	s := &Server{Options: Options{Timeline: tl, LabLimits: policy.LabLimits()}}
	kept := int64(s.LabLimits.Timeline / time.Second)
	now := s.settled()
	for said, want := range map[string]position{
		"": {now, mark}, "x": {now, mark}, "1-": {now, mark}, "-1": {now, mark}, "a-1": {now, mark}, "9999999999999999999999-1": {now, mark},
		fmt.Sprintf("%d-%d", now-10, mark-1):       {now - 10, mark - 1},
		fmt.Sprintf("%d-%d", now+1000, mark+1_000): {now, mark}, // from before the clock was set back
		"1-1": {now - kept, 1},
	} {
		r := must(http.NewRequestWithContext(t.Context(), http.MethodGet, "/lab/events", nil))(t)
		r.Header.Set("Last-Event-ID", said)
		got := s.positionOf(r)
		if d := got.second - want.second; d < 0 || d > 2 || got.mark != want.mark { // time goes on
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
}

func TestTimelineRange(t *testing.T) {
	b := newWorld(t).start(t)
	for _, seconds := range []string{"0", "-1", "601", "x", "1.5"} {
		got := b.get(t, "/lab/timeline.json?seconds="+seconds)
		got.wantStatus(t, 400)
		if bad := decode[lab.BadOrder](t, got.body); len(bad.Fields) != 1 || bad.Fields[0] != (lab.BadField{Field: "seconds", Range: "from 1 to 600", Unit: "whole seconds", Got: seconds}) {
			t.Errorf("%s: %+v", seconds, bad)
		}
	}
	if n := decode[telemetry.Series](t, b.get(t, "/lab/timeline.json").body).Seconds(); n != 600 {
		t.Errorf("%d seconds without a range", n)
	}
}

// TestEventsOutliveTheServersLimits, which are for pages, and carry heartbeats.
func TestEventsOutliveTheServersLimits(t *testing.T) {
	b := newWorld(t).start(t, hurried(func(l *policy.Lab) { l.Heartbeat = 100 * time.Millisecond }), func(s *setup) {
		s.server.WriteTimeout, s.server.ReadTimeout = 300*time.Millisecond, 300*time.Millisecond
	})
	s, began := b.stream(t, "/lab/events"), time.Now()
	beats := 0
	for time.Since(began) < 1500*time.Millisecond {
		if must(s.next())(t).comment != "" {
			beats++
		}
	}
	if beats < 5 {
		t.Errorf("%d heartbeats in %v", beats, time.Since(began))
	}
}

func TestEventsEndAtShutdown(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	b := newWorld(t).start(t, func(s *setup) { s.options = func(o *Options) { o.Stopping = stopping } })
	s := b.stream(t, "/lab/events")
	must(s.next())(t)
	stop()
	for {
		if _, err := s.next(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("it ends with %v, want a clean end", err)
		}
	}
}

// TestEventsProgress: what a hook tells is told on, each change once.
func TestEventsProgress(t *testing.T) {
	var mu sync.Mutex
	now, changed := any(nil), make(chan struct{})
	say := func(v any) {
		mu.Lock()
		defer mu.Unlock()
		now = v
		close(changed)
		changed = make(chan struct{})
	}
	b := newWorld(t).start(t, func(s *setup) {
		s.options = func(o *Options) {
			o.Progress = func() (any, <-chan struct{}) {
				mu.Lock()
				defer mu.Unlock()
				return now, changed
			}
		}
	})
	s := b.stream(t, "/lab/events")
	s.until(t, "the start", ofKind("faults"))
	for _, v := range []string{"one", "two"} {
		say(map[string]string{"say": v})
		say(map[string]string{"say": v}) // which is no news
		if m := s.until(t, v, ofKind("run")); m.data != `{"say":"`+v+`"}` {
			t.Errorf("%+v", m)
		}
	}
	say(nil)
	if m := s.until(t, "the end", ofKind("run")); m.data != "null" {
		t.Errorf("%+v", m)
	}
}

func TestEventsAreBounded(t *testing.T) {
	b := newWorld(t).start(t, hurried(func(l *policy.Lab) { l.Clients = 2 }))
	first := b.stream(t, "/lab/events")
	must(first.next())(t)
	must(b.stream(t, "/lab/events").next())(t)
	third := b.get(t, "/lab/events")
	third.wantStatus(t, 503)
	third.wantHeaders(t, "Retry-After", "5", "Cache-Control", "no-store")
	_ = first.Body.Close()
	eventually(t, "there is room again", func() bool { return b.do(t, http.MethodHead, "/lab/events", "").status == 200 })
}

// TestSlowClientIsDropped: one that takes nothing loses its stream, and holds
// up nobody else's.
func TestSlowClientIsDropped(t *testing.T) {
	bulky := strings.Repeat("x", 16<<20) // more than the sockets between them hold
	b := newWorld(t).start(t, func(s *setup) {
		s.options = func(o *Options) {
			o.LabLimits.Write = testenv.Slowed(time.Second) // who does read needs a moment for so much
			o.Progress = func() (any, <-chan struct{}) { return bulky, nil }
		}
	})
	server := b.Config.Handler.(*Server)
	c := must(net.Dial("tcp", b.Listener.Addr().String()))(t)
	defer c.Close()
	must(fmt.Fprintf(c, "GET /lab/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))(t)
	eventually(t, "the stream is open", func() bool { return server.streams.Load() == 1 })
	other := b.stream(t, "/lab/events")
	other.until(t, "a second, beside the slow client", ofKind("second"))
	_ = other.Body.Close()
	eventually(t, "both are gone", func() bool { return server.streams.Load() == 0 })
}

// TestPagesAreCountedByOutcome follows pages through an outage.
func TestPagesAreCountedByOutcome(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	timeline := b.Config.Handler.(*Server).Timeline
	counts := func() map[telemetry.Outcome]uint64 {
		n := map[telemetry.Outcome]uint64{}
		for o, list := range timeline.Window(time.Time{}, time.Now().Add(time.Second)).Pages {
			for _, c := range list {
				n[o] += c
			}
		}
		return n
	}
	// reads counts what it does by the outcome that each page's own parts tell.
	reads := func(path string, until telemetry.Outcome) {
		t.Helper()
		eventually(t, fmt.Sprintf("a page that is %v", until), func() bool {
			before := counts()[until]
			b.get(t, path)
			time.Sleep(5 * time.Millisecond) // it is counted when it has been sent
			return counts()[until] > before
		})
	}
	path := "/posts/" + w.articles[0].Slug
	reads(path, telemetry.Fresh)
	b.warm(t, path)
	reads(path, telemetry.Cached)

	total := func() (n uint64) {
		for _, c := range counts() {
			n += c
		}
		return n
	}
	time.Sleep(50 * time.Millisecond)
	before := total()
	for _, uncounted := range []string{"/livez", "/about", "/lab/bar", "/lab/status", "/static/app.css", "/nothing", "/posts/never-was", "/feed.xml", "/search"} {
		b.get(t, uncounted)
	}
	time.Sleep(50 * time.Millisecond)
	if n := total(); n != before {
		t.Errorf("%d pages that no reader comes for are counted", n-before)
	}
	for range 20 {
		b.get(t, path)
	}
	eventually(t, "each reader is counted once", func() bool { return total() == before+20 })

	b.breakLink("recommendations", fault.Refuse)
	reads("/posts/"+w.articles[1].Slug, telemetry.Partial) // its recommendations were never read
	b.heal()
	b.breakLink("postgres", fault.Refuse)
	reads(path, telemetry.Stale)
	reads("/", telemetry.Stale)
	reads("/posts/never-was", telemetry.Failed)
}

// TestReadersWhoGiveUpAreFailures: in the naive twin most failures are those
// whose readers have left.
func TestReadersWhoGiveUpAreFailures(t *testing.T) {
	w := newWorld(t)
	b := w.start(t, naive)
	b.breakLink("postgres", fault.Hang)
	timeline := b.Config.Handler.(*Server).Timeline
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := b.try(ctx, "GET", "/posts/"+w.articles[0].Slug, ""); err == nil {
		t.Fatal("an answer")
	}
	eventually(t, "the reader is counted", func() bool {
		return timeline.Rates(time.Minute).Readers.Errors > 0
	})
}

func TestLabStatusIsWhole(t *testing.T) {
	w := newWorld(t)
	pools := func() []Pool { return []Pool{{Name: "readers", Link: "postgres", InUse: 1, Max: 32}} }
	for name, edit := range map[string]func(*setup){"afloat": func(*setup) {}, "naive": naive} {
		b := w.start(t, edit, func(s *setup) {
			s.idle = name == "naive" // as cmd/blog has it; a poll that hangs would be a call in flight of its own
			s.options = func(o *Options) { o.Pools = pools }
		})
		b.get(t, "/posts/"+w.articles[0].Slug).wantStatus(t, 200)
		type status struct {
			Table    string
			Policies []struct {
				Name, Link, Breaker string
				Calls, Attempts     uint64
				InFlight            int64    `json:"in_flight"`
				Tokens              *float64 `json:"budget_tokens"`
			}
			Links map[string]struct {
				PerSecond float64 `json:"per_second"`
			}
			Pools []Pool
		}
		read := func() status { return decode[status](t, b.get(t, "/lab/status").body) }
		got := read()
		if got.Table != name || len(got.Pools) != 1 || got.Pools[0] != pools()[0] || len(got.Links) != 3 {
			t.Errorf("%s: %+v", name, got)
		}
		seen := map[string]bool{}
		for _, p := range got.Policies {
			if seen[p.Name] {
				t.Errorf("%s: %s is there twice", name, p.Name)
			}
			seen[p.Name] = true
			if p.Link == "" {
				t.Errorf("%s: %s has no link", name, p.Name)
			}
			if p.Name == "post reads" && (p.Calls == 0 || p.Attempts == 0 || (p.Breaker == "closed") != (name == "afloat") || (p.Tokens != nil) != (name == "afloat")) {
				t.Errorf("%s: %+v", name, p)
			}
		}
		for _, policy := range []string{"post reads", "comment writes", "page views", "recommendations", "popular now"} {
			if !seen[policy] {
				t.Errorf("%s: nothing is said of %s", name, policy)
			}
		}
		eventually(t, "the last seconds' rate", func() bool { return read().Links["postgres"].PerSecond > 0 })

		b.breakLink("postgres", fault.Hang)
		ctx, cancel := context.WithCancel(t.Context())
		var waiting sync.WaitGroup
		waiting.Go(func() { _, _ = b.try(ctx, "GET", "/posts/never-read", "") })
		if name == "naive" { // there it waits for as long as its reader
			eventually(t, "a call in flight", func() bool {
				for _, p := range read().Policies {
					if p.Name == "post reads" && p.InFlight == 1 {
						return true
					}
				}
				return false
			})
		}
		cancel()
		waiting.Wait()
	}
}

// TestFaultsAreMarked, with their ends, and each once.
func TestFaultsAreMarked(t *testing.T) {
	b := newWorld(t).start(t)
	timeline := b.Config.Handler.(*Server).Timeline
	said := func() string {
		var buf bytes.Buffer
		marks, _, _ := timeline.Marks(0)
		for _, m := range marks {
			if m.Kind == telemetry.FaultBegins || m.Kind == telemetry.FaultEnds {
				fmt.Fprintf(&buf, "%s %s; ", m.What, m.Words)
			}
		}
		return buf.String()
	}
	for _, step := range []struct{ order, want string }{
		{"link=redis&kind=hang", "redis Redis hangs; "},
		{"link=redis&kind=hang&for=10s", "redis Redis hangs; "},
		{"link=redis&kind=slow", "redis Redis hangs; redis Redis is slow; "},
		{"link=redis&kind=healthy", "redis Redis hangs; redis Redis is slow; redis Redis: healthy again; "},
	} {
		b.do(t, "POST", "/lab/faults", step.order, "Content-Type", isForm).wantStatus(t, 200)
		eventually(t, step.want, func() bool { return said() == step.want })
	}
	b.do(t, "POST", "/lab/faults", "link=redis&kind=refuse&for=100ms", "Content-Type", isForm).wantStatus(t, 200)
	eventually(t, "a fault that ends by itself", func() bool { return strings.Count(said(), "healthy again") == 2 })
	var decoded []telemetry.Mark
	figures := b.get(t, "/lab/timeline.json?seconds=60").body
	if err := json.Unmarshal([]byte(figures), &struct{ Marks *[]telemetry.Mark }{&decoded}); err != nil {
		t.Fatal(err)
	}
}
