// Command probe looks at the fleet from inside its network, where the fleet test runs it in a container of its own.
//
//	probe                  each half second a line of JSON with the state of every node, until it is stopped
//	probe comments PREFIX  the comments on the leader whose text begins so, as JSON
//	probe forget PREFIX    deletes them
//	probe promote NODE     makes a Redis the primary
//
// It asks every node itself and shares no code with the blog's own map, so that the one can be held against the other.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/test/fleet/state"
)

const (
	lookEvery  = 500 * time.Millisecond
	writeEvery = 100 * time.Millisecond
	// A healthy node answers in a few milliseconds; one that is paused never does.
	patience = 400 * time.Millisecond
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 2 && args[0] == "comments" {
		return comments(ctx, getenv("DATABASE_URL_FILE"), args[1], out)
	}
	if len(args) == 2 && args[0] == "forget" {
		return forget(ctx, getenv("DATABASE_URL_FILE"), args[1])
	}
	nodes, err := fleet(getenv("FLEET_FILE"))
	if err != nil {
		return err
	}
	url, err := os.ReadFile(getenv("REDIS_URL_FILE"))
	if err != nil {
		return err
	}
	options, err := redis.ParseFailoverURL(strings.TrimSpace(string(url)))
	if err != nil {
		return errors.New("REDIS_URL_FILE holds no URL of sentinels") // the parser's error might quote a password
	}
	l := newLook(nodes, options)
	if len(args) == 2 && args[0] == "promote" {
		return promote(ctx, l, args[1])
	}
	if len(args) > 0 {
		return errors.New("no arguments, or: comments PREFIX, or: forget PREFIX, or: promote NODE")
	}
	w := writer{client: newWriterClient(options)}
	go w.run(ctx)
	for tick := time.NewTicker(lookEvery); ; {
		s := state.Seen{Nodes: l.all(ctx)}
		s.At, s.RedisOK, s.RedisGap = w.report()
		if err := json.NewEncoder(out).Encode(s); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// node is one of deploy/fleet.json.
type node struct{ Name, Kind, At string }

func fleet(file string) ([]node, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var f struct{ Nodes []node }
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(f.Nodes) == 0 {
		return nil, fmt.Errorf("%s names no nodes", file)
	}
	return f.Nodes, nil
}
