package store

import (
	"net"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A lead remembers which server of several led when it was last connected to, so that it is asked first.
//
// Problem: pgx asks the hosts in the URL's order, and to learn that a server is not the leader costs a connection like
// any other, a process at that server. While the first host leads, nobody notices. After a failover each connection to
// the leader costs two or three, at the moment when all of them are made anew: on a machine that makes 24 a second, three
// servers did not get one within 20 s, until their readers had gone.
//
// The others are still asked after it, in their order, so a wrong memory costs one attempt, and is replaced by whoever
// leads now. Hosts that are names are not found, and stay in the URL's order. Its zero value knows none; nil never does.
type lead struct{ addr atomic.Pointer[string] }

// first puts the server that led last before the other hosts.
func (l *lead) first(c *pgx.ConnConfig) {
	if l == nil {
		return
	}
	last := l.addr.Load()
	if last == nil {
		return
	}
	hosts := hostsOf(&c.Config)
	i := slices.IndexFunc(hosts, func(h []*pgconn.FallbackConfig) bool {
		return net.JoinHostPort(h[0].Host, strconv.Itoa(int(h[0].Port))) == *last
	})
	if i > 0 {
		setHosts(&c.Config, slices.Concat(hosts[i:i+1], hosts[:i], hosts[i+1:]))
	}
}

// is notes that a connection to the leader has been set up.
func (l *lead) is(conn *pgx.Conn) {
	if l == nil {
		return
	}
	addr := conn.PgConn().Conn().RemoteAddr().String()
	l.addr.Store(&addr)
}
