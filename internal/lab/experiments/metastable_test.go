package experiments

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/lab"
	"afloat/internal/policy"
	"afloat/internal/recommend"
)

// withServices gives a rig the recommendations service, over a link, as cmd/blog does.
func withServices(t *testing.T, rig *lab.Rig) *lab.Rig {
	t.Helper()
	w := policy.LabWork()
	server := httptest.NewServer(recommend.NewService(slog.New(slog.DiscardHandler)).Work(recommend.WorkLimits{InFlight: w.InFlight, Base: w.Base, Slope: w.Slope}))
	link, p := fault.NewLink("recommendations"), policy.LabRig()
	transport := &http.Transport{DialContext: link.Dialer((&net.Dialer{Timeout: p.HTTP.DialTimeout}).DialContext), MaxIdleConnsPerHost: p.HTTP.MaxIdlePerHost}
	rig.Services, rig.Service = server.URL, &http.Client{Transport: transport, Timeout: p.Patience}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		link.Close()
	})
	return rig
}

func TestMetastable(t *testing.T) { met(t, "metastable", withServices(t, newRig(t))) }

func TestMetastableCancelled(t *testing.T) {
	cancelled(t, "metastable", withServices(t, newRig(t)), 0.3)
}

// values are an experiment's, with some changed.
func values(t *testing.T, name, query string) lab.Values {
	t.Helper()
	given, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	v, err := lab.ParseValues(Find(name).Params, given)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMetastableBudget: the third way is not among the quick ones. The longer spike tips a server that no budget guards.
func TestMetastableBudget(t *testing.T) {
	rig := withServices(t, newRig(t))
	v := values(t, "metastable", "trials=1&retries=at-once,budget&before=300ms&spike=800ms&settle=1s&watch=400ms")
	var r lab.Result
	for range 3 { // one trial each, and a spike doesn't tip a server every time
		var err error
		if r, err = Find("metastable").Run(t.Context(), rig, v, func(lab.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if r.Met() {
			break
		}
	}
	if !r.Met() || len(r.Figures) != 2 {
		t.Errorf("%+v", r)
	}
	t.Log(r.Finding, r.Tables[0].Rows, r.Notes)
}

func TestMetastableNeedsTheService(t *testing.T) {
	v := lab.QuickValues(Find("metastable").Params, 1)
	for why, rig := range map[string]*lab.Rig{
		"RECOMMENDATIONS_URL": {},
		"LAB=on":              withServices(t, &lab.Rig{}),
	} {
		if rig.Service != nil {
			rig.Services += "/elsewhere"
		}
		if _, err := Find("metastable").Run(t.Context(), rig, v, func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want an error with %s", err, why)
		}
	}
	v["retries"] = ""
	if _, err := Find("metastable").Run(t.Context(), withServices(t, &lab.Rig{}), v, func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "choose") {
		t.Errorf("%v, want an error that asks for a choice", err)
	}
}

// TestACourseIsCountedBySlots: what comes after the last slot is not counted, and down is who answers nothing in the end.
func TestACourseIsCountedBySlots(t *testing.T) {
	c := &course{began: time.Now(), slots: make([]slot, 10)}
	c.note(func(s *slot) { s.offered++ })
	c.began = c.began.Add(-time.Minute)
	c.note(func(s *slot) { s.offered++ })
	if got := c.sum(-time.Second, time.Minute); got.offered != 1 {
		t.Errorf("%+v", got)
	}
	const tenth = 100 * time.Millisecond
	times := spiked{before: tenth, spike: tenth, settle: 6 * tenth, watch: 2 * tenth}
	for i := range c.slots {
		c.slots[i] = slot{offered: i, attempts: 2 * i, ended: 3, tries: 4}
	}
	if got := times.end(c); got != (slot{offered: 8 + 9, attempts: 16 + 18, ended: 6, tries: 8}) {
		t.Errorf("at the end %+v", got)
	}
	if !times.down(c) {
		t.Error("17 calls without an answer are not down")
	}
	c.slots[8].answered = 1
	if times.down(c) {
		t.Error("one answer in the time that counts is down")
	}
	c.slots[8], c.slots[9] = slot{}, slot{}
	if times.down(c) {
		t.Error("nobody called, and that is down")
	}
}
