package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"afloat/internal/local"
	"afloat/internal/testenv"
)

// Whoever starts the blog on a bare machine reads every article, and learns
// what is missing and how to get it.
func TestServesWithNothingInstalled(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "blog")
	// Where distributions keep PostgreSQL can't be emptied for a test, but the
	// program can be told not to look there.
	build := exec.Command("go", "build", "-ldflags", "-X afloat/internal/local.postgresDirs=", "-o", exe, "afloat/cmd/blog")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	_, console := program(t, exe, "PATH="+t.TempDir(), "DATA_DIR="+t.TempDir())
	base := console.url(t)

	for _, a := range shipped(t) {
		status, page := get(t, base+"/posts/"+a.Slug)
		if status != http.StatusOK || state(page, "post") != "fallback" || state(page, "comments") != "missing" {
			t.Errorf("%s: status %d, post %s, comments %s; want 200, fallback, missing", a.Slug, status, state(page, "post"), state(page, "comments"))
		}
	}
	for _, path := range []string{"/", "/archive", "/search?q=retries", "/feed.xml", "/about"} {
		if status, _ := get(t, base+path); status != http.StatusOK {
			t.Errorf("%s: status %d, want 200", path, status)
		}
	}

	const text, key = "A thought that must not get lost.", "a key of sufficient length"
	status, page := post(t, base+"/posts/"+shipped(t)[0].Slug+"/comments", url.Values{"author": {"Ada"}, "body": {text}, "key": {key}})
	if status != http.StatusServiceUnavailable || !strings.Contains(page, text) || !strings.Contains(page, key) || !strings.Contains(page, "not stored yet") {
		t.Errorf("a comment without a database: status %d; want 503 with the text and its key in the form:\n%s", status, page)
	}

	for _, want := range []string{
		"PostgreSQL is not installed (15 or newer is needed): `make run` installs it",
		"Redis is not installed (7 or newer is needed): `make run` installs it",
		"Recommendations  private, http://",
		"Naive twin       http://",
	} {
		if !strings.Contains(console.String(), want) {
			t.Errorf("the console does not say %q:\n%s", want, console)
		}
	}
}

// Everything that is configured is down when the blog starts, and comes up
// later: nobody has to tell the blog.
func TestHealsWhenDependenciesAppear(t *testing.T) {
	database, cache := testenv.NewPostgres(t), testenv.NewRedis(t)
	database.Kill()
	cache.Kill()
	s := serveHere(t, env{"DATABASE_URL": database.URL, "REDIS_URL": cache.URL})
	for _, a := range shipped(t) {
		if status, page := get(t, s.url+"/posts/"+a.Slug); status != http.StatusOK || state(page, "post") != "fallback" {
			t.Errorf("%s with everything down: status %d, post %s; want 200, fallback", a.Slug, status, state(page, "post"))
		}
	}

	database.Restart()
	cache.Restart()
	healthy := map[string][]string{"post": {"fresh", "cached"}, "comments": {"fresh", "cached"}, "popular": {"fresh", "cached"}}
	for _, a := range shipped(t) {
		eventually(t, a.Slug+" from the database", func() bool {
			_, page := get(t, s.url+"/posts/"+a.Slug)
			for part, states := range healthy {
				if got := state(page, part); got != states[0] && got != states[1] {
					return false
				}
			}
			return true
		})
	}
}

// A twin that runs elsewhere is linked, by the name that the reader used, and
// none is started beside it.
func TestTwinElsewhereIsLinked(t *testing.T) {
	dir := dataDir(t)
	s := serveHere(t, env{
		"LAB": "on", "DATA_DIR": dir, "DATABASE_URL": nowhere(t, "postgres"), "REDIS_URL": nowhere(t, "redis"),
	}, "-twin", "18081")
	if _, page := get(t, s.url+"/about"); !strings.Contains(page, "http://127.0.0.1:18081/about") {
		t.Errorf("the page does not link to the twin:\n%s", page)
	}
	if !strings.Contains(s.console.String(), "Naive twin       http://127.0.0.1:18081\n") {
		t.Errorf("the console does not say where the twin is:\n%s", s.console)
	}
	if running, err := local.ReadRunning(dir); err != nil || len(running.Children) > 0 {
		t.Errorf("children: %v, %v; want none", running.Children, err)
	}
}

// Servers that start together on an empty database take turns: its schema is
// made once, and the articles are published once.
func TestTwoServersStartTogether(t *testing.T) {
	database := testenv.Postgres(t)
	e := env{"DATABASE_URL": database, "REDIS_URL": nowhere(t, "redis")}
	for _, s := range []*server{serveHere(t, e), serveHere(t, e)} {
		eventually(t, "an article from the database", func() bool {
			_, page := get(t, s.url+"/posts/"+shipped(t)[0].Slug)
			return state(page, "post") == "fresh"
		})
	}
	if articles, versions := published(t, database); articles != len(shipped(t)) || versions != 1 {
		t.Errorf("the database holds %d articles of %d publications; want %d of 1", articles, versions, len(shipped(t)))
	}
}

// published counts the articles in a database, and the publications they are of.
func published(t *testing.T, database string) (articles, versions int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), `select count(*), count(distinct version) from posts`).Scan(&articles, &versions)
	if err != nil {
		t.Fatal(err)
	}
	return articles, versions
}

// A request that has begun when the blog is told to stop is answered.
func TestStopsAfterItsReaders(t *testing.T) {
	s := serveHere(t, env{"DATABASE_URL": nowhere(t, "postgres"), "REDIS_URL": nowhere(t, "redis")})
	host := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := url.Values{"author": {"Ada"}, "body": {"Slowly written"}, "key": {"a key of sufficient length"}}.Encode()
	fmt.Fprintf(conn, "POST /posts/%s/comments HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		shipped(t)[0].Slug, host, len(body))
	replies := bufio.NewReader(conn)
	if line, err := replies.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("the request did not begin: %q, %v", line, err)
	}
	if _, err := replies.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	s.stop()
	eventually(t, "the port to be closed", func() bool { status, _ := get(t, s.url); return status == 0 })
	fmt.Fprint(conn, body)
	res, err := http.ReadResponse(replies, nil)
	if err != nil {
		t.Fatalf("no answer to a request that began before the stop: %v", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503 (there is no database)", res.StatusCode)
	}
}
