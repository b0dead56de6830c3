package main

import (
	"errors"
	"log/slog"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"afloat/internal/store"
	"afloat/test/fleet/state"
)

func TestPlaces(t *testing.T) {
	got, err := parsePlaces(`{"t_web":{"Aliases":["front","t-front-1"],"IPAMConfig":null},"t_fleet":{"Aliases":null,"IPAMConfig":{"IPv4Address":"10.88.0.10"}}}`, "front")
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if p := got[0]; p.network != "t_fleet" || p.address != "10.88.0.10" || strings.Join(p.aliases, " ") != "front" {
		t.Errorf("the first place is %+v", p)
	}
	if p := got[1]; p.network != "t_web" || p.address != "" || strings.Join(p.aliases, " ") != "front t-front-1" {
		t.Errorf("the second place is %+v", p)
	}
	if _, err := parsePlaces(`{}`, "front1"); err == nil {
		t.Error("a container in no network can't be disconnected, and nobody says so")
	}
}

func TestPassedOutbox(t *testing.T) {
	var log strings.Builder
	to := slog.New(slog.NewTextHandler(&log, nil))
	one, two, three := strings.Repeat("0a", 32), strings.Repeat("1b", 32), strings.Repeat("2c", 32)
	to.Info("comment written", "key_hash", one)
	to.Warn(store.PassesOutbox, "article", "retries", "key_hash", two, "err", errors.New("timeout"))
	to.Info(store.PassesOutbox, "article", "caching", "key_hash", three)
	got := map[string]bool{}
	if err := parsePassed(log.String(), got); err != nil || !maps.Equal(got, map[string]bool{two: true, three: true}) {
		t.Errorf("%v, %v", got, err)
	}
	if parsePassed(store.PassesOutbox, got) == nil {
		t.Error("a warning that names no comment says nothing")
	}
}

func TestMemory(t *testing.T) {
	for line, want := range map[string]float64{"41.5MiB / 256MiB": 41.5, "1.5GiB / 2GiB": 1536, "512KiB / 1MiB": .5, "0B / 0B": 0, "-- / --": 0} {
		if got := parseMemory(line); math.Abs(got-want) > 1e-9 {
			t.Errorf("%q is %v MiB, want %v", line, got, want)
		}
	}
}

func TestArticlesAreToldFromOtherPages(t *testing.T) {
	page := `<article data-part="post" data-state="stale"><link href="/posts/retries"></article></html>` + "\n"
	if err := isArticle("/posts/retries?xray=1", []byte(page)); err != nil {
		t.Error(err)
	}
	for about, wrong := range map[string]string{
		"another article": strings.ReplaceAll(page, "retries", "caching"),
		"an error page":   `<main>/posts/retries</main></html>`,
		"half a page":     strings.TrimSuffix(page, "</html>\n"),
	} {
		if isArticle("/posts/retries", []byte(wrong)) == nil {
			t.Errorf("%s passes for the article", about)
		}
	}
}

func TestReadersAreThoseOfThePlan(t *testing.T) {
	r := readers{articles: []string{"/posts/a", "/posts/b"}, assets: []string{"/static/a.css"}, rate: 200, seed: 1}
	rate := 0.0
	for kind, p := range r.plans(time.Minute) {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if kind != twinReads {
			rate += p.Rate
		}
		if !p.Fresh || p.Timeout != readLimit {
			t.Errorf("%s: its readers are %+v", kind, p)
		}
	}
	if math.Abs(rate-200) > 1e-9 {
		t.Errorf("%v readers a second, want 200", rate)
	}
	if p := r.plans(time.Minute)[uncachedReads]; p.Rate != 20 || p.Paths[0] != "/posts/a?xray=1" {
		t.Errorf("uncached: %v a second of %v", p.Rate, p.Paths)
	}
}

func TestWrittenIsToldFromWaiting(t *testing.T) {
	for location, want := range map[string]bool{
		"/posts/a?comment=17#comment-17": true, "/posts/a?comment=17": true,
		"/posts/a?comment=1700000000000-0#comment-1700000000000-0": false, "/posts/a": false,
	} {
		if got := written.MatchString(location); got != want {
			t.Errorf("%s is written at once: %v", location, got)
		}
	}
}

func TestRolesAreLookedUp(t *testing.T) {
	w := &watch{}
	if _, err := w.resolve([]string{"edge1"}); err == nil {
		t.Error("nothing was seen, and something is chosen")
	}
	w.add(state.Seen{At: began, Nodes: []state.Node{{Name: "postgres2", Kind: "postgres", Role: state.Leader, Up: true}}})
	if got, err := w.resolve([]string{"edge1", "postgres leader"}); err != nil || strings.Join(got, " ") != "edge1 postgres2" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := w.resolve([]string{"redis primary"}); err == nil {
		t.Error("a primary is chosen, though there is none")
	}
}

func TestWholeIsMoreThanOneLook(t *testing.T) {
	w := &watch{}
	up, down := []state.Node{{Name: "edge1", Kind: "edge", Up: true}}, []state.Node{{Name: "edge1", Kind: "edge"}}
	for i, nodes := range [][]state.Node{up, down, up, up, up} {
		if _, ok := w.wholeSince(at(-1)); ok {
			t.Errorf("whole after %d looks", i)
		}
		w.add(state.Seen{At: at(float64(i)), Nodes: nodes, RedisGap: time.Duration(i) * time.Second})
	}
	if since, ok := w.wholeSince(at(-1)); !ok || !since.Equal(at(2)) {
		t.Errorf("whole since %v, %v", since, ok)
	}
	if got := w.wholeAfter(at(0.5), at(4)); !got.Equal(at(2)) {
		t.Errorf("whole again at %v", got)
	}
	if got := w.redisGap(at(0), at(4)); got != 3*time.Second {
		t.Errorf("the gap is %v", got)
	}
}
