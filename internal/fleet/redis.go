package fleet

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Access is what Redis and Sentinel want to know of who asks.
type Access struct {
	Username, Password                 string
	SentinelUsername, SentinelPassword string
	Primary                            string // the name that Sentinel has for the primary
}

// ReadAccess takes the access out of a REDIS_URL that goes by Sentinel, as
// redis.ParseFailoverURL reads it. Of any other URL there is none to take.
func ReadAccess(redisURL string) (Access, error) {
	unreadable := errors.New("the URL of Redis can't be read") // the errors of parsers might quote the password
	u, err := parse(redisURL)
	if err != nil {
		return Access{}, unreadable
	}
	if !u.Query().Has("master_name") {
		return Access{}, nil
	}
	o, err := redis.ParseFailoverURL(redisURL)
	if err != nil {
		return Access{}, unreadable
	}
	return Access{o.Username, o.Password, o.SentinelUsername, o.SentinelPassword, o.MasterName}, nil
}

// client has one connection and tries once: the next round is the retry.
func client(n Node, o Options, username, password string) *redis.Options {
	return &redis.Options{
		Addr: hostPort(n.At), Username: username, Password: password, Protocol: 2, DisableIdentity: true,
		PoolSize: 1, MaxRetries: -1, DialerRetries: 1, DialTimeout: o.Timeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		ContextTimeoutEnabled: true,
	}
}

func redisProbe(n Node, o Options) (look probe, end func()) {
	c := redis.NewClient(client(n, o, o.Access.Username, o.Access.Password))
	look = func(ctx context.Context) sight {
		info, err := c.Info(ctx, "replication").Result()
		if err != nil {
			return refusedBy(err)
		}
		return replication(info)
	}
	return look, func() { _ = c.Close() } // a connection that can't say goodbye is no loss
}

// replication reads INFO replication, https://redis.io/docs/latest/commands/info/.
func replication(info string) sight {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	number := func(name string) int64 { n, _ := strconv.ParseInt(fields[name], 10, 64); return n } // 0 where it is absent
	switch fields["role"] {
	case "master":
		return sight{state: Up, role: Primary, at: number("master_repl_offset")}
	case "slave":
		s := sight{state: Up, role: Replica, at: number("slave_repl_offset")}
		if fields["master_link_status"] != "up" {
			s.state, s.saw = Ailing, "its link to the primary is down"
		}
		return s
	}
	return sight{state: Ailing, saw: errOdd.Error()}
}

func sentinelProbe(n Node, o Options) (look probe, end func()) {
	c := redis.NewSentinelClient(client(n, o, o.Access.SentinelUsername, o.Access.SentinelPassword))
	look = func(ctx context.Context) sight {
		at, err := c.GetMasterAddrByName(ctx, o.Access.Primary).Result()
		if err != nil {
			return refusedBy(err)
		}
		s := sight{state: Up, quorum: true, primary: net.JoinHostPort(at[0], at[1])}
		if err := c.CkQuorum(ctx, o.Access.Primary).Err(); err != nil {
			seen := refusedBy(err)
			s.quorum, s.state, s.saw = false, seen.state, seen.saw
		}
		return s
	}
	return look, func() { _ = c.Close() } // as above
}

// refusedBy tells a server that answers an error from one that can't be seen.
func refusedBy(err error) sight {
	var said redis.Error
	switch {
	case errors.Is(err, redis.Nil):
		return sight{state: Ailing, saw: "knows of no such primary"}
	case errors.As(err, &said) && strings.HasPrefix(said.Error(), "NOQUORUM"):
		return sight{state: Ailing, saw: "sees no quorum"}
	case errors.As(err, &said) && (strings.HasPrefix(said.Error(), "WRONGPASS") || strings.HasPrefix(said.Error(), "NOAUTH")):
		return sight{state: Ailing, saw: "wants another password", mute: true}
	case errors.As(err, &said):
		return sight{state: Ailing, saw: "refuses to tell", mute: true}
	}
	return down(err)
}
