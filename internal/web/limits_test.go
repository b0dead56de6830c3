package web

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"afloat/internal/policy"
)

// limited starts a server with the policy's limits, its times cut short so that
// the test sees them end. Without one of them its connection would stay open,
// which the test waits for in vain.
func limited(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	const soon = 200 * time.Millisecond
	p := policy.Serve()
	if min(p.ReadHeaderTimeout, p.ReadTimeout, p.WriteTimeout, p.IdleTimeout) <= 0 || p.MaxHeaderBytes <= 0 || p.MaxFormBytes <= 0 {
		t.Fatalf("a limit is missing: %+v", p)
	}
	if p.WriteTimeout <= p.LongPoll {
		t.Errorf("a poll of %v is cut off after %v", p.LongPoll, p.WriteTimeout)
	}
	p.ReadHeaderTimeout, p.ReadTimeout, p.WriteTimeout, p.IdleTimeout = soon, 2*soon, 3*soon, soon
	s := httptest.NewUnstartedServer(h)
	s.Config = HTTPServer(h, p, slog.New(slog.DiscardHandler))
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// dial opens a connection that gives up after a hopeless wait only.
func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c := must(net.Dial("tcp", addr))(t)
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// ends waits until the other side ends the connection.
func ends(t *testing.T, c net.Conn) []byte {
	t.Helper()
	said, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the connection stays open; said so far: %q", said)
	}
	return said
}

func TestSlowHeaderIsCutOff(t *testing.T) {
	c := dial(t, limited(t, func(http.ResponseWriter, *http.Request) { t.Error("half a header was answered") }))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ")
	ends(t, c)
}

func TestSlowBodyIsCutOff(t *testing.T) {
	read := make(chan error, 1)
	c := dial(t, limited(t, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	}))
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nauthor=")
	ends(t, c)
	if err := <-read; err == nil {
		t.Error("the handler took a part of the body for all of it")
	}
}

func TestIdleConnectionIsClosed(t *testing.T) {
	c := dial(t, limited(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if said := ends(t, c); !bytes.HasPrefix(said, []byte("HTTP/1.1 204")) {
		t.Errorf("%q", said)
	}
}

func TestReaderWhoStopsReadingIsLetGo(t *testing.T) {
	let := make(chan error, 1)
	c := dial(t, limited(t, func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for chunk := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(chunk)
		}
		let <- err
	}))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	select {
	case <-let:
	case <-time.After(20 * time.Second):
		t.Error("a page is kept for a reader who does not read it")
	}
}

func TestLargeHeaderIsRefused(t *testing.T) {
	c := dial(t, limited(t, func(http.ResponseWriter, *http.Request) { t.Error("it was answered") }))
	go fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Large: %s\r\n\r\n", strings.Repeat("a", 64<<10)) // it is cut off meanwhile
	line := must(bufio.NewReader(c).ReadString('\n'))(t)
	if !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("%q", line)
	}
}

func TestLargeBodyIsRefused(t *testing.T) {
	w := newWorld(t)
	b := w.start(t)
	large := "body=" + strings.Repeat("a", int(policy.Serve().MaxFormBytes))
	for path, want := range map[string]int{"/posts/" + w.articles[0].Slug + "/comments": 413, "/lab/faults": 400} {
		got := b.do(t, http.MethodPost, path, large, "Content-Type", isForm)
		if got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
		leaksNothing(t, b, got)
	}
}
