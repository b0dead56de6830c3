// Package fleet knows the nodes that Afloat runs on, what each is at this
// moment, and who its peers are.
//
// The nodes come from a file, which says only where they are. What each of
// them is, up or down, leader or standby, and how far behind, comes from the
// node itself: Patroni's REST API, etcd's, INFO and SENTINEL of Redis, and
// health pages. Nothing here decides anything: it is the lab's map. Probes go
// through none of the lab's faults, so that the map stays true under them.
package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Kind is what a node is there for.
type Kind string

// The kinds, and what At of such a node is.
const (
	Front           Kind = "front"           // base URL of its health page
	Edge            Kind = "edge"            // base URL
	Balancer        Kind = "balancer"        // base URL of its health page
	Server          Kind = "server"          // base URL of a blog
	Recommendations Kind = "recommendations" // base URL
	Postgres        Kind = "postgres"        // base URL of its Patroni's REST API
	Etcd            Kind = "etcd"            // base URL for clients
	Redis           Kind = "redis"           // redis://host:port
	Sentinel        Kind = "sentinel"        // redis://host:port
)

// Kinds lists every kind, on the way from the reader to the data.
var Kinds = []Kind{Front, Edge, Balancer, Server, Recommendations, Postgres, Etcd, Redis, Sentinel}

// A Node is one process of the fleet.
type Node struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	At   string `json:"at"` // URL, without a password
}

// A Fleet is the nodes, in the order of their file. Its zero value has none.
type Fleet struct {
	Nodes []Node `json:"nodes"`
}

// maxFile bounds the file of a fleet, in bytes.
const maxFile = 1 << 20

// Load reads a fleet's file: {"nodes":[{"name":…,"kind":…,"at":…},…]}. Its
// error says what is wrong with which node, on one line, and quotes no URL,
// for a password may stand in it by mistake.
func Load(path string) (Fleet, error) {
	f, err := os.Open(path)
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err // whoever reports it names the path
		}
		return Fleet{}, err
	}
	defer f.Close()
	var fleet Fleet
	decode := json.NewDecoder(io.LimitReader(f, maxFile))
	decode.DisallowUnknownFields()
	if err := decode.Decode(&fleet); err != nil {
		return Fleet{}, fmt.Errorf("it is not the JSON of a fleet: %w", err)
	}
	return fleet, fleet.check()
}

func (f Fleet) check() error {
	if len(f.Nodes) == 0 {
		return errors.New("it has no nodes")
	}
	seen := map[string]bool{}
	for i, n := range f.Nodes {
		switch {
		case n.Name == "":
			return fmt.Errorf("node %d has no name", i+1)
		case seen[n.Name]:
			return fmt.Errorf("two nodes are called %q", n.Name)
		case !slices.Contains(Kinds, n.Kind):
			return fmt.Errorf("node %q has the kind %q: want one of %s", n.Name, n.Kind, kinds())
		}
		seen[n.Name] = true
		want := "http"
		if n.Kind == Redis || n.Kind == Sentinel {
			want = "redis"
		}
		u, err := url.Parse(n.At)
		if err != nil || u.Scheme != want || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return fmt.Errorf("node %q has no usable at: want %s://host:port without user and query", n.Name, want)
		}
		if want == "redis" && (u.Port() == "" || u.Path != "") {
			return fmt.Errorf("node %q has no usable at: want redis://host:port", n.Name)
		}
	}
	return nil
}

func kinds() string {
	words := make([]string, len(Kinds))
	for i, k := range Kinds {
		words[i] = string(k)
	}
	return strings.Join(words, ", ")
}

// Of returns the nodes of a kind.
func (f Fleet) Of(kind Kind) []Node {
	return slices.DeleteFunc(slices.Clone(f.Nodes), func(n Node) bool { return n.Kind != kind })
}

// Has reports whether a server is called name.
func (f Fleet) Has(name string) bool {
	return slices.ContainsFunc(f.Of(Server), func(n Node) bool { return n.Name == name })
}

// Peers are the servers but the one called name.
func (f Fleet) Peers(name string) []Node {
	return slices.DeleteFunc(f.Of(Server), func(n Node) bool { return n.Name == name })
}

// Hosts are the names or addresses under which requests reach a server: its
// own, and those of what stands before it. In lower case, each once.
func (f Fleet) Hosts() []string {
	var hosts []string
	for _, n := range f.Nodes {
		if !slices.Contains([]Kind{Front, Edge, Balancer, Server}, n.Kind) {
			continue
		}
		if u, err := url.Parse(n.At); err == nil && !slices.Contains(hosts, strings.ToLower(u.Hostname())) {
			hosts = append(hosts, strings.ToLower(u.Hostname()))
		}
	}
	return hosts
}
