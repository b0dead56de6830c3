package config

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

func checkAddr(v string) (what, remedy string) {
	remedy = "set host:port, such as 127.0.0.1:8080, or :8080 for every interface"
	host, port, err := net.SplitHostPort(v)
	if err != nil || (host != "" && !isHost(host)) {
		return "is not host:port", remedy
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "has no port from 0 to 65535", remedy
	}
	return "", ""
}

// loopback reports whether only this machine can reach addr. The name
// localhost counts: systems must resolve it to a loopback address (RFC 6761).
func loopback(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$`)

func isHost(v string) bool {
	_, err := netip.ParseAddr(v)
	return err == nil || hostname.MatchString(v)
}

// checkDatabase asks the pool's own parser, so that what passes here can't be
// refused later. Its error is not passed on: pgx hides passwords as well as it
// can, but the text of a malformed URL is ambiguous (in user:1/2@host, "1" is
// a port). Only words of our own leave this function.
func checkDatabase(v string) (what, remedy string) {
	remedy = "set postgres://user:password@host:5432/database or host=... dbname=..., and percent-encode special characters in a URL's password"
	if s := scheme(v); s != "" && s != "postgres" && s != "postgresql" {
		return "is not a PostgreSQL URL", remedy
	}
	_, err := pgxpool.ParseConfig(v)
	if err == nil {
		return "", ""
	}
	for _, option := range []string{"sslmode", "target_session_attrs", "connect_timeout", "invalid port", "CA file", "pool_"} {
		if strings.Contains(err.Error(), option) {
			return "can't be read (near: " + option + ")", remedy
		}
	}
	return "can't be read", remedy
}

func checkRedis(v string) (what, remedy string) {
	parse := func(v string) (err error) { _, err = redis.ParseURL(v); return err }
	if u, err := url.Parse(v); err == nil && u.Query().Has("master_name") {
		parse = checkSentinels
	}
	if err := parse(v); err != nil {
		return "is not a Redis URL", "set redis://user:password@host:6379/0, rediss:// for TLS, unix:///path/to/socket, or of sentinels redis://:password@host1:26379/0?addr=host2:26379&master_name=name&password=password, and percent-encode special characters in the password"
	}
	return "", ""
}

// checkSentinels refuses what a client could do nothing with, besides what the parser does.
func checkSentinels(v string) error {
	o, err := redis.ParseFailoverURL(v)
	if err == nil && o.MasterName == "" {
		err = errors.New("the primary has no name")
	}
	return err
}

func checkService(v string) (what, remedy string) {
	u, err := url.Parse(v)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.RawQuery != "", u.Fragment != "":
		return "is not a base URL", "set http://host:port or https://host, without a query; several with commas between"
	}
	return "", ""
}

func checkNode(v string) (what, remedy string) {
	if !hostname.MatchString(v) {
		return "is not a name", "set letters, digits, dots, hyphens and underscores, such as blog1"
	}
	return "", ""
}

func checkPath(v string) (what, remedy string) {
	if strings.ContainsRune(v, 0) {
		return "is not a path", "set a directory that exists or can be made"
	}
	return "", ""
}

func oneOf(values ...string) check {
	return func(v string) (what, remedy string) {
		if slices.Contains(values, v) {
			return "", ""
		}
		return "is not known", "set " + strings.Join(values, " or ")
	}
}
