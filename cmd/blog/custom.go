package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"afloat/internal/config"
	"afloat/internal/lab"
	"afloat/internal/local"
	"afloat/internal/policy"
	"afloat/internal/web"
)

// customName is what its process is called.
const customName = "custom"

// custom runs the third blog, whose protections are chosen one by one: this
// binary once more, as a child that goes when the blog goes. It implements
// lab.Custom.
type custom struct {
	home  *local.Home
	host  string   // where it listens
	args  []string // of serve, but for the choice
	env   []string
	board *lab.Switchboard
	look  time.Duration // between two looks whether it follows the blog's faults

	change sync.Mutex // held by whoever starts or stops the process

	mu           sync.Mutex
	socket       *socket // nil while nothing runs
	addr         string  // of the last process
	on, critical []string
}

// newCustom prepares the third blog, which follows the faults of the blog on blogAddr.
func newCustom(d *dependencies, cfg config.Config, blogAddr net.Addr, key string, board *lab.Switchboard) (*custom, error) {
	host, port, err := net.SplitHostPort(blogAddr.String())
	if err != nil {
		return nil, err
	}
	return &custom{
		home: d.home, host: host, board: board, look: policy.LabRig().Follow,
		args: []string{"serve", "-policies", "custom", "-follow", faultsURL(net.JoinHostPort("127.0.0.1", port), key)},
		env:  followerEnv(d, cfg),
	}, nil
}

// Serve implements lab.Custom.
func (c *custom) Serve(ctx context.Context, on, critical []string) (string, error) {
	c.change.Lock()
	defer c.change.Unlock()
	if err := c.stop(); err != nil {
		return "", err
	}
	socket, err := c.open()
	if err != nil {
		return "", err
	}
	args := append(slices.Clone(c.args), "-protections", strings.Join(on, ","), "-critical", strings.Join(critical, ","))
	if err := startSelf(ctx, c.home, customName, socket, "/about", args, c.env); err != nil {
		return "", errors.Join(err, socket.Close())
	}
	c.mu.Lock()
	c.socket, c.addr, c.on, c.critical = socket, socket.addr, slices.Clone(on), slices.Clone(critical)
	c.mu.Unlock()
	if err := c.untilFollowing(ctx, socket.base()); err != nil {
		_ = c.stop() // that it does not follow is the news
		return "", fmt.Errorf("the server with protections of one's own does not follow the blog's faults: %w", err)
	}
	return socket.base(), nil
}

// open listens on the last process's address, so that links to it stay good, or on another.
func (c *custom) open() (*socket, error) {
	if c.addr != "" {
		if s, err := openSocket(c.addr); err == nil {
			return s, nil
		}
	}
	return openSocket(net.JoinHostPort(c.host, "0"))
}

// untilFollowing waits until its links are under the faults that the blog has now.
func (c *custom) untilFollowing(ctx context.Context, base string) error {
	for {
		there, err := readFaults(ctx, base)
		if err == nil && sameFaults(there, c.board.Status().Masked()) { // it tells nobody of a hidden one either
			return nil
		}
		select {
		case <-time.After(c.look):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// faultsURL is where a twin learns of the faults of the blog on host, hidden ones too.
func faultsURL(host, key string) string {
	u := url.URL{Scheme: "http", Host: host, Path: "/lab/faults", RawQuery: url.Values{web.FollowKey: {key}}.Encode()}
	return u.String()
}

func readFaults(ctx context.Context, base string) (state lab.State, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/lab/faults", nil)
	if err != nil {
		return state, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return state, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return state, fmt.Errorf("%s answered %s", req.URL, res.Status)
	}
	return state, json.NewDecoder(res.Body).Decode(&state)
}

func sameFaults(a, b lab.State) bool {
	kinds := func(s lab.State) (all []string) {
		for _, f := range s.Faults {
			all = append(all, f.Link+" "+f.Kind)
		}
		return all
	}
	return slices.Equal(kinds(a), kinds(b))
}

// Running implements lab.Custom.
func (c *custom) Running() (string, []string, []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket == nil {
		return "", nil, nil
	}
	return c.socket.base(), slices.Clone(c.on), slices.Clone(c.critical)
}

// Stop implements lab.Custom.
func (c *custom) Stop() {
	c.change.Lock()
	defer c.change.Unlock()
	_ = c.stop() // what can't be recorded has still been stopped, and Serve would say so
}

func (c *custom) stop() error {
	c.mu.Lock()
	was := c.socket
	c.socket, c.on, c.critical = nil, nil, nil
	c.mu.Unlock()
	err := c.home.Stop(context.Background(), customName)
	if was != nil {
		err = errors.Join(err, was.Close())
	}
	return err
}

// followerEnv is the environment of a blog that shares d with this one.
func followerEnv(d *dependencies, cfg config.Config) []string {
	return []string{
		"DATABASE_URL=" + d.postgres, "REDIS_URL=" + d.redis, "RECOMMENDATIONS_URL=" + d.recommendations,
		"LAB=on", "LAB_HOSTS=" + strings.Join(cfg.LabHosts, ","), "LOG_FORMAT=" + cfg.LogFormat,
	}
}

// split reads names with commas between them; "" is none.
func split(names string) []string {
	return strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
}
