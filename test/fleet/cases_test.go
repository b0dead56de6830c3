package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// services are those of docker-compose.yml.
func services(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, below, found := strings.Cut(string(text), "\nservices:\n")
	below, _, end := strings.Cut(below, "\nnetworks:\n")
	if !found || !end {
		t.Fatal("docker-compose.yml has no services before its networks")
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z0-9-]+):`).FindAllStringSubmatch(below, -1) {
		names = append(names, m[1])
	}
	return names
}

// unharmed are the services that no case is about.
var unharmed = map[string]string{
	"secrets":              "has ended before the fleet serves",
	"twin":                 "is what the fleet is compared with",
	"twin-recommendations": "belongs to the twin",
}

func TestEveryServiceHasACase(t *testing.T) {
	meant := map[string]bool{}
	for _, r := range roles() {
		for _, service := range r.of {
			meant[service] = true
		}
	}
	all := services(t)
	for _, service := range all {
		if !meant[service] && unharmed[service] == "" {
			t.Errorf("nothing ever happens to %s", service)
		}
	}
	for service := range meant {
		if !slices.Contains(all, service) {
			t.Errorf("a case is about %s, which docker-compose.yml does not have", service)
		}
	}
}

func TestEveryRoleMeetsEveryAction(t *testing.T) {
	have := map[string]bool{}
	for _, s := range scenarios() {
		have[s.role.name+" "+s.action.name] = true
	}
	for _, r := range roles() {
		for _, a := range actions {
			if want := !(r.alone && a.name == disconnect.name); have[r.name+" "+a.name] != want {
				t.Errorf("%s × %s is there: %v, want %v", r.name, a.name, !want, want)
			}
		}
	}
}

func TestNamesAreFiles(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios() {
		if seen[s.Name] || !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(s.Name) {
			t.Errorf("%q is no name, or one of two", s.Name)
		}
		seen[s.Name] = true
		if s.hold == 0 || s.action.do == nil || len(s.targets) == 0 {
			t.Errorf("%s does nothing", s.Name)
		}
	}
}

func TestChoice(t *testing.T) {
	dozen, err := choose(false, "")
	if err != nil || len(dozen) != 12 {
		t.Errorf("a usual run does %d cases, %v; want 12", len(dozen), err)
	}
	if whole, _ := choose(true, ""); len(whole) != len(scenarios()) {
		t.Errorf("-all does %d of %d cases", len(whole), len(scenarios()))
	}
	if two, err := choose(false, "zone,edge-kill"); err != nil || len(two) != 2 {
		t.Errorf("-cases chose %v, %v", two, err)
	}
	if _, err := choose(false, "edge-kill,edge-tickle"); err == nil || !strings.Contains(err.Error(), "edge-tickle") {
		t.Errorf("an unknown case: %v", err)
	}
}

// TestBoundsAreTheTable: what the promise says of single containers.
func TestBoundsAreTheTable(t *testing.T) {
	for _, s := range scenarios() {
		if s.role.name == "" {
			continue
		}
		excepted := s.role.name == "front's port" || s.role.name == "front" && s.action.name == pause.name
		switch b := s.bounds; {
		case excepted != (b.exception != ""):
			t.Errorf("%s: the exception is %q", s.Name, b.exception)
		case excepted:
		case len(b.reads) != len(everyRead):
			t.Errorf("%s: reads may fail", s.Name)
		case (s.action.name == pause.name) != (b.slowest == slowestPaused), (s.action.name != pause.name) != (b.p99 == p99Times):
			t.Errorf("%s: its reads may take any time", s.Name)
		case s.role.name == "postgres leader" && (b.direct != 25e9 || b.refused != 0):
			t.Errorf("%s: writes may stay away", s.Name)
		case s.role.name == "redis primary" && b.redis != 4e9:
			t.Errorf("%s: Redis may stay away", s.Name)
		}
	}
}
