package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const threeServers = `{"nodes":[
	{"name":"front1","kind":"front","at":"http://10.88.0.10:8404/"},
	{"name":"blog1","kind":"server","at":"http://10.88.0.31:8080"},
	{"name":"blog2","kind":"server","at":"http://Blog2.example:8080"},
	{"name":"redis1","kind":"redis","at":"redis://10.88.0.71:6379"}]}`

func fleetFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fleet.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFleet(t *testing.T) {
	path := fleetFile(t, threeServers)
	c, err := FromEnv(env("NODE", "blog2", "FLEET_FILE", path, "LAB_HOSTS", "10.88.0.10"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Node != "blog2" || len(c.Fleet.Nodes) != 4 || len(c.Fleet.Peers(c.Node)) != 1 || c.Fleet.Peers(c.Node)[0].Name != "blog1" {
		t.Errorf("got %+v", c)
	}
	// Only what requests come through, and each once.
	if want := append(slices.Clone(loopbackHosts), "10.88.0.10", "10.88.0.31", "blog2.example"); !slices.Equal(c.LabHosts, want) {
		t.Errorf("the lab answers to %q, want %q", c.LabHosts, want)
	}
	if c, err := FromEnv(env("NODE", "alone")); err != nil || c.Node != "alone" || len(c.Fleet.Nodes) != 0 {
		t.Errorf("without a fleet: %+v, %v", c, err)
	}
	if c, err := FromEnv(env()); err != nil || c.Node != "" {
		t.Errorf("neither named: %+v, %v", c, err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if c, err := FromEnv(env("FLEET_FILE", fleetFile(t, strings.ReplaceAll(threeServers, "blog1", host)))); err != nil || c.Node != host {
		t.Errorf("the host name is the default: %q, %v", c.Node, err)
	}
}

func TestFleetIsRefused(t *testing.T) {
	node := func(name, kind, at string) string {
		return `{"nodes":[{"name":"` + name + `","kind":"` + kind + `","at":"` + at + `"}]}`
	}
	for text, want := range map[string]string{
		``:                                 "not the JSON of a fleet",
		`[]`:                               "not the JSON of a fleet",
		`{"nodes":[{"naem":"blog1"}]}`:     `unknown field "naem"`,
		`{}`:                               "has no nodes",
		node("", "server", "http://h"):     "node 1 has no name",
		node("blog1", "mysql", "http://h"): `node "blog1" has the kind "mysql": want one of front, edge, balancer, server, recommendations, postgres, etcd, redis, sentinel`,
		node("blog1", "server", "h:8080"):  `node "blog1" has no usable at: want http://host:port`,
		node("blog1", "server", "http://u:s3cr3t@h:1"):     `node "blog1" has no usable at`,
		node("redis1", "redis", "redis://h"):               `node "redis1" has no usable at: want redis://host:port`,
		node("blog2", "server", "http://h"):                `NODE: "blog1" is no server of the fleet in`,
		strings.ReplaceAll(threeServers, "blog2", "blog1"): `two nodes are called "blog1"`,
	} {
		_, err := FromEnv(env("NODE", "blog1", "FLEET_FILE", fleetFile(t, text)))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q on one line", text, err, want)
		}
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none.json"): "no such file or directory; correct the file, or unset FLEET_FILE",
		"fleet.json":                            `"fleet.json" is not an absolute path`,
	} {
		if _, err := FromEnv(env("NODE", "blog1", "FLEET_FILE", path)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := FromEnv(env("NODE", "a b")); err == nil || !strings.Contains(err.Error(), `NODE: "a b" is not a name`) {
		t.Errorf("got %v", err)
	}
}
