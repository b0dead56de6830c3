package store

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"time"
)

// secured negotiates TLS on what dial connects, where the URL asked for it with rediss://. go-redis leaves that to
// whoever dials for it.
func secured(dial Dial, c *tls.Config) Dial {
	if c == nil {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, c)
		if err := conn.HandshakeContext(ctx); err != nil {
			_ = raw.Close() // a handshake that was cancelled has closed it
			return nil, err
		}
		return conn, nil
	}
}

// unbroken has a failed dial come to light in the first Write or Read. go-redis counts failed dials: when there were as
// many as its pool has places, it refuses every call until a dial that it tries once a second succeeds. That is a
// circuit breaker beside the guard's, it counts over all outages, and keeps Redis away for up to a second after each.
func unbroken(dial Dial) Dial {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return lost{err}, nil //nolint:nilerr // the error is in the connection, for its first use
		}
		return c, nil
	}
}

// lost is a connection that there never was.
type lost struct{ err error }

func (l lost) Read([]byte) (int, error)         { return 0, l.err }
func (l lost) Write([]byte) (int, error)        { return 0, l.err }
func (l lost) Close() error                     { return nil }
func (l lost) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (l lost) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (l lost) SetDeadline(time.Time) error      { return nil }
func (l lost) SetReadDeadline(time.Time) error  { return nil }
func (l lost) SetWriteDeadline(time.Time) error { return nil }

// SyscallConn is how go-redis looks whether an idle connection is alive. This one is idle where nobody waited for the
// end of its dial; the next caller, who may come when Redis is back, dials for itself.
func (l lost) SyscallConn() (syscall.RawConn, error) { return nil, l.err }
