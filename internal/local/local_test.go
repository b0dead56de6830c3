//go:build unix

package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// testPolicy restarts at once and gives a slow machine ample time.
var testPolicy = Policy{
	StartTimeout: time.Minute, StopTimeout: 20 * time.Second, ReadyEvery: 10 * time.Millisecond,
	RestartBase: 10 * time.Millisecond, RestartCap: 100 * time.Millisecond, StableAfter: time.Hour,
}

// holdDir tells the test binary to be a blog that holds this directory until it is killed.
const holdDir = "AFLOAT_TEST_HOLD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdDir); dir != "" {
		holdUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func holdUntilKilled(dir string) {
	ctx := context.Background()
	h, err := Open(dir, testPolicy, slog.Default())
	if err == nil {
		_, err = h.Postgres(ctx)
	}
	if err == nil {
		_, err = h.Redis(ctx)
	}
	if err == nil {
		err = h.Child(ctx, "sleeper", sleeper, always)
	}
	if err != nil {
		slog.Error("holder", "error", err)
		os.Exit(1)
	}
	os.Stdout.WriteString("up\n")
	select {}
}

func sleeper() *exec.Cmd                { return exec.Command("sleep", "3600") }
func always(context.Context) error      { return nil }
func testLog(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// homeDir is a data directory that the servers' user can enter, which t.TempDir is not for root.
func homeDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		for at := dir; at != os.TempDir(); at = filepath.Dir(at) {
			if err := os.Chmod(at, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func open(t *testing.T, dir string) *Home {
	t.Helper()
	h, err := Open(dir, testPolicy, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return h
}

func postgres(t *testing.T, h *Home) string {
	t.Helper()
	location, err := h.Postgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return location
}

func redisServer(t *testing.T, h *Home) string {
	t.Helper()
	location, err := h.Redis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// eventually waits for something that another process does in its own time. The limit is only there to end a failure.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 6000 {
		if condition() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never happened: %s", what)
}

func gone(pids []int) func() bool {
	return func() bool {
		for _, pid := range pids {
			if commandLine(pid) != "" {
				return false
			}
		}
		return true
	}
}

func query(ctx context.Context, location, sql string) (string, error) {
	conn, err := pgx.Connect(ctx, location)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	var answer string
	return answer, conn.QueryRow(ctx, sql).Scan(&answer)
}

// pingURL does what go-redis makes of the URL.
func pingURL(ctx context.Context, location string) error {
	options, err := redis.ParseURL(location)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()
	return client.Ping(ctx).Err()
}

func TestServersAreRealSafeAndPrivate(t *testing.T) {
	dir := homeDir(t)
	h := open(t, dir)
	pg, rd := postgres(t, h), redisServer(t, h)

	for setting, want := range map[string]string{
		"fsync": "on", "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8",
		"shared_buffers": "32MB", "max_connections": "200", "password_encryption": "scram-sha-256",
	} {
		if got, err := query(t.Context(), pg, "SELECT current_setting('"+setting+"')"); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", setting, got, err, want)
		}
	}
	options, err := redis.ParseURL(rd)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	for setting, want := range map[string]string{
		"appendonly": "yes", "appendfsync": "always", "maxmemory": "134217728", "maxmemory-policy": "noeviction", "bind": "127.0.0.1",
	} {
		if got, err := client.ConfigGet(t.Context(), setting).Result(); err != nil || got[setting] != want {
			t.Errorf("%s = %q, %v; want %q", setting, got[setting], err, want)
		}
	}

	for _, location := range []string{pg, rd} {
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		for _, name := range []string{"postgres", "redis"} {
			for _, pid := range h.Processes(name) {
				if strings.Contains(commandLine(pid), password) {
					t.Errorf("a password is on the command line of %s", name)
				}
			}
		}
		u.User = url.UserPassword(u.User.Username(), "wrong")
		if u.Scheme == "postgres" {
			_, err = query(t.Context(), u.String(), "SELECT ''")
		} else {
			err = pingURL(t.Context(), u.String())
		}
		if err == nil {
			t.Errorf("%s accepts any password", u.Scheme)
		}
	}
	info, err := os.Stat(filepath.Join(dir, runFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s holds passwords: mode %v, %v; want 0600", runFile, info.Mode(), err)
	}
}

func TestKilledChildIsRestartedOnTheSamePort(t *testing.T) {
	h := open(t, homeDir(t))
	pg, rd := postgres(t, h), redisServer(t, h)
	for name, works := range map[string]func() bool{
		"postgres": func() bool { _, err := query(t.Context(), pg, "SELECT ''"); return err == nil },
		"redis":    func() bool { return pingURL(t.Context(), rd) == nil },
	} {
		before := h.Processes(name)
		signalAll(before[:1], syscall.SIGKILL)
		eventually(t, name+" has a new process", func() bool {
			now := h.Processes(name)
			return len(now) > 0 && now[0] != before[0]
		})
		eventually(t, name+" answers at its old URL", works)
	}
}

func TestKilledPostmasterWithPausedBackendsIsRestarted(t *testing.T) {
	h := open(t, homeDir(t))
	location := postgres(t, h)
	conn, err := pgx.Connect(t.Context(), location)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	all := h.Processes("postgres")
	if len(all) < 2 {
		t.Fatalf("processes %v; want the postmaster and its backends", all)
	}
	signalAll(all, syscall.SIGSTOP) // a paused backend does not notice the end of its postmaster
	signalAll(all[:1], syscall.SIGKILL)
	eventually(t, "answers again", func() bool { _, err := query(t.Context(), location, "SELECT ''"); return err == nil })
}

func TestPausedChildIsLeftAlone(t *testing.T) {
	h := open(t, homeDir(t))
	var log safeBuffer
	h.log = slog.New(slog.NewTextHandler(&log, nil))
	location := redisServer(t, h)
	all := h.Processes("redis")
	signalAll(all, syscall.SIGSTOP)
	ctx, cancel := context.WithTimeout(t.Context(), 10*testPolicy.RestartCap)
	defer cancel()
	if pingURL(ctx, location) == nil {
		t.Error("a paused server answers")
	}
	signalAll(all, syscall.SIGCONT)
	eventually(t, "the same process answers", func() bool { return pingURL(t.Context(), location) == nil })
	if now := h.Processes("redis"); now[0] != all[0] || log.String() != "" {
		t.Errorf("process %v, was %v; log %q", now, all, log.String())
	}
}

func TestCloseLeavesNothingAndDataSurvives(t *testing.T) {
	dir := homeDir(t)
	h := open(t, dir)
	var log safeBuffer
	h.log = slog.New(slog.NewTextHandler(&log, nil))
	pg, rd := postgres(t, h), redisServer(t, h)
	if err := h.Child(t.Context(), "sleeper", sleeper, always); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pg)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 'here' AS word"); err != nil {
		t.Fatal(err)
	}
	options, err := redis.ParseURL(rd)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	if err := client.Set(t.Context(), "kept", "here", 0).Err(); err != nil {
		t.Fatal(err)
	}

	var pids []int
	for _, name := range []string{"postgres", "redis", "sleeper"} {
		pids = append(pids, h.Processes(name)...)
	}
	signalAll(h.Processes("redis"), syscall.SIGSTOP) // as a reader may have left it
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !gone(pids[:1])() {
		t.Error("the postmaster runs after Close")
	}
	if log.String() != "" {
		t.Errorf("a child was not stopped politely: %s", log.String())
	}
	eventually(t, "all processes are gone", gone(pids))
	if _, err := ReadRunning(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %v; want fs.ErrNotExist", err)
	}
	if err := h.Child(t.Context(), "late", sleeper, always); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a child after Close: %v; want os.ErrClosed", err)
	}

	h = open(t, dir)
	if word, err := query(t.Context(), postgres(t, h), "SELECT word FROM kept"); err != nil || word != "here" {
		t.Errorf("PostgreSQL kept %q, %v", word, err)
	}
	options, err = redis.ParseURL(redisServer(t, h))
	if err != nil {
		t.Fatal(err)
	}
	again := redis.NewClient(options)
	defer again.Close()
	if word, err := again.Get(t.Context(), "kept").Result(); err != nil || word != "here" {
		t.Errorf("Redis kept %q, %v", word, err)
	}
}

func TestSecondOpenIsRefusedAndCanRead(t *testing.T) {
	dir := homeDir(t)
	h := open(t, dir)
	location := redisServer(t, h)
	if err := h.Note(func(r *Running) { r.RecommendationsURL = "http://127.0.0.1:1" }); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, testPolicy, testLog(t)); !errors.Is(err, ErrInUse) {
		t.Fatalf("second Open: %v; want ErrInUse", err)
	}
	r, err := ReadRunning(dir)
	if err != nil || r.PID != os.Getpid() || r.RedisURL != location || r.RecommendationsURL == "" || len(r.Children) != 1 {
		t.Errorf("ReadRunning = %+v, %v", r, err)
	}
}

