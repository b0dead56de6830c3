package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/redis/go-redis/v9"

	"afloat/internal/fault"
)

// A Probe dials a fresh connection through a link and makes exactly one exchange on it. Any answer will do, even an
// error of the dependency's, since it is the link that is probed. So a flaky link's share of failures is met as it was
// set, and of a slow link's two waits, in the dial and in the exchange, only the second is timed.
//
// A Probe ends when ctx ends.
type Probe func(ctx context.Context) error

// PostgresProbe asks whether the server offers TLS, the one question that needs no login. Of several hosts in the URL,
// which may be anything that libpq takes, the first that accepts the dial is asked; see exchange.
func PostgresProbe(databaseURL string, dial fault.DialFunc) Probe {
	config, err := pgconn.ParseConfig(databaseURL)
	if err != nil {
		return broken(err)
	}
	var addrs []target
	for _, host := range append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port}}, config.Fallbacks...) {
		network, addr := pgconn.NetworkAddress(host.Host, host.Port)
		if t := (target{network, addr}); !slices.Contains(addrs, t) { // with sslmode=prefer each host comes twice
			addrs = append(addrs, t)
		}
	}
	sslRequest := []byte{0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f} // length 8, code 80877103; the answer is one byte
	return exchange(dial, sslRequest, nil, addrs...)
}

// RedisProbe sends a PING, which a server that wants a password answers too. Where the URL is one of sentinels, they are
// on the link as Redis is, and one of them is asked.
func RedisProbe(redisURL string, dial fault.DialFunc) Probe {
	if u, err := url.Parse(redisURL); err == nil && u.Query().Has("master_name") {
		options, err := redis.ParseFailoverURL(redisURL)
		if err != nil {
			return broken(err)
		}
		var addrs []target
		for _, addr := range options.SentinelAddrs {
			addrs = append(addrs, target{"tcp", addr})
		}
		return exchange(dial, []byte("PING\r\n"), options.TLSConfig, addrs...)
	}
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return broken(err)
	}
	return exchange(dial, []byte("PING\r\n"), options.TLSConfig, target{options.Network, options.Addr})
}

// HTTPProbe asks for the head of a page. Of several servers, the others by their base URLs, the first that accepts the
// dial is asked.
func HTTPProbe(pageURL string, dial fault.DialFunc, others ...string) Probe {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodHead, pageURL, nil) // only its bytes are used
	if err != nil {
		return broken(err)
	}
	request.Close = true
	var wire bytes.Buffer
	if err := request.Write(&wire); err != nil {
		return broken(err)
	}
	var config *tls.Config
	if request.URL.Scheme == "https" {
		config = &tls.Config{ServerName: request.URL.Hostname()}
	}
	addrs := []target{webTarget(request.URL)}
	for _, other := range others {
		u, err := url.Parse(other)
		if err != nil {
			return broken(err)
		}
		addrs = append(addrs, webTarget(u))
	}
	return exchange(dial, wire.Bytes(), config, addrs...)
}

func webTarget(u *url.URL) target {
	port := "80"
	if u.Scheme == "https" {
		port = "443"
	}
	return target{"tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))}
}

// broken is the probe of a dependency whose URL says nowhere to go.
func broken(err error) Probe {
	err = fmt.Errorf("no probe: %w", err)
	return func(context.Context) error { return err }
}

type target struct{ network, addr string }

// exchange returns a probe that sends request to the first of addrs that accepts the dial, and awaits the first byte
// of an answer. Where config isn't nil a TLS handshake is the exchange instead.
//
// One that accepts and is silent, or takes up the whole time of a dial, is one server's trouble and not yet the link's:
// the next probe begins with the address after it.
func exchange(dial fault.DialFunc, request []byte, config *tls.Config, addrs ...target) Probe {
	var first atomic.Int64
	return func(ctx context.Context) error {
		start := int(first.Load())
		tried, err := exchangeOnce(ctx, dial, request, config, append(slices.Clone(addrs[start:]), addrs[:start]...))
		if err != nil {
			first.Store(int64(start+tried) % int64(len(addrs)))
		}
		return err
	}
}

// exchangeOnce also returns how many addresses it has come to.
func exchangeOnce(ctx context.Context, dial fault.DialFunc, request []byte, config *tls.Config, addrs []target) (tried int, err error) {
	conn, tried, err := dialFirst(ctx, dial, addrs)
	if err != nil {
		return tried, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // wakes a blocked Read
	defer stop()
	restartStopwatch(ctx)
	if config != nil {
		return tried, tls.Client(conn, config).HandshakeContext(ctx)
	}
	if _, err := conn.Write(request); err != nil {
		return tried, err
	}
	_, err = conn.Read(make([]byte, 1))
	return tried, err
}

func dialFirst(ctx context.Context, dial fault.DialFunc, addrs []target) (_ net.Conn, tried int, failed error) {
	for _, t := range addrs {
		conn, err := dial(ctx, t.network, t.addr)
		tried++
		if err == nil {
			return conn, tried, nil
		}
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, tried, failed
}

// A stopwatch times a probe; it travels in the probe's context, so that a probe which has dialed can start it again.
type stopwatch struct{ start time.Time }

type stopwatchKey struct{}

func restartStopwatch(ctx context.Context) {
	if watch, ok := ctx.Value(stopwatchKey{}).(*stopwatch); ok {
		watch.start = time.Now()
	}
}

// timed makes one exchange and says how long it took, or how long it took to fail.
func timed(ctx context.Context, probe Probe) sight {
	watch := &stopwatch{start: time.Now()}
	err := probe(context.WithValue(ctx, stopwatchKey{}, watch))
	return sight{took: time.Since(watch.start), err: err}
}
