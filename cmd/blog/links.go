package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	"afloat/internal/fault"
	"afloat/internal/lab"
)

// secondCopy is the name of the link to the second recommendations server alone. One link leads to both; with this one
// behind it, one of them can be slow while the other is not.
const secondCopy = "recommendations-2"

// splitCopies puts it behind the one to both. Where there is only one server there is no such link.
func (a *app) splitCopies(dial fault.DialFunc) error {
	if len(a.services) < 2 {
		return nil
	}
	at, err := url.Parse(a.services[1])
	if err != nil {
		return fmt.Errorf("RECOMMENDATIONS_URL: %w", errors.Unwrap(err)) // the whole of it repeats the URL, which may hold a password
	}
	second := net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), map[string]string{"http": "80", "https": "443"}[at.Scheme]))
	link := fault.NewLink(secondCopy)
	a.links = append(a.links, link)
	a.copyDial = link.Dialer(dial)
	a.dials[2] = a.links[2].Dialer(func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == second {
			return a.copyDial(ctx, network, addr)
		}
		return dial(ctx, network, addr)
	})
	return nil
}

// copyWires is how the lab breaks and probes the link to the second server: none, where there is none.
func (a *app) copyWires() []lab.Wire {
	if a.copyDial == nil {
		return nil
	}
	return []lab.Wire{{Link: a.links[3], Label: "Recommendations copy 2", Probe: lab.HTTPProbe(a.services[1]+"/healthz", a.copyDial)}}
}

// switchboard lets the lab break the links, and verify through them that they
// are broken.
func (a *app) switchboard(d *dependencies) (*lab.Switchboard, error) {
	f := a.server.Fault
	limits := lab.Limits{
		DefaultFor: f.For, MaxFor: f.MaxFor, DefaultLatency: f.Latency, MaxLatency: f.MaxLatency, DefaultRate: f.Rate,
		ProbeTimeout: f.ProbeTimeout, ProbeEvery: f.ProbeEvery, ConfirmWait: f.ConfirmWait,
	}
	missing := func(context.Context) error { return errors.New("it is not configured") }
	wires := []lab.Wire{
		{Link: a.links[0], Label: "Postgres", Probe: missing},
		{Link: a.links[1], Label: "Redis", Probe: missing},
		{Link: a.links[2], Label: "Recommendations", Probe: missing},
	}
	if d.postgres != "" {
		wires[0].Probe = lab.PostgresProbe(d.postgres, a.dials[0])
	}
	if d.redis != "" {
		wires[1].Probe = lab.RedisProbe(d.redis, a.dials[1])
	}
	if at := d.services(); len(at) > 0 {
		wires[2].Probe = lab.HTTPProbe(at[0]+"/healthz", a.dials[2], at[1:]...)
	}
	return lab.NewSwitchboard(append(wires, a.copyWires()...), limits, a.log)
}