func TestFailedStartSaysWhyAndMayBeTriedAgain(t *testing.T) {
	h := open(t, homeDir(t))
	broken := func() *exec.Cmd { return exec.Command("sh", "-c", "echo the reason >&2; exit 3") }
	never := func(context.Context) error { return errors.New("never ready") }
	err := h.Child(t.Context(), "broken", broken, never)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "the reason") {
		t.Errorf("error %v; want the exit status and the end of the log", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Child(ctx, "broken", sleeper, never); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want context.Canceled", err)
	}
	if err := h.Child(t.Context(), "broken", sleeper, always); err != nil {
		t.Error(err)
	}
}

func TestANameIsOneChilds(t *testing.T) {
	h := open(t, homeDir(t))
	start := func() error { return h.Child(t.Context(), "one", sleeper, always) }
	if err := start(); err != nil {
		t.Fatal(err)
	}
	first := h.Processes("one")
	if err := start(); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("error %v; want to be told to stop the first", err)
	}
	if now := h.Processes("one"); !slices.Equal(now, first) {
		t.Errorf("its processes are %v; want the first child's, %v", now, first)
	}
	if err := errors.Join(h.Stop(t.Context(), "one"), start()); err != nil {
		t.Errorf("the name is not free again: %v", err)
	}
}

// A blog is killed with kill -9 while its servers run, paused ones among them.
func TestKilledParent(t *testing.T) {
	dir := homeDir(t)
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holdDir+"="+dir)
	holder.Stderr = t.Output()
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Process.Kill()
	if _, err := out.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	r, err := ReadRunning(dir)
	if err != nil || r.PID != holder.Process.Pid || len(r.Children) != 3 {
		t.Fatalf("ReadRunning = %+v, %v; want three children of %d", r, err, holder.Process.Pid)
	}
	var children []int
	for _, p := range r.Children {
		children = append(children, p.PID)
	}
	all := append(children, related(0, (&Home{dir: dir, find: Find}).dataDir())...)
	signalAll(all, syscall.SIGSTOP)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	if runtime.GOOS == "linux" {
		eventually(t, "all children are gone", gone(children))
	}
	if _, err := ReadRunning(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the kill: %v; want fs.ErrNotExist", err)
	}
	h := open(t, dir)
	eventually(t, "what the system left is stopped", gone(children))
	postgres(t, h)
	redisServer(t, h)
	eventually(t, "paused backends, too", gone(all))
}

