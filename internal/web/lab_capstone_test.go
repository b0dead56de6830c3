package web

import (
	"context"
	gohtml "html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/capstone"
	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/telemetry"
)

// thirdBlog stands in for the third blog: it serves one page, whatever it is asked.
type thirdBlog struct {
	url string

	mu sync.Mutex
	on []string // nil while it doesn't run
}

func (p *thirdBlog) Serve(_ context.Context, on, _ []string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = on
	return p.url, nil
}

func (p *thirdBlog) Running() (string, []string, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.on == nil {
		return "", nil, nil
	}
	return p.url, p.on, nil
}

func (p *thirdBlog) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = nil
}

// startCapstone starts a blog that can open cases.
func (w *world) startCapstone(t *testing.T) *blog {
	t.Helper()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<section data-part="comments" data-state="missing"></section>`))
	}))
	t.Cleanup(page.Close)
	rig := &lab.Rig{Custom: &thirdBlog{url: page.URL}}
	b := w.start(t, func(s *setup) {
		s.options = func(o *Options) {
			rig.Links, o.Custom, o.FollowKey = o.Lab, rig.Custom, "open sesame"
			o.Runner = lab.NewRunner(rig, func(words string) { o.Timeline.Mark(telemetry.RunMark, "lab", words) }, slog.New(slog.DiscardHandler))
		}
	})
	rig.Blog = b.URL
	t.Cleanup(b.server().Runner.Close)
	marking, stop := context.WithCancel(t.Context())
	marked := make(chan struct{})
	go func() { b.server().MarkFaults(marking); close(marked) }()
	t.Cleanup(func() { stop(); <-marked })
	return b
}

// answersFor is the form with the right answers to a seed's case.
func answersFor(seed uint64) url.Values {
	c := capstone.Of(seed)
	return url.Values{"seed": {strconv.FormatUint(seed, 10)}, "fault": {c.Fault.Kind}, "part": {c.Part}, "protection": {string(c.Lacks)}}
}

// TestCapstone goes through a case by its forms: chosen, opened, looked at, answered, closed.
func TestCapstone(t *testing.T) {
	w := newWorld(t)
	b := w.startCapstone(t)
	const seed = 7
	page := capstone.Page(seed)
	wants(t, b.get(t, "/lab/capstone").body, "Open a case", `name="seed"`)
	lacks(t, b.get(t, page).body, "Your diagnosis") // nothing has been looked at

	got := b.submit(t, "/lab/capstone", "seed=7")
	got.wantStatus(t, http.StatusSeeOther)
	got.wantHeaders(t, "Location", page)
	eventually(t, "the patient is there", func() bool { return strings.Contains(b.get(t, page).body, "The patient’s page") })
	open := b.get(t, page).body
	wants(t, open, "Your diagnosis", "Close this case", "?xray=1", "A hidden fault of the capstone is on", "data-lab-run=")
	lacks(t, open, "off are", `http-equiv="refresh"`) // which would undo half an answer
	for _, q := range capstone.Questions(seed) {
		for _, c := range q.Choices {
			wants(t, open, `name="`+q.Name+`" value="`+c.Value+`"`, gohtml.EscapeString(c.Text))
		}
	}
	eventually(t, "both were looked at", func() bool { return strings.Contains(b.get(t, page).body, "pages that came whole") })

	for _, form := range []string{"seed=8", "seed=7", ""} {
		refused := b.submit(t, "/lab/capstone", form)
		refused.wantStatus(t, http.StatusConflict)
		wants(t, refused.body, "Somebody is at work in the lab")
		if form != "seed=7" {
			wants(t, refused.body, "Under way", `href="`+page+`"`)
		}
	}
	wants(t, b.get(t, page+"&fault=hang").body, "Choose one answer to each of the three questions.", `value="hang" checked`)

	right := answersFor(seed)
	answered := b.get(t, "/lab/capstone?"+right.Encode()).body
	wants(t, answered, "3 of 3 right", gohtml.EscapeString(capstone.Of(seed).Finding), "How the evidence pointed there", "Another one", capstone.Page(seed+1), "In this case’s last looks: ")
	wrong := answersFor(seed)
	wrong.Set("protection", "shedding")
	wants(t, b.get(t, "/lab/capstone?"+wrong.Encode()).body, "2 of 3 right", "Not so", "You said: Load shedding.")
	wrong.Set("protection", "magic")
	lacks(t, b.get(t, "/lab/capstone?"+wrong.Encode()).body, "of 3 right", gohtml.EscapeString(capstone.Of(seed).Finding))

	closed := b.submit(t, "/lab/cancel", "back="+url.QueryEscape(page))
	closed.wantStatus(t, http.StatusSeeOther)
	over := b.get(t, page).body
	wants(t, over, "This case is closed", "It was ended early", "Open case 7 again", "Your diagnosis")
	lacks(t, over, "A hidden fault of the capstone is on")
	if base, _, _ := b.server().Custom.Running(); base != "" {
		t.Errorf("the patient still runs at %s", base)
	}
	eventually(t, "the timeline tells what it was", func() bool {
		c := capstone.Of(seed)
		return strings.Contains(b.get(t, "/lab/timeline.json").body, "It was this: "+faultWords(c.Fault.Link, linkLabels[c.Fault.Link], c.Fault.Kind))
	})
}

// TestCapstoneIsHealedByOneClick, as all of the lab is.
func TestCapstoneIsHealedByOneClick(t *testing.T) {
	w := newWorld(t)
	b := w.startCapstone(t)
	b.submit(t, "/lab/capstone", "seed=1").wantStatus(t, http.StatusSeeOther)
	eventually(t, "the patient is there", func() bool { return strings.Contains(b.get(t, capstone.Page(1)).body, "The patient’s page") })
	b.submit(t, "/lab/faults", "link=redis&kind=hang").wantStatus(t, http.StatusConflict)
	b.do(t, http.MethodDelete, "/lab/faults/postgres", "").wantStatus(t, http.StatusConflict)
	b.submit(t, "/lab/faults", "link=all&kind=healthy").wantStatus(t, http.StatusSeeOther)
	for link, kind := range b.kinds(t) {
		if kind != lab.Healthy {
			t.Errorf("%s is %s", link, kind)
		}
	}
	if base, _, _ := b.server().Custom.Running(); base != "" {
		t.Errorf("the patient still runs at %s", base)
	}
	wants(t, b.get(t, capstone.Page(1)).body, "This case is closed")
}

// TestHiddenFaultIsNamedNowhere but to a twin, which has the key.
func TestHiddenFaultIsNamedNowhere(t *testing.T) {
	w := newWorld(t)
	b := w.startCapstone(t)
	b.server().Custom = &thirdBlog{on: []string{"deadline", "retry"}, url: "http://127.0.0.1:8082"}
	article := "/posts/" + w.articles[0].Slug
	events := b.stream(t, "/lab/events")
	for _, kind := range fault.Kinds {
		if err := b.board.Order(lab.Order{Link: "recommendations", Kind: string(kind), Hidden: true, For: time.Minute}); err != nil {
			t.Fatal(err)
		}
		for _, page := range []string{
			"/", article, article + "?xray=1", "/about", "/archive", "/lab", "/lab?fragment=1", "/lab/bar", "/lab/bar?fragment=1", "/lab/faults", "/lab/faults?key=guess", "/lab/status", "/lab/timeline.json",
			"/lab/twin", "/lab/protections", "/lab/parts/recommendations", "/lab/parts/postgres", "/lab/experiments", "/lab/availability", "/lab/capstone",
		} {
			got := b.get(t, page).body
			lacks(t, got, faultWords("recommendations", "Recommendations", string(kind)), `"kind": "`+string(kind)+`"`, `data-kind="`+string(kind)+`"`, `value="`+string(kind)+`" checked`, "With deadline, retry.")
			if !strings.Contains(page, ".json") && !strings.Contains(page, "status") && !strings.Contains(page, "faults") && !strings.Contains(page, "fragment") {
				wants(t, got, hiddenWords)
			}
		}
		wants(t, b.get(t, "/lab/bar?fragment=1").body, hiddenWords)
		wants(t, b.get(t, "/lab/faults").body, `"kind": "hidden"`)
		wants(t, b.get(t, "/lab/faults?key="+url.QueryEscape("open sesame")).body, `"kind": "`+string(kind)+`"`, `"hidden": true`)
		events.until(t, "the news of a hidden fault", func(m sse) bool {
			lacks(t, m.data, `"kind":"`+string(kind)+`"`, faultWords("recommendations", "Recommendations", string(kind)))
			return m.event == "faults" && strings.Contains(m.data, `"kind":"hidden"`)
		})
	}
}

func TestCapstoneRefusals(t *testing.T) {
	w := newWorld(t)
	b := w.startCapstone(t)
	for _, seed := range []string{"0", "-1", "1000000", "x", "1.5"} {
		b.get(t, "/lab/capstone?seed="+seed).wantStatus(t, http.StatusBadRequest)
		got := b.submit(t, "/lab/capstone", "seed="+seed)
		got.wantStatus(t, http.StatusBadRequest)
		wants(t, got.body, "whole number from 1 to 999999")
	}
	b.server().Custom = nil
	got := b.submit(t, "/lab/capstone", "seed=1")
	got.wantStatus(t, http.StatusConflict)
	wants(t, got.body, "This blog can’t run a patient", "make run")
	wants(t, b.get(t, "/lab/capstone").body, "This blog can’t run a patient")
}
