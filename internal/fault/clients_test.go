package fault

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestHTTPClientMeetsGenuineErrors(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	}))
	defer web.Close()
	l := testLink(t, 0.1)
	transport := &http.Transport{DialContext: l.Dialer(dialer), DisableKeepAlives: false}
	defer transport.CloseIdleConnections()
	get := func(timeout time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, web.URL, nil)
		response, err := (&http.Client{Transport: transport}).Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && string(body) != "hello" {
			err = fmt.Errorf("got %q", body)
		}
		return err
	}
	const long = time.Minute
	for _, step := range []struct {
		name    string
		fault   Fault
		timeout time.Duration
		want    error
	}{
		{"healthy", Fault{}, long, nil},
		{"hang, on a live connection", Fault{Kind: Hang}, 20 * time.Millisecond, context.DeadlineExceeded},
		{"hang, on a new connection", Fault{Kind: Hang}, 20 * time.Millisecond, context.DeadlineExceeded},
		{"healthy again", Fault{}, long, nil},
		{"slow", Fault{Kind: Slow, Latency: time.Millisecond}, long, nil},
		{"too slow", Fault{Kind: Slow, Latency: time.Hour}, 20 * time.Millisecond, context.DeadlineExceeded},
		{"refuse", Fault{Kind: Refuse}, long, syscall.ECONNREFUSED},
		{"reset", Fault{Kind: Reset}, long, syscall.ECONNRESET},
		{"flaky", Fault{Kind: Flaky, Rate: 1}, long, syscall.ECONNRESET},
		{"healthy at last", Fault{}, long, nil},
	} {
		l.change(step.fault, nil)
		if err := get(step.timeout); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.name, err, step.want)
		}
	}
}

// go-redis looks at an idle connection's socket before it uses it.
func TestSocketOfAnIdleConnection(t *testing.T) {
	l, s := testLink(t), newServer(t)
	client, peer := s.dial(t, l)
	peek := func() (n int, err error) {
		if err := client.SetDeadline(time.Time{}); err != nil {
			return 0, err
		}
		raw, err := client.(syscall.Conn).SyscallConn()
		if err != nil {
			return 0, err
		}
		var errno error
		err = raw.Read(func(fd uintptr) bool {
			n, _, errno = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			return true
		})
		return n, errors.Join(err, errno)
	}
	for _, f := range []Fault{{}, {Kind: Hang}, {Kind: Slow, Latency: time.Hour}, {Kind: Flaky, Rate: 1}, {}} {
		l.change(f, nil)
		if _, err := peek(); !errors.Is(err, syscall.EAGAIN) {
			t.Errorf("%q: got %v, want EAGAIN as from a live idle socket", f.Kind, err)
		}
	}
	write(t, peer, "x")
	read(t, client, "x")
	l.Set(Fault{Kind: Reset})
	if _, err := peek(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v, want ECONNRESET", err)
	}
	l.Clear()
	client, peer = s.dial(t, l)
	peer.Close()
	if err := readByte(client); err != io.EOF {
		t.Fatal(err)
	}
	if n, err := peek(); n != 0 || err != nil {
		t.Errorf("got %d, %v; want the end of the stream", n, err)
	}
}

// Faults that break nothing must lose, repeat and reorder nothing, however they come and go.
func TestNothingIsLostWhileFaultsComeAndGo(t *testing.T) {
	l, s := testLink(t), newServer(t)
	l.random = rand.Float64
	const lines = 2000
	var clients, switching sync.WaitGroup
	for range 3 {
		client, peer := s.dial(t, l)
		clients.Go(func() { echo(peer) })
		clients.Go(func() {
			for i := range lines {
				if i%3 == 0 {
					client.SetWriteDeadline(time.Now().Add(time.Hour))
				}
				fmt.Fprintf(client, "line %d\n", i)
			}
		})
		clients.Go(func() {
			defer client.Close()
			replies := bufio.NewReader(client)
			for i := 0; i < lines; {
				if i%2 == 0 {
					client.SetReadDeadline(time.Now().Add(time.Millisecond))
				}
				line, err := replies.ReadString('\n')
				for errors.Is(err, os.ErrDeadlineExceeded) {
					client.SetReadDeadline(time.Now().Add(time.Hour))
					var more string
					more, err = replies.ReadString('\n')
					line += more
				}
				if want := fmt.Sprintf("line %d\n", i); err != nil || line != want {
					t.Errorf("got %q, %v; want %q", line, err, want)
					return
				}
				i++
			}
		})
	}
	stop := make(chan struct{})
	switching.Go(func() {
		faults := []Fault{{Kind: Hang}, {}, {Kind: Slow, Latency: 10 * time.Microsecond}, {Kind: Flaky}, {Kind: Hang}, {Kind: Flaky}}
		for i := 0; ; i++ {
			select {
			case <-stop:
				l.Clear()
				return
			default:
			}
			f := faults[i%len(faults)]
			f.Until = time.Now().Add(time.Duration(rand.IntN(500)+1) * time.Microsecond)
			l.change(f, nil)
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
		}
	})
	clients.Wait()
	close(stop)
	switching.Wait()
}

// Clients in plenty, each fault in turn, dials included: for the race detector, and so that nothing stays stuck.
func TestEveryFaultUnderLoad(t *testing.T) {
	l, addr := testLink(t), echoServer(t)
	l.random = rand.Float64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				if conn, err := l.Dialer(dialer)(ctx, "tcp", addr); err == nil {
					for range 5 {
						conn.SetDeadline(time.Now().Add(5 * time.Millisecond))
						if _, err := io.WriteString(conn, "ping\n"); err != nil {
							break
						}
						if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
							break
						}
					}
					conn.Close()
				}
				cancel()
			}
		})
	}
	for i := range 300 {
		l.Set(Fault{Kind: Kinds[i%len(Kinds)], Latency: 100 * time.Microsecond, Rate: 0.3, Until: time.Now().Add(time.Second)})
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
		if i%7 == 0 {
			l.Clear()
		}
	}
	l.Clear()
	close(stop)
	clients.Wait()
	if len(l.conns) != 0 {
		t.Errorf("%d closed connections are not forgotten", len(l.conns))
	}
	client, err := l.Dialer(dialer)(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write(t, client, "ping\n")
	read(t, client, "ping\n")
}

func TestHealthyLinkAllocatesNothing(t *testing.T) {
	l, addr := testLink(t), echoServer(t)
	client, err := l.Dialer(dialer)(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	buf := []byte("ping\n")
	if allocs := testing.AllocsPerRun(100, func() {
		client.Write(buf)
		io.ReadFull(client, buf)
	}); allocs != 0 {
		t.Errorf("%v allocations an exchange", allocs)
	}
}

// BenchmarkHealthyLink makes exchanges on a bare connection and on one through a healthy link, in turns, so that both
// meet the same machine; "ratio" is the time of the second over that of the first.
func BenchmarkHealthyLink(b *testing.B) {
	l, addr := testLink(b), echoServer(b)
	var took [2]time.Duration
	var conns [2]net.Conn
	for i, dial := range []DialFunc{dialer, l.Dialer(dialer)} {
		conn, err := dial(b.Context(), "tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		conns[i] = conn
	}
	buf := make([]byte, 512)
	const turn = 100
	for n := 0; b.Loop(); n++ {
		i := n / turn % 2
		start := time.Now()
		if _, err := conns[i].Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conns[i], buf); err != nil {
			b.Fatal(err)
		}
		took[i] += time.Since(start)
	}
	if b.N >= 2*turn {
		b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	}
}