// Where the system does not kill the children, the next start finds them by run.json and by PostgreSQL's own pid file.
func TestLeftoversAreStopped(t *testing.T) {
	dir := homeDir(t)
	leftover := sleeper()
	if err := leftover.Start(); err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "3601")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer stranger.Process.Kill()
	go func() { _ = leftover.Wait() }()
	command := strings.Join(leftover.Args, " ")
	text, err := json.Marshal(Running{PID: 1 << 30, Children: []Process{
		{Name: "sleeper", PID: leftover.Process.Pid, Command: command},
		{Name: "reused", PID: stranger.Process.Pid, Command: command},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, runFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, dir)
	if !gone([]int{leftover.Process.Pid})() {
		t.Error("the leftover still runs")
	}
	if commandLine(stranger.Process.Pid) == "" {
		t.Error("a stranger with a reused process id was killed")
	}

	postgres(t, h)
	old := h.Processes("postgres")
	h.clearPostmaster(h.dataDir()) // as the next start would
	eventually(t, "the old postmaster is gone", gone(old[:1]))
	eventually(t, "the supervisor has started another", func() bool { return len(h.Processes("postgres")) > 0 })
}

// After a crash of a whole container process ids repeat: PostgreSQL refuses to start when its old one is another's now.
func TestReusedPostmasterPidDoesNotBlock(t *testing.T) {
	dir := homeDir(t)
	h := open(t, dir)
	postgres(t, h)
	file := filepath.Join(h.dataDir(), "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	stranger := exec.Command("sleep", "3602")
	isolate(stranger, h.owner)
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer stranger.Process.Kill()
	_, rest, _ := strings.Cut(string(text), "\n")
	text = fmt.Appendf(nil, "%d\n%s", stranger.Process.Pid, rest)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.owner.own(file); err != nil {
		t.Fatal(err)
	}
	postgres(t, open(t, dir))
	if commandLine(stranger.Process.Pid) == "" {
		t.Error("the stranger was killed")
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
