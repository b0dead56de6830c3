package main

import (
	"context"
	"net"
	"net/http"

	"afloat/internal/fleet"
	"afloat/internal/policy"
)

// joinFleet has this server watch the other nodes, and share the lab's orders
// with the other servers, until ctx ends. It contacts nothing before it returns.
// Without a lab nobody sees the map, and nothing is ordered.
func (a *app) joinFleet(ctx context.Context, d *dependencies) error {
	if len(a.cfg.Fleet.Nodes) == 0 || a.web.Lab == nil {
		return nil
	}
	access, err := fleet.ReadAccess(d.redis)
	if err != nil {
		return err
	}
	p := a.server.Fleet
	watcher, err := fleet.NewWatcher(a.cfg.Fleet, fleet.Options{Every: p.Every, Timeout: p.Timeout, Access: access})
	if err != nil {
		return err
	}
	a.web.Fleet = watcher
	a.background.Go(func() { watcher.Run(ctx) })

	a.web.Lab.Name(a.cfg.Node)
	var peers []string
	for _, n := range a.cfg.Fleet.Peers(a.cfg.Node) {
		peers = append(peers, n.At+"/lab/faults")
	}
	client := peerClient(p, a.server)
	a.background.Go(func() {
		a.web.Lab.Join(ctx, client, peers, a.server.Reconnect, a.log)
		client.CloseIdleConnections()
	})
	return nil
}

// peerClient is for long polls. Its dialer is no link of the lab's: an order
// that heals a fault has to arrive under all of them.
func peerClient(p policy.Fleet, s policy.Server) *http.Client {
	dialer := &net.Dialer{
		Timeout:         p.Timeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: p.KeepAlive, Interval: p.KeepAlive, Count: p.Strikes},
	}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}, Timeout: 2 * s.LongPoll}
}
