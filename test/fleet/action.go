package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// An action does something to services and, when the case is over, undoes it.
type action struct {
	name string
	do   func(ctx context.Context, d *docker, services []string) (heal func(context.Context) error, err error)
}

func nothing(context.Context) error { return nil }

// The actions on containers. Docker starts neither a killed nor a stopped one again: both are its user's wish.
var (
	kill = action{"kill -9", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return d.do(ctx, services, "start") }, d.do(ctx, services, "kill")
	}}
	stop = action{"stop", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return d.do(ctx, services, "start") }, d.do(ctx, services, "stop")
	}}
	pause = action{"pause", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return func(ctx context.Context) error { return d.do(ctx, services, "unpause") }, d.do(ctx, services, "pause")
	}}
	restart = action{"restart", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return nothing, d.do(ctx, services, "restart")
	}}
	disconnect = action{"disconnect", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return d.cutOff(ctx, services)
	}}
)

// actions are tried on one container of every role.
var actions = []action{kill, pause, disconnect, stop, restart}

// The actions on what runs inside a container, and on several one after the other.
var (
	killProcess = action{"postgres killed", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		_, err := d.exec(ctx, services[0], "sh", "-c", "kill -9 $(head -n 1 /var/lib/postgresql/data/cluster/postmaster.pid)")
		return nothing, err
	}}
	switchover = action{"switchover", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		return nothing, d.switchover(ctx, services[0], "")
	}}
	roll = action{"rolling restart", func(ctx context.Context, d *docker, services []string) (func(context.Context) error, error) {
		for _, s := range services {
			if err := d.do(ctx, []string{s}, "restart"); err != nil {
				return nothing, err
			}
			if err := d.ready(ctx, s); err != nil {
				return nothing, err
			}
		}
		return nothing, nil
	}}
)

// cutOff takes services off their networks, all at once: one after the other, the last of eight would be there for three
// seconds longer than the first.
func (d *docker) cutOff(ctx context.Context, services []string) (heal func(context.Context) error, err error) {
	type cable struct {
		service string
		place
		cut bool
	}
	var cables []*cable
	for _, s := range services {
		places, err := d.places(ctx, s)
		if err != nil {
			return nothing, err
		}
		for _, p := range places {
			cables = append(cables, &cable{service: s, place: p})
		}
	}
	var cutting errgroup.Group
	for _, c := range cables {
		cutting.Go(func() error {
			err := d.disconnect(ctx, c.service, c.place)
			c.cut = err == nil
			return err
		})
	}
	return func(ctx context.Context) error {
		var errs []error
		for _, c := range cables {
			if c.cut {
				errs = append(errs, d.connect(ctx, c.service, c.place))
			}
		}
		return errors.Join(errs...)
	}, cutting.Wait()
}

// switchover hands the leadership from one member to another, or to any that is fit.
func (d *docker) switchover(ctx context.Context, from, to string) error {
	args := []string{"patronictl", "-c", "/etc/patroni", "switchover", "afloat", "--leader", from, "--force"}
	if to != "" {
		args = append(args, "--candidate", to)
	}
	_, err := d.exec(ctx, from, args...)
	return err
}

// ready waits until a server that was restarted may be given requests, as whoever rolls out a release does.
func (d *docker) ready(ctx context.Context, service string) error {
	var err error
	for range 60 {
		if _, err = d.exec(ctx, service, "/blog", "health", "http://127.0.0.1:8080/readyz"); err == nil {
			return nil
		}
		if err := wait(ctx, tick); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s is not ready: %w", service, err)
}
