package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/test/fleet/state"
)

// promote has the sentinels make a node the primary, and waits until it is. Of several replicas they take the one with
// the lowest priority number.
func promote(ctx context.Context, l *look, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, ok := l.redis[name]
	if !ok {
		return fmt.Errorf("there is no Redis %s", name)
	}
	const first, usual = "1", "100"
	if err := client.ConfigSet(ctx, "replica-priority", first).Err(); err != nil {
		return err
	}
	const heard = 11 * time.Second // sentinels ask replicas for it every 10 s
	time.Sleep(heard)
	var err error
	for _, n := range l.nodes {
		if n.Kind != "sentinel" {
			continue
		}
		failover := redis.NewStatusCmd(ctx, "sentinel", "failover", "afloat")
		if err = l.redis[n.Name].Process(ctx, failover); err == nil {
			break
		}
	}
	for err == nil {
		if role, _ := l.askRedis(ctx, name); role == state.Primary { // its error says that replicas are still to come
			return client.ConfigSet(ctx, "replica-priority", usual).Err()
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			err = fmt.Errorf("%s was not promoted: %w", name, ctx.Err())
		}
	}
	return err
}
