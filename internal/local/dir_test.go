//go:build unix

package local

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDataDir(t *testing.T) {
	cwd := t.TempDir()
	dir, err := DataDir("", cwd)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		made := dir
		t.Cleanup(func() { _ = os.Remove(made) })
		parent, name := filepath.Split(dir)
		if parent != "/var/lib/afloat/" || len(name) != 12 {
			t.Errorf("root: %s; want /var/lib/afloat/ and 12 hexadecimal digits", dir)
		}
		if other, err := DataDir("", cwd+"2"); err != nil || other == dir {
			t.Errorf("two clones share %s, %v", other, err)
		} else {
			t.Cleanup(func() { _ = os.Remove(other) })
		}
	} else if dir != filepath.Join(cwd, ".afloat") {
		t.Errorf("%s; want .afloat in %s", dir, cwd)
	}

	configured := filepath.Join(cwd, "a", "b")
	if dir, err = DataDir(configured, "/elsewhere"); err != nil || dir != configured {
		t.Errorf("DATA_DIR=%s: %s, %v", configured, dir, err)
	}
}

func TestDataDirKeepsModes(t *testing.T) {
	existing := filepath.Join(t.TempDir(), "existing")
	if err := os.Mkdir(existing, 0o750); err != nil {
		t.Fatal(err)
	}
	if _, err := DataDir(filepath.Join(existing, "new"), "/"); err != nil {
		t.Fatal(err)
	}
	if _, err := DataDir(existing, "/"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(existing); err != nil || info.Mode().Perm() != 0o750 {
		t.Errorf("mode %v, %v; want it as it was, 0750", info.Mode(), err)
	}
}

func TestDirectoryClosedToTheOwnerIsNamed(t *testing.T) {
	closed := t.TempDir()
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(closed, "inside")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	stranger := &owner{name: "stranger", uid: os.Geteuid() + 1, gid: os.Getegid() + 1}
	if err := stranger.mayEnter(inside); err == nil || !strings.Contains(err.Error(), closed+":") {
		t.Errorf("error %v; want one naming %s", err, closed)
	}
	if err := (*owner)(nil).mayEnter(inside); err != nil {
		t.Errorf("ourselves: %v", err)
	}
}

func TestFindTakesTheNewestAndSaysWhatIsMissing(t *testing.T) {
	program := func(dir, name, says string) {
		t.Helper()
		script := "#!/bin/sh\necho '" + says + "'\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	oldDir, newDir := t.TempDir(), t.TempDir()
	t.Setenv("PATH", oldDir)
	program(oldDir, "redis-server", "Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64")
	tools, problems := Find()
	var redis *Problem
	for _, p := range problems {
		if p.What == "Redis" {
			redis = &p
		}
	}
	if redis == nil || redis.Have != "6.0.16" || !strings.Contains(redis.Error(), "redis-server") || tools.RedisVersion != "6.0.16" {
		t.Errorf("problems %v, tools %+v; want Redis 6.0.16 as too old, with the package's name", problems, tools)
	}

	t.Setenv("PATH", oldDir+string(os.PathListSeparator)+newDir)
	program(oldDir, "initdb", "initdb (PostgreSQL) 13.9")
	program(oldDir, "postgres", "postgres (PostgreSQL) 13.9")
	program(newDir, "initdb", "initdb (PostgreSQL) 99.1")
	program(newDir, "postgres", "postgres (PostgreSQL) 99.1 (Debian 99.1-1)")
	tools, problems = Find()
	if tools.PGBin != newDir || tools.PGVersion != "99.1" || len(problems) != 1 {
		t.Errorf("tools %+v, problems %v; want PostgreSQL 99.1 from %s", tools, problems, newDir)
	}
}

func TestProblemIsOneLineWithTheRemedy(t *testing.T) {
	p := problem("PostgreSQL", "", minPostgres, "postgresql")
	const want = "PostgreSQL is not installed (15 or newer is needed): `make run` installs it (apt package postgresql); or `docker compose up`"
	if p.Error() != want {
		t.Errorf("%s\nwant %s", p, want)
	}
}

func TestFullJitterStaysBelowItsCap(t *testing.T) {
	const base, limit = time.Millisecond, 20 * time.Millisecond
	for n := range 100 {
		bound := min(base<<min(n, 10), limit)
		for range 100 {
			if pause := fullJitter(base, limit, n); pause < 0 || pause >= bound {
				t.Fatalf("restart %d: pause %v; want [0, %v)", n, pause, bound)
			}
		}
	}
}
