package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A port stays a child's own while no child runs: it is not found free, and
// who connects in between is answered by the next one.
func TestSocketIsHeldBetweenChildren(t *testing.T) {
	s, err := openSocket("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openSocket(s.addr); err == nil {
		t.Fatalf("%s can be taken by another while it waits for its child", s.addr)
	}
	early, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()

	copied, err := net.FileListener(s.file) // as the child does with its descriptor 3
	if err != nil {
		t.Fatal(err)
	}
	child := httptest.NewUnstartedServer(http.NotFoundHandler())
	child.Listener = copied
	child.Start()
	defer child.Close()
	if _, err := early.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 12)
	if _, err := early.Read(answer); err != nil || string(answer) != "HTTP/1.0 404" {
		t.Errorf("who connected before the child started got %q, %v", answer, err)
	}
}

func TestListeningOnWhatIsNoSocket(t *testing.T) {
	_, err := blog(t, env{}, "serve", "-listen-fd", "999")
	if err == nil || !strings.Contains(err.Error(), "-listen-fd 999") {
		t.Errorf("serve -listen-fd 999: %v", err)
	}
}
