package browser

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"afloat/internal/testenv"
)

// patience only ends a hopeless wait: the machine may be busy.
const patience = 60 * time.Second

// Articles that are shipped. Starting a blog reads first; the others have not
// been read then, so that no copy of what stands around them is in memory.
const (
	first  = "/posts/how-available-is-this-page"
	second = "/posts/what-may-fail"
	third  = "/posts/try-try-again"
	fourth = "/posts/is-old-good-enough"
)

// blog is the program as it runs, with its recommendations service and its
// naive twin.
type blog struct {
	t                   *testing.T
	url, twin, database string
}

// startBlog runs the program until the test ends, and waits until everything
// on its pages is there.
func startBlog(t *testing.T, env ...string) *blog {
	t.Helper()
	b := launch(t, func(b *blog) bool { return b.twin != "" }, env...)
	until(t, "the articles are published and similar ones are known", func() bool {
		_, body := b.get(b.url + first)
		return whole.MatchString(body) && strings.Count(body, "/posts/") > 4
	})
	until(t, "the twin runs", func() bool {
		status, _ := b.get(b.twin + "/about")
		return status == http.StatusOK
	})
	return b
}

// startWithoutLab runs it as one would where strangers come by: nobody can break anything, and there is no twin.
func startWithoutLab(t *testing.T) *blog {
	t.Helper()
	b := launch(t, func(b *blog) bool { return b.url != "" }, "LAB=off")
	until(t, "the articles are published", func() bool {
		status, _ := b.get(b.url + first)
		return status == http.StatusOK
	})
	return b
}

// launch runs the program until the test ends, and returns when its console has said enough.
func launch(t *testing.T, enough func(*blog) bool, env ...string) *blog {
	t.Helper()
	database := testenv.Postgres(t)
	cmd := exec.Command(binary)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "ADDR=127.0.0.1:0", "DATA_DIR=" + t.TempDir(),
		"DATABASE_URL=" + database, "REDIS_URL=" + testenv.Redis(t),
	}
	cmd.Env = append(cmd.Env, env...)
	var log testenv.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already is what Wait tells
		if err := cmd.Wait(); err != nil {
			t.Errorf("the blog ended with %v", err)
		}
		if t.Failed() {
			t.Log("the blog's log:\n" + log.String())
		}
	})
	b := &blog{t: t, database: database}
	console := bufio.NewScanner(out)
	for !enough(b) && console.Scan() {
		if u, found := strings.CutPrefix(console.Text(), "Afloat is on "); found {
			b.url = u
		}
		if u, found := strings.CutPrefix(strings.TrimSpace(console.Text()), "Naive twin"); found {
			b.twin = strings.TrimSpace(u)
		}
	}
	if !enough(b) {
		t.Fatalf("the console names no address (%v)", console.Err())
	}
	return b
}

var whole = regexp.MustCompile(`(?s)data-part="post" data-state="(fresh|cached)".*data-part="comments" data-state="(fresh|cached)".*data-part="recommendations" data-state="(fresh|cached)"[^>]*>.*<ul class="links">`)

func (b *blog) get(u string) (status int, body string) {
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.answer(req)
}

// answer is what came within the request's time: a status of 0 is no answer, and no body one that broke off.
func (b *blog) answer(req *http.Request) (status int, body string) {
	res, err := client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, ""
	}
	return res.StatusCode, string(text)
}

// client follows no redirects: where they lead is the browser's to find out.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{DisableKeepAlives: true},
}

// fault puts a fault on a link, as a script would; "healthy" ends it.
func (b *blog) fault(link, kind string) {
	b.t.Helper()
	b.post("/lab/faults", url.Values{"link": {link}, "kind": {kind}, "for": {"10m"}}, http.StatusOK)
}

// post sends a form and returns where the answer leads.
func (b *blog) post(path string, form url.Values, want int) (location string) {
	b.t.Helper()
	res, err := client.PostForm(b.url+path, form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != want {
		text, _ := io.ReadAll(res.Body)
		b.t.Fatalf("POST %s: %s\n%s", path, res.Status, text)
	}
	return res.Header.Get("Location")
}

// until waits for a condition.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !true() {
		select {
		case <-ctx.Done():
			t.Fatalf("in vain: waited until %s", what)
		case <-time.After(25 * time.Millisecond):
		}
	}
}
