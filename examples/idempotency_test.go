package examples_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// The server counts, and then its reply is lost. go-redis tries again unless it
// is told not to: it can't know that the first try was carried out.
func Example_lostReply() {
	for _, retries := range []int{0, -1} { // 0 is the library's default, three retries; -1 is none
		counter := &lossyRedis{lose: 1}
		client := redis.NewClient(&redis.Options{
			Dialer: counter.dial, MaxRetries: retries, MinRetryBackoff: -1,
			Protocol: 2, DisableIdentity: true,
		})
		said, err := client.Incr(context.Background(), "views").Result()
		fmt.Printf("one increment: %d replied, %v; %d at the server\n", said, err, counter.value.Load())
		_ = client.Close()
	}
	// Output:
	// one increment: 2 replied, <nil>; 2 at the server
	// one increment: 0 replied, EOF; 1 at the server
}

// net/http tries a POST again by itself, on another connection, if a header says
// that this is harmless. Whether it is, is for the server to see to.
func Example_idempotencyKey() {
	for _, key := range []string{"", "a-key-of-this-comment"} {
		server := &lossyHTTP{}
		client := http.Client{Transport: &http.Transport{DialContext: server.dial}}
		_, _ = post(&client, "the first", "") // the transport blames a connection only if it has worked before
		said, err := post(&client, "the second", key)
		fmt.Printf("%q answered, failed %v; received %d times, with %d keys\n", said, err != nil, server.received, len(server.keys))
		client.CloseIdleConnections()
	}
	// Output:
	// "" answered, failed true; received 1 times, with 0 keys
	// "thanks" answered, failed false; received 2 times, with 1 keys
}

func post(client *http.Client, text, key string) (string, error) {
	r, err := http.NewRequest(http.MethodPost, "http://blog.example/comments", strings.NewReader(text))
	if err != nil {
		return "", err
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := client.Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(res.Body)
	return string(said), err
}

// A lossyHTTP is a server at the other end of a pipe. It loses its reply to the
// second request: the connection ends in its place.
type lossyHTTP struct {
	mu             sync.Mutex
	seen, received int // of all requests, of those after the first
	keys           map[string]bool
}

func (s *lossyHTTP) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer func() { _ = far.Close() }()
		for in := bufio.NewReader(far); ; {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			if s.loses(r.Header.Get("Idempotency-Key")) {
				return
			}
			_, _ = io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks")
		}
	}()
	return near, nil
}

// loses notes a request, and reports whether its reply is lost.
func (s *lossyHTTP) loses(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen++; s.seen == 1 {
		return false
	}
	s.received++
	if key != "" {
		s.keys = map[string]bool{key: true}
	}
	return s.seen == 2
}

// A lossyRedis knows one command, INCR, and loses its first replies to that.
type lossyRedis struct {
	value atomic.Int64
	lose  int64
}

func (s *lossyRedis) dial(context.Context, string, string) (net.Conn, error) {
	near, far, err := loopback() // a pipe would tell of its end before the client reads
	if err != nil {
		return nil, err
	}
	go func() {
		defer func() { _ = far.Close() }()
		for in := bufio.NewScanner(far); in.Scan(); {
			words := 0
			_, _ = fmt.Sscanf(in.Text(), "*%d", &words)
			name := ""
			for range words { // each its length, and then itself
				in.Scan()
				in.Scan()
				name = cmp.Or(name, in.Text())
			}
			if !strings.EqualFold(name, "incr") {
				_, _ = io.WriteString(far, "-ERR unknown command\r\n") // greetings
				continue
			}
			value := s.value.Add(1)
			if value <= s.lose {
				return
			}
			_, _ = fmt.Fprintf(far, ":%d\r\n", value)
		}
	}()
	return near, nil
}

// loopback returns both ends of a connection of this machine with itself.
func loopback() (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = l.Close() }()
	if near, err = net.Dial("tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	far, err = l.Accept()
	return near, far, err
}
