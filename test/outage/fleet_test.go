package outage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"afloat/internal/local"
	"afloat/internal/testenv"
)

// fleet is a blog, its twin, and what they depend on: each a process of its own.
type fleet struct {
	t               *testing.T
	dataDir         string
	postgres, redis *testenv.Server
	recommendations *process
	blog            *process
	twin            string   // base URL; the blog starts it
	control         *process // depends on nothing: what it takes to answer is the machine's doing
	paths           []string
}

// The articles are not those in the binary, so that a page from the snapshot in
// the data directory can be told from one of the snapshot in the binary.
var slugs = []string{"anchors", "buoys", "charts", "davits", "ensigns", "fenders"}

const articleText = `---
title: Of %[1]s
summary: What there is to say about %[1]s.
tags: [sea, %[1]s]
published: 2026-01-0%[2]d
---

The sentence that shows that this is the article about %[1]s. Every ship has %[1]s.
`

func startFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, dataDir: t.TempDir(), postgres: testenv.NewPostgres(t), redis: testenv.NewRedis(t)}
	articles := t.TempDir()
	for i, slug := range slugs {
		f.paths = append(f.paths, "/posts/"+slug)
		if err := os.WriteFile(filepath.Join(articles, slug+".md"), fmt.Appendf(nil, articleText, slug, i+1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	publish := exec.Command(binary, "publish", articles)
	publish.Env = append(environment(), "DATABASE_URL="+f.postgres.URL)
	if out, err := publish.CombinedOutput(); err != nil {
		t.Fatalf("blog publish: %v\n%s", err, out)
	}
	f.control = startProcess(t, "control", "/healthz", "recommend")
	f.recommendations = startProcess(t, "recommendations", "/healthz", "recommend")
	f.blog = startProcess(t, "blog", "/about", "serve",
		"DATABASE_URL="+f.postgres.URL, "REDIS_URL="+f.redis.URL, "RECOMMENDATIONS_URL="+f.recommendations.url, "DATA_DIR="+f.dataDir, "LAB=on")
	console, err := os.ReadFile(f.blog.log)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`Naive twin +(http://\S+)`).FindSubmatch(console)
	if found == nil {
		t.Fatalf("the blog has no twin:\n%s", console)
	}
	f.twin = string(found[1])
	return f
}

func environment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
}

// process is one of our own programs; it can be broken like a testenv.Server.
type process struct {
	t              *testing.T
	name, url, log string
	healthy        string // URL that answers 200 when it serves
	release        func() // lets a killed one start again
}

func startProcess(t *testing.T, name, health, command string, environ ...string) *process {
	t.Helper()
	port, err := local.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	p := &process{t: t, name: name, url: "http://" + addr, healthy: "http://" + addr + health,
		log: filepath.Join(filepath.Dir(binary), "logs", name+".log")}
	err = processes.Child(t.Context(), name, func() *exec.Cmd {
		cmd := exec.Command(binary, command)
		cmd.Env = append(append(environment(), "ADDR="+addr), environ...)
		return cmd
	}, p.ready)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := processes.Stop(context.WithoutCancel(t.Context()), name); err != nil { // the name is the next test's
			t.Error(err)
		}
		if !t.Failed() {
			return
		}
		if log, err := os.ReadFile(p.log); err == nil {
			t.Logf("%s's log:\n%s", name, log)
		}
	})
	return p
}

func (p *process) ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.healthy, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}

func (p *process) Pause()  { p.t.Helper(); p.signal(syscall.SIGSTOP) }
func (p *process) Resume() { p.t.Helper(); p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	for _, pid := range processes.Processes(p.name) {
		if err := syscall.Kill(pid, s); err != nil {
			p.t.Fatalf("%v to %s: %v", s, p.name, err)
		}
	}
}

func (p *process) Kill() {
	p.t.Helper()
	release, err := processes.Kill(p.name)
	if err != nil {
		p.t.Fatal(err)
	}
	p.release = release
	eventually(p.t, p.name+"'s end", func() bool { return len(processes.Processes(p.name)) == 0 })
}

func (p *process) Restart() {
	p.t.Helper()
	p.release()
	eventually(p.t, p.name+" to serve again", func() bool { return p.ready(p.t.Context()) == nil })
}

// eventually waits for a condition; the limit only ends a hopeless wait.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// browser doesn't follow redirects, and waits as long as a patient reader.
var browser = &http.Client{
	Timeout:       20 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type page struct {
	status   int // 0: no answer
	location string
	text     string
}

func read(res *http.Response, err error) page {
	if err != nil {
		return page{text: err.Error()}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return page{text: err.Error()}
	}
	return page{res.StatusCode, res.Header.Get("Location"), string(text)}
}

func get(url string) page                   { return read(browser.Get(url)) }
func post(url string, form url.Values) page { return read(browser.PostForm(url, form)) }

var partState = regexp.MustCompile(`data-part="([a-z]+)" data-state="([a-z]+)"`)

// states are the page's parts and their states. What is streamed comes after
// its placeholder, so the last one counts.
func (p page) states() map[string]string {
	states := map[string]string{}
	for _, m := range partState.FindAllStringSubmatch(p.text, -1) {
		states[m[1]] = m[2]
	}
	return states
}

var allParts = []string{"post", "comments", "recommendations", "popular"}

func healthy(state string) bool { return state == "fresh" || state == "cached" }

// whole reports whether the page is an article with all its parts up to date.
func (p page) whole() bool {
	states := p.states()
	for _, part := range allParts {
		if !healthy(states[part]) {
			return false
		}
	}
	return p.status == http.StatusOK
}

// untilWhole waits until all articles are whole, or a limit; it returns how
// long that took.
func (f *fleet) untilWhole(base string, limit time.Duration) (took time.Duration, ok bool) {
	began := time.Now()
	for time.Since(began) < limit {
		ok := true
		for _, path := range f.paths {
			ok = ok && get(base+path).whole()
		}
		if ok {
			return time.Since(began), true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return limit, false
}

// describe says what keeps the articles from being whole.
func (f *fleet) describe(base string) string {
	var b strings.Builder
	for _, path := range f.paths {
		p := get(base + path)
		fmt.Fprintf(&b, "%s: %d %v\n", path, p.status, p.states())
	}
	return b.String()
}
