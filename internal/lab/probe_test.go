package lab

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"afloat/internal/fault"
)

var dialer = fault.DialFunc((&net.Dialer{}).DialContext)

// serve starts a loopback server that handles each connection, and returns its address.
func serve(t *testing.T, handle func(net.Conn)) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// free returns an address on which nobody listens.
func free(t *testing.T) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func postgresAt(t *testing.T) (addr string) {
	return serve(t, func(conn net.Conn) {
		request := make([]byte, 8)
		if _, err := io.ReadFull(conn, request); err == nil && string(request) == "\x00\x00\x00\x08\x04\xd2\x16\x2f" {
			io.WriteString(conn, "N")
		}
		io.Copy(io.Discard, conn)
	})
}

func redisAt(t *testing.T) (addr string) {
	return serve(t, func(conn net.Conn) {
		if line, _ := bufio.NewReader(conn).ReadString('\n'); line == "PING\r\n" {
			io.WriteString(conn, "-NOAUTH Authentication required.\r\n")
		}
	})
}

func TestProbesMeetTheFaultOfTheirLink(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	web := httptest.NewServer(page)
	defer web.Close()
	link := fault.NewLink("test")
	defer link.Close()
	dial := link.Dialer(dialer)
	for name, probe := range map[string]Probe{
		"postgres": PostgresProbe("postgres://u:p@"+postgresAt(t)+"/blog?sslmode=prefer", dial),
		"redis":    RedisProbe("redis://:p@"+redisAt(t)+"/0", dial),
		"http":     HTTPProbe(web.URL+"/similar?slug=x", dial),
	} {
		for kind, want := range map[fault.Kind]error{
			"":           nil,
			fault.Refuse: syscall.ECONNREFUSED,
			fault.Reset:  syscall.ECONNRESET,
			fault.Flaky:  syscall.ECONNRESET,
			fault.Hang:   context.DeadlineExceeded,
			fault.Slow:   nil,
		} {
			link.Clear()
			if kind != "" {
				link.Set(fault.Fault{Kind: kind, Latency: time.Millisecond, Rate: 1})
			}
			ctx, cancel := context.WithCancel(t.Context())
			if kind == fault.Hang {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
			}
			if err := probe(ctx); !errors.Is(err, want) {
				t.Errorf("%s, %q: got %v, want %v", name, kind, err, want)
			}
			cancel()
		}
	}
}

// A link that begins to hang after the dial must not outlast the probe's context either.
func TestProbeEndsWithItsContext(t *testing.T) {
	silent := serve(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := RedisProbe("redis://"+silent, dialer)(ctx); !isSilent(err) {
		t.Errorf("got %v, want a timeout", err)
	}
}

func TestPostgresProbeTakesTheFirstHostThatAccepts(t *testing.T) {
	dead, live := free(t), postgresAt(t)
	if err := PostgresProbe("postgres://u:p@"+dead+","+live+"/blog", dialer)(t.Context()); err != nil {
		t.Errorf("got %v, want the second host's answer", err)
	}
	var dialed []string
	count := func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = append(dialed, addr)
		return dialer(ctx, network, addr)
	}
	if err := PostgresProbe("postgres://u:p@"+dead+"/blog", count)(t.Context()); !isRefused(err) || len(dialed) != 1 {
		t.Errorf("got %v after dialing %q, want one refusal", err, dialed)
	}
}

// One server that hangs is not the link: the probe after it asks the next one.
func TestProbesGoOnToTheNextServer(t *testing.T) {
	silent := serve(t, func(conn net.Conn) { io.Copy(io.Discard, conn) })
	for name, probe := range map[string]Probe{
		"postgres": PostgresProbe("postgres://u:p@"+silent+","+postgresAt(t)+"/blog?sslmode=disable", dialer),
		"redis":    RedisProbe("redis://:p@"+silent+"/0?addr="+redisAt(t)+"&master_name=afloat", dialer),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := probe(ctx); !isSilent(err) {
			t.Errorf("%s: %v, want the first server's silence", name, err)
		}
		cancel()
		for range 2 {
			if err := probe(t.Context()); err != nil {
				t.Errorf("%s: %v, want the second server's answer", name, err)
			}
		}
	}
}

func TestTLSHandshakeIsAnExchange(t *testing.T) {
	web := httptest.NewUnstartedServer(http.NotFoundHandler())
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // it minds the handshake that fails
	web.StartTLS()
	defer web.Close()
	err := HTTPProbe(web.URL, dialer)(t.Context())
	if err == nil || isRefused(err) || isReset(err) || isSilent(err) {
		t.Errorf("got %v, want a certificate that isn't trusted", err)
	}
}

func TestProbeOfABrokenURL(t *testing.T) {
	for name, probe := range map[string]Probe{
		"postgres": PostgresProbe("postgres://u:p@host:port/blog", dialer),
		"redis":    RedisProbe("mysql://host", dialer),
		"sentinel": RedisProbe("redis://host?master_name=a&addr=nowhere", dialer),
		"http":     HTTPProbe("not a url", dialer),
	} {
		if err := probe(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
