package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"afloat/test/fleet/state"
)

const mostAnswer = 1 << 20 // bytes

// get asks a node; into may be nil, if its answer doesn't matter.
func (l *look) get(ctx context.Context, url string, into any) error {
	return l.ask(ctx, http.MethodGet, url, "", into)
}

func (l *look) ask(ctx context.Context, method, url, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	res, err := l.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, mostAnswer))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", res.Status)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// cluster is what Patroni's /cluster says: one member's view, from etcd and from the other members.
type cluster struct {
	Members []struct {
		Name     string
		Role     string // leader, sync_standby, quorum_standby, replica
		State    string // running, streaming, starting, ...
		Timeline int
	}
}

func (l *look) askPatroni(ctx context.Context, at string) (c cluster, err error) {
	err = l.get(ctx, at+path["postgres"], &c)
	return c, err
}

// newest is the view with the highest timeline, which a member that was away doesn't know yet.
func newest(views []cluster) (best cluster) {
	most := -1
	for _, v := range views {
		for _, m := range v.Members {
			if m.Timeline > most {
				most, best = m.Timeline, v
			}
		}
	}
	return best
}

func (c cluster) node(name string) state.Node {
	n := state.Node{Name: name, Kind: "postgres", Detail: "no member of the cluster"}
	for _, m := range c.Members {
		if m.Name != name {
			continue
		}
		n.Detail = m.Role + " " + m.State
		switch {
		case m.Role == "leader" && m.State == "running":
			n.Up, n.Role = true, state.Leader
		case m.State != "streaming":
		case m.Role == "sync_standby", m.Role == "quorum_standby":
			n.Up, n.Role = true, state.Sync
		default:
			n.Up, n.Role = true, state.Standby
		}
	}
	return n
}

func (l *look) askEtcd(ctx context.Context, at string) (role string, err error) {
	if err := l.get(ctx, at+path["etcd"], nil); err != nil {
		return "", err
	}
	var s struct {
		Leader string
		Header struct {
			Member string `json:"member_id"`
		}
	}
	if err := l.ask(ctx, http.MethodPost, at+"/v3/maintenance/status", "{}", &s); err != nil {
		return "", err
	}
	if s.Leader == s.Header.Member {
		return state.Leader, nil
	}
	return "", nil
}

// brief is an error without the URL, which the node's name says already.
func brief(err error) string {
	if e := (*url.Error)(nil); errors.As(err, &e) {
		err = e.Err
	}
	return err.Error()
}
