package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/local"
	"afloat/internal/testenv"
)

// TestMain runs the tests; or, called with a subcommand, it is the blog. That
// is how the blog under test finds itself when it starts its own children.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		main()
		return
	}
	os.Exit(testenv.Main(m))
}

// env is an environment; what it doesn't name is unset.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// blog runs a subcommand in this process.
func blog(t *testing.T, e env, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := run(t.Context(), args, e.get, &out)
	return out.String(), err
}

// output is what a blog says on its console.
type output struct{ testenv.Buffer }

var address = regexp.MustCompile(`Afloat is on (http://\S+)`)

// url waits until the console says where the blog is.
func (o *output) url(t *testing.T) string {
	t.Helper()
	eventually(t, "the blog's address on its console", func() bool { return address.MatchString(o.String()) })
	return address.FindStringSubmatch(o.String())[1]
}

// server is a blog that runs in this process.
type server struct {
	url     string
	console *output
	stop    context.CancelFunc // as SIGTERM does
	done    chan error
}

// serveHere starts a blog without the lab on a free port. It is stopped when the test
// ends, and must then end without an error.
func serveHere(t *testing.T, e env, flags ...string) *server {
	t.Helper()
	all := env{"ADDR": "127.0.0.1:0", "LAB": "off", "DATA_DIR": dataDir(t), "RECOMMENDATIONS_URL": nowhere(t, "http")}
	for name, value := range e {
		all[name] = value
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &server{console: &output{}, stop: stop, done: make(chan error, 1)}
	go func() { s.done <- run(ctx, append([]string{"serve"}, flags...), all.get, s.console) }()
	t.Cleanup(func() {
		stop()
		if err := <-s.done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	s.url = s.console.url(t)
	return s
}

// program starts the blog as a process of its own, on a free port.
func program(t *testing.T, exe string, environ ...string) (*exec.Cmd, *output) {
	t.Helper()
	console := &output{}
	cmd := exec.Command(exe, "serve")
	cmd.Env = append([]string{"ADDR=127.0.0.1:0"}, environ...)
	cmd.Stdout, cmd.Stderr = console, console
	cmd.WaitDelay = time.Minute // its children hold the same console
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // an error means that the test has ended it
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("console:\n%s", console)
		}
	})
	return cmd, console
}

// dataDir is a data directory that the servers' user can enter, which t.TempDir is not for root.
func dataDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for at := dir; os.Geteuid() == 0 && at != os.TempDir(); at = filepath.Dir(at) {
		if err := os.Chmod(at, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// nowhere is a URL where nobody listens.
func nowhere(t *testing.T, scheme string) string {
	t.Helper()
	return scheme + "://" + freeAddr(t)
}

// freeAddr is an address on the loopback with a port that no outgoing
// connection is given.
func freeAddr(t *testing.T) string {
	t.Helper()
	port, err := local.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// eventually waits for a condition; the limit only ends a hopeless wait.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for began := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// get returns a page's status and text; status 0 means that nobody answered.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	return answer(t)(http.Get(url))
}

func post(t *testing.T, url string, form url.Values) (int, string) {
	t.Helper()
	return answer(t)(http.PostForm(url, form))
}

func answer(t *testing.T) func(*http.Response, error) (int, string) {
	return func(res *http.Response, err error) (int, string) {
		t.Helper()
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		if err != nil {
			t.Errorf("%s: %v", res.Request.URL, err)
		}
		return res.StatusCode, string(text)
	}
}

func shipped(t *testing.T) []content.Article {
	t.Helper()
	articles, err := content.Load(afloat.Content(), nil)
	if err != nil || len(articles) == 0 {
		t.Fatalf("shipped articles: %d, %v", len(articles), err)
	}
	return articles
}

// state is what a page says of one of its parts.
func state(page, part string) string {
	found := regexp.MustCompile(`data-part="`+part+`" data-state="(\w+)"`).FindAllStringSubmatch(page, -1)
	if len(found) == 0 {
		return "absent"
	}
	return found[len(found)-1][1] // a streamed part comes after its placeholder
}
