package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/widgets"
)

// TestEachCopyOfRecommendationsCanBeBroken: the second alone, or both by what they share.
func TestEachCopyOfRecommendationsCanBeBroken(t *testing.T) {
	a := &app{links: []*fault.Link{fault.NewLink("postgres"), fault.NewLink("redis"), fault.NewLink("recommendations")}}
	for range 2 {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(server.Close)
		a.services = append(a.services, server.URL)
	}
	if err := a.splitCopies((&net.Dialer{}).DialContext); err != nil {
		t.Fatal(err)
	}
	if len(a.links) != 4 || a.links[3].Name() != secondCopy || len(a.copyWires()) != 1 {
		t.Fatalf("%d links and %d wires, want a fourth link with one", len(a.links), len(a.copyWires()))
	}
	for _, l := range a.links {
		t.Cleanup(l.Close)
	}
	answers := func(url string) bool {
		client := widgets.NewHTTPClient(a.dials[2], policy.LabRig().HTTP)
		defer client.CloseIdleConnections()
		res, err := client.Get(url)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}
	probed := func() bool { return a.copyWires()[0].Probe(context.Background()) == nil }
	for _, test := range []struct {
		broken                *fault.Link
		first, second, itself bool
	}{
		{nil, true, true, true},
		{a.links[3], true, false, false},
		{a.links[2], false, false, true}, // the probe goes past what both share
	} {
		name := "nothing"
		if test.broken != nil {
			name = test.broken.Name()
			test.broken.Set(fault.Fault{Kind: fault.Refuse, Until: time.Now().Add(time.Minute)})
		}
		if first, second, itself := answers(a.services[0]), answers(a.services[1]), probed(); first != test.first || second != test.second || itself != test.itself {
			t.Errorf("%s broken: the first answers %v, the second %v, the probe sees %v; want %v, %v, %v", name, first, second, itself, test.first, test.second, test.itself)
		}
		if test.broken != nil {
			test.broken.Clear()
		}
	}
}

func TestOneServerHasNoSecondLink(t *testing.T) {
	a := &app{links: []*fault.Link{fault.NewLink("postgres"), fault.NewLink("redis"), fault.NewLink("recommendations")}, services: []string{"http://127.0.0.1:1"}}
	if err := a.splitCopies((&net.Dialer{}).DialContext); err != nil || len(a.links) != 3 || len(a.copyWires()) != 0 {
		t.Errorf("%v: %d links and %d wires for one server", err, len(a.links), len(a.copyWires()))
	}
}
