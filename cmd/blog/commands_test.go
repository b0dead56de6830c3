package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"afloat"
	"afloat/internal/config"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/store"
	"afloat/internal/testenv"
)

func TestHelp(t *testing.T) {
	out, err := blog(t, nil, "-h")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands() {
		if !strings.Contains(out, c.name) || !strings.Contains(out, c.about) {
			t.Errorf("blog -h says nothing of %s", c.name)
		}
		own, err := blog(t, nil, c.name, "-h")
		if err != nil || !strings.HasPrefix(own, "usage: blog "+c.name) || !strings.Contains(own, c.about) {
			t.Errorf("blog %s -h: %v\n%s", c.name, err, own)
		}
	}
	for _, v := range config.Table() {
		if !strings.Contains(out, v.Name) {
			t.Errorf("blog -h says nothing of %s", v.Name)
		}
	}
	if own, _ := blog(t, nil, "load", "-h"); !strings.Contains(own, "-rate second") || !strings.Contains(own, "at most 200") {
		t.Errorf("blog load -h does not explain its flags:\n%s", own)
	}
}

func TestMisuseIsExplained(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"sevre"}, `no command "sevre"; blog -h lists them`},
		{[]string{"-polices", "naive"}, "not defined: -polices\nusage: blog serve"},
		{[]string{"serve", "-policies", "brave"}, "it can be afloat, naive or custom"},
		{[]string{"serve", "-twin", "http://blog"}, "it can be a port from 1 to 65535"},
		{[]string{"serve", "-twin-at", "http://twin:8081"}, "it goes with -twin"},
		{[]string{"serve", "-teach", "http://twin:8090"}, "it goes with -twin"},
		{[]string{"serve", "-twin", "8081", "-twin-at", "twin"}, "a URL such as http://twin:8081"},
		{[]string{"serve", "-twin", "0"}, "it can be a port from 1 to 65535"},
		{[]string{"serve", "-twin", "8081", "-policies", "naive"}, "-twin is for the protected blog"},
		{[]string{"serve", "-follow", "http://blog/lab/faults"}, "-follow is for -policies naive and custom"},
		{[]string{"serve", "-twin", "8081", "-policies", "custom"}, "-twin is for the protected blog"},
		{[]string{"serve", "-protections", "retry"}, "-protections is for -policies custom"},
		{[]string{"serve", "-policies", "naive", "-protections", "retry"}, "-protections is for -policies custom"},
		{[]string{"serve", "-policies", "custom", "-protections", "retry,prayer"}, `no protection "prayer"; there are isolation, deadline, cache,`},
		{[]string{"serve", "-critical", "comments,post"}, `no part "post" can be critical: want any of comments`},
		{[]string{"health"}, "name the URL to ask"},
		{[]string{"health", "127.0.0.1:8080"}, "first path segment in URL cannot contain colon"},
		{[]string{"serve", "here"}, "too many arguments\nusage: blog serve"},
		{[]string{"publish"}, "usage: blog publish DIR"},
		{[]string{"publish", t.TempDir()}, "no articles found"},
		{[]string{"publish", "no-such-directory"}, "no-such-directory"},
		{[]string{"comments"}, "usage: blog comments hide ID"},
		{[]string{"comments", "hide", "all"}, `"all" is no comment's id`},
		{[]string{"migrate", "up"}, "too many arguments"},
		{[]string{"load", "-rate", "1e9", "http://127.0.0.1:1"}, "at most 200"},
		{[]string{"load", "http://192.0.2.1"}, "not loopback"},
	} {
		out, err := blog(t, nil, tt.args...)
		if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
			t.Errorf("blog %v: error %q, output %q; want an error with %q", tt.args, err, out, tt.want)
		}
	}
}

func TestConfigurationsProblemsAreToldAtOnce(t *testing.T) {
	bad := env{"ADDR": "8080", "DATABASE_URL": "mysql://me:s3cret@host/db", "REDIS_URL": "s3cret", "LAB": "maybe", "LOG_FORMAT": "xml"}
	for _, command := range [][]string{{"serve"}, {"recommend"}, {"migrate"}, {"comments", "list"}} {
		_, err := blog(t, bad, command...)
		if err == nil {
			t.Fatalf("blog %v accepts %v", command, bad)
		}
		for name := range bad {
			if !strings.Contains(err.Error(), name+":") {
				t.Errorf("blog %v says nothing of %s: %v", command, name, err)
			}
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("blog %v prints a secret: %v", command, err)
		}
	}
}

func TestPortInUseIsOneLineWithTheRemedy(t *testing.T) {
	taken, err := listen("127.0.0.1:0", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, command := range []string{"serve", "recommend"} {
		_, err := blog(t, env{"ADDR": taken.Addr().String()}, command)
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "set ADDR to another address") {
			t.Errorf("blog %s: %v", command, err)
		}
	}
}

func TestExitStatus(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		arg, addr string
		want      int
		says      string
	}{
		{"version", "", 0, "afloat "},
		{"serve", "nonsense", 1, "blog: ADDR:"},
		{"nonsense", "", 1, "blog: there is no command"},
	} {
		cmd := exec.Command(exe, tt.arg)
		cmd.Env = []string{"ADDR=" + tt.addr}
		out, _ := cmd.CombinedOutput() // the status says the same
		if got := cmd.ProcessState.ExitCode(); got != tt.want || !strings.HasPrefix(string(out), tt.says) {
			t.Errorf("blog %s: exit status %d, %q; want %d, %q", tt.arg, got, out, tt.want, tt.says)
		}
	}
}

