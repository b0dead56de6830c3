package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"afloat/internal/load"
)

// site is a blog of two articles that counts its readers.
func site(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var readers atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/archive":
			_, _ = w.Write([]byte(`<a href="/posts/a">A</a> <a href="/posts/b">B</a>`))
		case strings.HasPrefix(r.URL.Path, "/posts/"):
			readers.Add(1)
			answer(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, &readers
}

func whole(w http.ResponseWriter, r *http.Request) {
	state := map[string]string{"/posts/a": "fresh", "/posts/b": "stale"}[r.URL.Path]
	_, _ = w.Write([]byte(`<main data-part="post" data-state="` + state + `">`))
}

// The readers' process tells what each of the very readers of the plan got.
func TestReadersAreAProcessOfTheirOwn(t *testing.T) {
	server, readers := site(t, whole)
	plan := load.Plan{Target: server.URL, Rate: 50, Duration: time.Second, Seed: 3, Timeout: 10 * time.Second}
	s := sender{articles: server.URL, grace: time.Second}
	got, err := s.collect(t.Context(), plan)
	if err != nil || len(got) < 25 || int64(len(got)) != readers.Load() {
		t.Fatalf("%d samples of %d readers, %v", len(got), readers.Load(), err)
	}
	plan.Paths = []string{"/posts/a", "/posts/b"}
	here := map[time.Duration]load.Sample{}
	plan.Each = func(s load.Sample) { here[s.Due] = s }
	if _, err := load.Run(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	for _, s := range got {
		want, ok := here[s.Due]
		if !ok || s.Path != want.Path || s.Status != 200 || s.Complete != (s.Path == "/posts/a") || s.Latency <= 0 {
			t.Errorf("%+v; want it like %+v", s, want)
		}
	}
	if len(here) != len(got) {
		t.Errorf("%d samples, %d in this process", len(got), len(here))
	}
}

func TestReadersStopWhenTold(t *testing.T) {
	server, readers := site(t, whole)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plan := load.Plan{Target: server.URL, Rate: 100, Duration: 10 * time.Minute, Timeout: 10 * time.Second}
	plan.Each = func(load.Sample) { cancel() } // told while the others are still to come
	if err := (sender{articles: server.URL, grace: time.Second}).send(ctx, plan); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
	server.CloseClientConnections()
	before := readers.Load()
	if _, page := get(t, server.URL+"/posts/a"); page == "" || readers.Load() != before+1 {
		t.Errorf("%d readers came after the stop", readers.Load()-before-1)
	}
}

func TestReadersOfWhatIsNotOursAreRefused(t *testing.T) {
	server, _ := site(t, whole)
	s := sender{articles: server.URL, grace: time.Second}
	plan := load.Plan{Target: "http://192.0.2.1", Rate: 1, Duration: time.Second, Timeout: time.Second}
	if err := s.send(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "not loopback") {
		t.Error(err)
	}
	plan.Target, s.articles = server.URL, nowhere(t, "http")
	if err := s.send(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "no articles found") {
		t.Error(err)
	}
}

func TestSamplesWithoutASummaryAreRefused(t *testing.T) {
	if err := readSamples(strings.NewReader(`{"due":1,"path":"/a","latency":2}`), nil); err == nil {
		t.Error("a process that was cut off passes for one that ended")
	}
}

func TestLoadTakesPathsAndTellsSamples(t *testing.T) {
	server, _ := site(t, whole)
	file := filepath.Join(t.TempDir(), "paths")
	if err := os.WriteFile(file, []byte("/posts/b\n\n/posts/b?x=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for paths, prefix := range map[string]string{"/posts/a,/posts/a?x=1": "/posts/a", file: "/posts/b", "": "/posts/"} {
		out, err := blog(t, nil, "load", "-rate", "40", "-for", "500ms", "-zipf", "0.5", "-samples", "-paths", paths, server.URL)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var last sampleLine
		for i, text := range lines {
			last = sampleLine{}
			if err := json.Unmarshal([]byte(text), &last); err != nil || (last.Summary != nil) != (i == len(lines)-1) {
				t.Fatalf("%v: line %d of %d is %s", err, i, len(lines), text)
			}
			if last.Sample != nil && !strings.HasPrefix(last.Path, prefix) {
				t.Errorf("-paths %s: %s was read", paths, last.Path)
			}
		}
		if last.Summary == nil || last.Summary.Requests != len(lines)-1 || len(lines) < 5 {
			t.Errorf("-paths %s: %d lines, summary %+v", paths, len(lines), last.Summary)
		}
	}
	if _, err := blog(t, nil, "load", "-paths", "no-such-file", server.URL); err == nil || !strings.Contains(err.Error(), "-paths") {
		t.Error(err)
	}
	if _, err := blog(t, nil, "load", "-zipf", "6", server.URL); err == nil || !strings.Contains(err.Error(), "zipf is 6") {
		t.Error(err)
	}
}
