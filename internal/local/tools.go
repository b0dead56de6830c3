package local

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The oldest versions that the blog's SQL and commands are written for.
const (
	minPostgres = 15
	minRedis    = 7
)

// postgresDirs is where distributions keep PostgreSQL's programs, outside PATH. Whoever packages the blog may set it at
// link time: -ldflags "-X afloat/internal/local.postgresDirs=/opt/postgresql/bin".
var postgresDirs = "/usr/lib/postgresql/*/bin:/usr/pgsql-*/bin:/opt/homebrew/opt/postgresql@*/bin:/usr/local/opt/postgresql@*/bin"

// Tools are the servers' programs found on this machine; a field is empty where there is none.
type Tools struct {
	PGBin, PGVersion    string // PGBin is the directory of initdb and postgres
	Redis, RedisVersion string // Redis is the path of redis-server
}

// Problem is a program that is missing or too old. It is also the error of a server that can't start for it.
type Problem struct {
	What   string // PostgreSQL or Redis
	Have   string // version found, empty for none
	Want   string // as in "15 or newer"
	Remedy string
}

// Error is one line with the remedy.
func (p Problem) Error() string {
	have := "is not installed"
	if p.Have != "" {
		have = p.Have + " is too old"
	}
	return fmt.Sprintf("%s %s (%s is needed): %s", p.What, have, p.Want, p.Remedy)
}

// Find looks for PostgreSQL, in PATH and where distributions keep its servers, taking the newest, and for Redis.
// Tools that are too old are in both answers.
func Find() (Tools, []Problem) {
	var t Tools
	var problems []Problem
	dirs := filepath.SplitList(os.Getenv("PATH"))
	for _, pattern := range filepath.SplitList(postgresDirs) {
		found, _ := filepath.Glob(pattern) // the patterns are well-formed, and no match is no error
		dirs = append(dirs, found...)
	}
	for _, dir := range slices.Compact(dirs) {
		if _, err := exec.LookPath(filepath.Join(dir, "initdb")); err != nil {
			continue
		}
		if v := version(filepath.Join(dir, "postgres")); major(v) > major(t.PGVersion) {
			t.PGBin, t.PGVersion = dir, v
		}
	}
	if path, err := exec.LookPath("redis-server"); err == nil {
		t.Redis, t.RedisVersion = path, version(path)
	}
	if major(t.PGVersion) < minPostgres {
		problems = append(problems, problem("PostgreSQL", t.PGVersion, minPostgres, "postgresql"))
	}
	if major(t.RedisVersion) < minRedis {
		problems = append(problems, problem("Redis", t.RedisVersion, minRedis, "redis-server"))
	}
	return t, problems
}

func problem(what, have string, want int, pkg string) Problem {
	return Problem{
		What: what, Have: have, Want: fmt.Sprintf("%d or newer", want),
		Remedy: "`make run` installs it (apt package " + pkg + "); or `docker compose up`",
	}
}

func (h *Home) tools() Tools {
	tools, _ := h.find()
	return tools
}

// missing returns what keeps a server from running here.
func (h *Home) missing(what string) error {
	_, problems := h.find()
	for _, p := range problems {
		if p.What == what {
			return p
		}
	}
	return h.unfit
}

var versionNumber = regexp.MustCompile(`\d+(\.\d+)*`)

// version returns what a program answers to --version, the number only: "15.8"; empty where it does not run.
func version(path string) string {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return ""
	}
	return versionNumber.FindString(string(out))
}

func major(version string) int {
	first, _, _ := strings.Cut(version, ".")
	n, _ := strconv.Atoi(first) // no version counts as 0
	return n
}
