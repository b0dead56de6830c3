package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/policy"
	"afloat/internal/testenv"
)

// TestRedisIsAskedAsSoonAsItIsBack: however many dials have failed before,
// whether to ask is the guard's decision, and no count of the library's.
func TestRedisIsAskedAsSoonAsItIsBack(t *testing.T) {
	down := true
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if down {
			return nil, syscall.ECONNREFUSED
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	p := policy.Afloat().RedisLib
	client := must(OpenRedis(testenv.Redis(t), dial, p))(t)
	defer client.Close()
	for range 2 * p.PoolSize {
		if err := client.Ping(t.Context()).Err(); err == nil {
			t.Fatal("answered while it was down")
		}
	}
	down = false
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("back, and not asked: %v", err)
	}
}

// TestNobodyIsGivenADialThatFailedForAnother: what a caller dialled and no longer waits for is the next caller's, who
// comes when Redis is back.
func TestNobodyIsGivenADialThatFailedForAnother(t *testing.T) {
	const callers = 3
	var back atomic.Bool
	began, fail := make(chan struct{}), make(chan struct{})
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		if back.Load() {
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}
		began <- struct{}{}
		<-fail
		return nil, syscall.ETIMEDOUT
	}
	client := must(OpenRedis(testenv.Redis(t), dial, policy.Afloat().RedisLib))(t)
	defer client.Close()
	for range callers {
		ctx, giveUp := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- client.Ping(ctx).Err() }()
		<-began
		giveUp()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v; want context.Canceled", err)
		}
	}
	close(fail)
	for client.PoolStats().IdleConns != callers {
		time.Sleep(time.Millisecond)
	}
	back.Store(true)
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Errorf("back, and the call has another's error: %v", err)
	}
}

// TestRedisOverTLS: what rediss:// says is done, by a dialer of our own too.
func TestRedisOverTLS(t *testing.T) {
	plain := must(redis.ParseURL(testenv.Redis(t)))(t)
	certified := httptest.NewTLSServer(nil) // for its certificate, which no machine trusts
	certified.Close()
	front := must(tls.Listen("tcp", "127.0.0.1:0", certified.TLS))(t)
	defer front.Close()
	go func() {
		for {
			c, err := front.Accept()
			if err != nil {
				return
			}
			go relay(c, plain.Addr)
		}
	}()
	location := (&url.URL{Scheme: "rediss", User: url.UserPassword(plain.Username, plain.Password), Host: front.Addr().String()}).String()

	p := policy.Afloat().RedisLib
	p.DialTimeout, p.ReadTimeout = time.Minute, time.Minute // a handshake under the race detector takes its time
	trusting := must(OpenRedis(location+"?skip_verify=true", dialer, p))(t)
	defer trusting.Close()
	if err := trusting.Ping(t.Context()).Err(); err != nil {
		t.Errorf("over TLS: %v", err)
	}
	careful := must(OpenRedis(location, dialer, p))(t)
	defer careful.Close()
	var unknown x509.UnknownAuthorityError
	if err := careful.Ping(t.Context()).Err(); !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
}

// relay joins a connection to a server, until either ends.
func relay(c net.Conn, addr string) {
	defer c.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(server, c) }() // either end's errors end the other
	_, _ = io.Copy(c, server)
}
