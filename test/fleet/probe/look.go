package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"afloat/test/fleet/state"
)

// look asks every node how it is.
type look struct {
	nodes []node
	hosts map[string]string        // host → name, of the Redis nodes
	redis map[string]*redis.Client // by node
	http  *http.Client
}

func newLook(nodes []node, o *redis.FailoverOptions) *look {
	l := &look{nodes: nodes, hosts: map[string]string{}, redis: map[string]*redis.Client{}, http: &http.Client{}}
	for _, n := range nodes {
		u, err := url.Parse(n.At)
		if err != nil || u.Scheme != "redis" {
			continue
		}
		password := o.Password
		if n.Kind == "sentinel" {
			password = o.SentinelPassword
		} else {
			l.hosts[u.Hostname()] = n.Name
		}
		l.redis[n.Name] = redis.NewClient(&redis.Options{
			Addr: u.Host, Password: password, DialTimeout: patience, ReadTimeout: patience,
			ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1,
		})
	}
	return l
}

// path is where a node of the kind tells how it is.
var path = map[string]string{
	"front": "/livez", "edge": "/edge/health", "balancer": "/livez", "server": "/readyz", "recommendations": "/healthz",
	"postgres": "/cluster", "etcd": "/health",
}

func (l *look) all(ctx context.Context) []state.Node {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	seen := make([]state.Node, len(l.nodes))
	clusters := make([]cluster, len(l.nodes))
	var asking sync.WaitGroup
	for i, n := range l.nodes {
		asking.Go(func() {
			seen[i] = state.Node{Name: n.Name, Kind: n.Kind}
			var err error
			switch n.Kind {
			case "redis":
				seen[i].Role, err = l.askRedis(ctx, n.Name)
			case "sentinel":
				seen[i].Detail, err = l.askSentinel(ctx, n.Name)
			case "etcd":
				seen[i].Role, err = l.askEtcd(ctx, n.At)
			case "postgres":
				clusters[i], err = l.askPatroni(ctx, n.At)
			default:
				err = l.get(ctx, n.At+path[n.Kind], nil)
			}
			if seen[i].Up = err == nil; err != nil {
				seen[i].Role, seen[i].Detail = "", brief(err)
			}
		})
	}
	asking.Wait()
	for i, n := range l.nodes {
		if n.Kind == "postgres" && seen[i].Up {
			seen[i] = newest(clusters).node(n.Name)
		}
	}
	return seen
}

func (l *look) askRedis(ctx context.Context, name string) (role string, err error) {
	info, err := l.redis[name].Info(ctx, "replication").Result()
	if err != nil {
		return "", err
	}
	switch {
	case strings.Contains(info, "role:master"):
		if online := strings.Count(info, "state=online"); online < 2 {
			return state.Primary, fmt.Errorf("%d replicas are online", online)
		}
		return state.Primary, nil
	case strings.Contains(info, "master_link_status:up"):
		return state.Replica, nil
	}
	return "", errors.New("its link to the primary is down")
}

// askSentinel returns the name of the node that it takes for the primary.
func (l *look) askSentinel(ctx context.Context, name string) (primary string, err error) {
	var at []string
	cmd := redis.NewStringSliceCmd(ctx, "sentinel", "get-master-addr-by-name", "afloat")
	if err := l.redis[name].Process(ctx, cmd); err != nil {
		return "", err
	}
	if at, err = cmd.Result(); err != nil || len(at) != 2 {
		return "", fmt.Errorf("it names no primary: %w", err)
	}
	quorum := redis.NewStringCmd(ctx, "sentinel", "ckquorum", "afloat")
	if err := l.redis[name].Process(ctx, quorum); err != nil {
		return "", err
	}
	if !strings.HasPrefix(quorum.Val(), "OK 3 ") {
		return "", errors.New(quorum.Val())
	}
	return l.hosts[at[0]], nil
}
