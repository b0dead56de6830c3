package local

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// redisConfig is read from a file of the server's user alone, for a command line is everyone's to see. Beside a cache and
// counters the outbox lies there, comments that their writers were told are kept. So a write is on the disk before it is
// answered, and a full Redis refuses instead of forgetting.
const redisConfig = `bind 127.0.0.1
port %d
requirepass %s
dir %q
appendonly yes
appendfsync always
save ""
maxmemory 128mb
maxmemory-policy noeviction
# The command line as it was started is what a leftover is recognised by.
set-proc-title no
`

// Redis starts the private Redis and returns its URL. The port stays the same for as long as the Home is open. After an
// error it may be called again.
func (h *Home) Redis(ctx context.Context) (string, error) {
	if err := h.missing("Redis"); err != nil {
		return "", err
	}
	port, err := FreePort()
	if err != nil {
		return "", err
	}
	dir, password := filepath.Join(h.dir, "redis"), rand.Text()
	config := filepath.Join(dir, "redis.conf")
	if err := h.owner.makeDir(dir); err != nil {
		return "", fmt.Errorf("make the Redis data directory: %w", err)
	}
	if err := h.writePrivate(config, fmt.Appendf(nil, redisConfig, port, password, dir), h.owner); err != nil {
		return "", fmt.Errorf("write the Redis configuration: %w", err)
	}
	location := url.URL{Scheme: "redis", User: url.UserPassword("default", password), Host: fmt.Sprintf("127.0.0.1:%d", port)}
	c := h.newChild("redis", syscall.SIGTERM, dir, func() (*exec.Cmd, error) {
		cmd := exec.Command(h.tools().Redis, config)
		h.asServer(cmd, dir)
		return cmd, nil
	})
	if err := h.start(ctx, c, func(ctx context.Context) error { return ping(ctx, location) }); err != nil {
		return "", err
	}
	return location.String(), h.Note(func(r *Running) { r.RedisURL = location.String() })
}

// FreePort picks a loopback port below those that outgoing connections are given: while a child is down nobody takes it.
func FreePort() (int, error) {
	const first, count = 20000, 10000
	var err error
	for range count {
		port := first + mathrand.IntN(count)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free loopback port: %w", err)
}

// ping answers nil once Redis has loaded its data and takes our password. It speaks the protocol's inline form, for
// go-redis logs each refused attempt on the console.
func ping(ctx context.Context, location url.URL) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", location.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	password, _ := location.User.Password()
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nPING\r\n", password); err != nil {
		return err
	}
	for replies := bufio.NewReader(conn); ; {
		line, err := replies.ReadString('\n')
		if err != nil {
			return err
		}
		switch line = strings.TrimSpace(line); line {
		case "+OK":
		case "+PONG":
			return nil
		default:
			return errors.New(line) // such as -LOADING
		}
	}
}