const articleText = `---
title: %s
summary: It is about %[1]s.
tags: [test]
published: 2026-01-02
---

A paragraph about %[1]s.
`

func writeArticle(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPublishing(t *testing.T) {
	database := env{"DATABASE_URL": testenv.Postgres(t)}
	dir := t.TempDir()
	publishes := func(want string) {
		t.Helper()
		if out, err := blog(t, database, "publish", dir); err != nil || !strings.Contains(out, want) {
			t.Errorf("blog publish: %q, %v; want %q", out, err, want)
		}
	}
	writeArticle(t, dir, "1-buoys.md", fmt.Sprintf(articleText, "buoys"))
	writeArticle(t, dir, "2-hulls.md", fmt.Sprintf(articleText, "hulls"))
	publishes("2 added, 0 changed, 0 withdrawn")
	publishes("nothing to do: all 2 articles are published already")
	writeArticle(t, dir, "1-buoys.md", fmt.Sprintf(articleText, "buoys and bells"))
	publishes("0 added, 1 changed, 0 withdrawn, 1 unchanged")

	// All or nothing: the good one beside the bad one isn't published either.
	writeArticle(t, dir, "3-masts.md", fmt.Sprintf(articleText, "masts"))
	writeArticle(t, dir, "4-sails.md", strings.Replace(fmt.Sprintf(articleText, "sails"), "2026-01-02", "soon", 1))
	if _, err := blog(t, database, "publish", dir); err == nil || !strings.Contains(err.Error(), "4-sails.md:5") {
		t.Errorf("a bad date: %v; want an error that names 4-sails.md:5", err)
	}
	for _, name := range []string{"2-hulls.md", "4-sails.md"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	publishes("1 added, 0 changed, 1 withdrawn, 1 unchanged")
}

// allMigrations is what migrating an empty database says.
func allMigrations(t *testing.T) string {
	t.Helper()
	files, err := fs.Glob(afloat.Migrations(), "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d migrations are embedded, %v", len(files), err)
	}
	return fmt.Sprintf("migrations run: %d;", len(files))
}

func TestMigratingTwice(t *testing.T) {
	database := env{"DATABASE_URL": testenv.Postgres(t)}
	for _, want := range []string{allMigrations(t), "migrations run: 0;"} {
		if out, err := blog(t, database, "migrate"); err != nil || !strings.Contains(out, want) {
			t.Errorf("blog migrate: %q, %v; want %q", out, err, want)
		}
	}
}

func TestUnreachableDatabaseIsAReasonWithoutThePassword(t *testing.T) {
	addr := freeAddr(t)
	_, err := blog(t, env{"DATABASE_URL": "postgres://me:s3cret@" + addr + "/blog"}, "migrate")
	if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "refused") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("blog migrate: %v", err)
	}
}

// Without DATABASE_URL a command works on the private database: of its own, or
// of the blog that runs from there.
func TestPrivateDatabaseIsShared(t *testing.T) {
	private := env{"DATA_DIR": dataDir(t)}
	if out, err := blog(t, private, "migrate"); err != nil || !strings.Contains(out, allMigrations(t)) {
		t.Fatalf("blog migrate without a blog: %q, %v", out, err)
	}
	serveHere(t, private)
	if out, err := blog(t, private, "migrate"); err != nil || !strings.Contains(out, "migrations run: 0;") {
		t.Errorf("blog migrate beside a blog: %q, %v", out, err)
	}
}

func TestModeratingComments(t *testing.T) {
	database := env{"DATABASE_URL": testenv.Postgres(t)}
	dir := t.TempDir()
	writeArticle(t, dir, "1-buoys.md", fmt.Sprintf(articleText, "buoys"))
	if _, err := blog(t, database, "publish", dir); err != nil {
		t.Fatal(err)
	}
	says := func(want string, args ...string) {
		t.Helper()
		if out, err := blog(t, database, append([]string{"comments"}, args...)...); err != nil || !strings.Contains(out, want) {
			t.Errorf("blog comments %v: %q, %v; want %q", args, out, err, want)
		}
	}
	says("no comments yet", "list")
	comment(t, database["DATABASE_URL"], store.NewComment{Slug: "buoys", Author: "Ada", Body: "Hello", HTML: "<p>Hello</p>", Key: "a key of its own"})
	says("1  shown ", "list")
	says("comment 1: hidden", "hide", "1")
	says("1  hidden", "list")
	says("comment 1: shown", "show", "1")
	says("1  shown ", "list")
	if _, err := blog(t, database, "comments", "hide", "2"); err == nil || !strings.Contains(err.Error(), "comment 2") {
		t.Errorf("hiding a comment that is not there: %v", err)
	}
}

func comment(t *testing.T, database string, c store.NewComment) {
	t.Helper()
	db, err := store.OpenPostgres(database, (&net.Dialer{}).DialContext, policy.Afloat().Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	guard, err := resilience.NewGuard(policy.Afloat().CommentWrites.Policy, store.Classify, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.NewComments(db, guard).Add(t.Context(), c, nil); err != nil {
		t.Fatal(err)
	}
}
