// Package config reads Afloat's configuration from the environment, and from
// the files named there. Everything is validated at start and every problem is
// told at once; a secret is never printed, not even in the error that refuses it.
//
//	ADDR                 127.0.0.1:8080  where to listen, as host:port; :8080 listens on every interface
//	DATABASE_URL         private child   PostgreSQL, as a libpq URL or keyword DSN; of several hosts one writes and replicas read
//	DATABASE_URL_FILE    none            file to read DATABASE_URL from, as an absolute path: no password in the environment
//	REDIS_URL            private child   Redis, as redis://, rediss:// or unix://; with master_name its sentinels
//	REDIS_URL_FILE       none            the same for REDIS_URL
//	RECOMMENDATIONS_URL  private child   recommendations service, as one or several http:// or https:// base URLs with commas between
//	DATA_DIR             .afloat         where the private children keep their data; root has /var/lib/afloat
//	LAB                  on or off       the lab, where readers break things: on where ADDR is loopback, else off
//	LAB_HOSTS            loopback names  further Host names the lab answers to, separated by commas, without ports
//	TRUSTED_PROXIES      none            addresses or networks, separated by commas, whose X-Forwarded-For is believed
//	LOG_FORMAT           text            text or json
//	LOG_LEVEL            info            info, or debug for a line a request too
//	COMMENTS_PER_MINUTE  10              new comments that a server takes from one address in a minute, at most 100000
//	NODE                 host name       this server's name in the fleet; sent as X-Served-By where it or FLEET_FILE is set
//	FLEET_FILE           none            the fleet's nodes, as the absolute path of a JSON file such as deploy/fleet.json
//
// A variable that is unset, empty or blank takes its default.
package config

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"afloat/internal/fleet"
)

// Var is one environment variable, as told by -h and in the README.
type Var struct {
	Name    string
	Default string // in words where it depends on other things
	Meaning string
}

// Table lists every variable that [FromEnv] reads, in the order of the
// package's documentation.
func Table() []Var {
	return []Var{
		{"ADDR", "127.0.0.1:8080", "where to listen, as host:port; :8080 listens on every interface"},
		{"DATABASE_URL", "private child", "PostgreSQL, as a libpq URL or keyword DSN; of several hosts one writes and replicas read"},
		{"DATABASE_URL_FILE", "none", "file to read DATABASE_URL from, as an absolute path: no password in the environment"},
		{"REDIS_URL", "private child", "Redis, as redis://, rediss:// or unix://; with master_name its sentinels"},
		{"REDIS_URL_FILE", "none", "the same for REDIS_URL"},
		{"RECOMMENDATIONS_URL", "private child", "recommendations service, as one or several http:// or https:// base URLs with commas between"},
		{"DATA_DIR", ".afloat", "where the private children keep their data; root has /var/lib/afloat"},
		{"LAB", "on or off", "the lab, where readers break things: on where ADDR is loopback, else off"},
		{"LAB_HOSTS", "loopback names", "further Host names the lab answers to, separated by commas, without ports"},
		{"TRUSTED_PROXIES", "none", "addresses or networks, separated by commas, whose X-Forwarded-For is believed"},
		{"LOG_FORMAT", "text", "text or json"},
		{"LOG_LEVEL", "info", "info, or debug for a line a request too"},
		{"COMMENTS_PER_MINUTE", "10", "new comments that a server takes from one address in a minute, at most 100000"},
		{"NODE", "host name", "this server's name in the fleet; sent as X-Served-By where it or FLEET_FILE is set"},
		{"FLEET_FILE", "none", "the fleet's nodes, as the absolute path of a JSON file such as deploy/fleet.json"},
	}
}

// Config is a valid configuration. It may be printed and logged whole.
type Config struct {
	Addr               string      // host:port to listen on; port 0 takes a free one
	DatabaseURL        Secret      // unset: a private child
	RedisURL           Secret      // unset: a private child
	RecommendationsURL []Secret    // base URLs without trailing slashes; none: a private child
	DataDir            string      // absolute; "" leaves the choice to whoever starts the private children
	Lab                bool        // fault bar, X-ray and experiments are offered
	LabHosts           []string    // lower case, without ports and brackets; holds the loopback names always
	TrustedProxies     []string    // as networks: 10.88.0.0/24; empty: every request is for whoever sends it
	Node               string      // this server's name; "" where neither it nor a fleet was named
	Fleet              fleet.Fleet // without nodes: this server knows of no other
	LogFormat          string      // "text" or "json"
	LogLevel           string      // "info" or "debug"
	CommentsPerMinute  int         // from one address; 0: as the policy says
}

// Problem is one reason to refuse a configuration, and what to do about it.
type Problem struct {
	Name   string // the environment variable
	What   string // what is wrong with it; quotes no value that may hold a secret
	Remedy string
}

// Error fits on one line.
func (p *Problem) Error() string { return p.Name + ": " + p.What + "; " + p.Remedy }

// FromEnv reads the configuration through getenv, usually [os.Getenv]. Its
// error joins a [*Problem] for each variable that is wrong, one a line.
func FromEnv(getenv func(string) string) (Config, error) {
	r := reader{getenv: getenv}
	addr := r.text("ADDR", "127.0.0.1:8080", checkAddr)
	c := Config{
		Addr:               addr,
		DatabaseURL:        r.secretOrFile("DATABASE_URL", checkDatabase),
		RedisURL:           r.secretOrFile("REDIS_URL", checkRedis),
		RecommendationsURL: r.services("RECOMMENDATIONS_URL"),
		DataDir:            r.text("DATA_DIR", "", checkPath),
		Lab:                r.text("LAB", onOff(loopback(addr)), oneOf("on", "off")) == "on",
		LabHosts:           r.hosts("LAB_HOSTS"),
		TrustedProxies:     r.networks("TRUSTED_PROXIES"),
		LogFormat:          r.text("LOG_FORMAT", "text", oneOf("text", "json")),
		LogLevel:           r.text("LOG_LEVEL", "info", oneOf("info", "debug")),
		CommentsPerMinute:  r.count("COMMENTS_PER_MINUTE", 100_000),
		Node:               r.text("NODE", "", checkNode),
	}
	if c.DataDir != "" {
		// Children run in directories of their own, so a relative path would
		// mean another place to each of them.
		abs, err := filepath.Abs(c.DataDir)
		if err != nil {
			r.refuse("DATA_DIR", "is relative, and the current directory is unknown", "set an absolute path")
		}
		c.DataDir = abs
	}
	r.fleet(&c)
	if len(r.problems) > 0 {
		return Config{}, errors.Join(r.problems...)
	}
	return c, nil
}

// reader reads variables and collects what is wrong with them.
type reader struct {
	getenv   func(string) string
	problems []error
}

// check says what is wrong with a value and what to do; "" is nothing wrong.
type check func(value string) (what, remedy string)

func (r *reader) refuse(name, what, remedy string) {
	r.problems = append(r.problems, &Problem{Name: name, What: what, Remedy: remedy})
}

// text reads a variable that holds no secret: a refusal quotes its value.
func (r *reader) text(name, unset string, ok check) string {
	v := strings.TrimSpace(r.getenv(name))
	if v == "" {
		return unset
	}
	if what, remedy := ok(v); what != "" {
		r.refuse(name, fmt.Sprintf("%q %s", v, what), remedy)
	}
	return v
}

// secret reads a variable that may hold a password: a refusal quotes nothing.
func (r *reader) secret(name string, ok check) Secret {
	v := strings.TrimSpace(r.getenv(name))
	if v == "" {
		return Secret{}
	}
	if what, remedy := ok(v); what != "" {
		r.refuse(name, what, remedy)
	}
	return NewSecret(v)
}

// services reads a list of base URLs, which may hold passwords.
func (r *reader) services(name string) []Secret {
	var all []Secret
	for v := range strings.SplitSeq(r.getenv(name), ",") {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		if what, remedy := checkService(v); what != "" {
			r.refuse(name, what, remedy)
			return nil
		}
		all = append(all, NewSecret(strings.TrimRight(v, "/")))
	}
	return all
}

// hosts reads a list of Host names, and adds it to the loopback names.
func (r *reader) hosts(name string) []string {
	all := []string{"127.0.0.1", "localhost", "::1"}
	for host := range strings.SplitSeq(r.getenv(name), ",") {
		host = strings.ToLower(strings.Trim(strings.TrimSpace(host), "[]"))
		switch {
		case host == "" || slices.Contains(all, host):
		case !isHost(host):
			r.refuse(name, fmt.Sprintf("%q is not a Host name", host), "list names or addresses only, such as blog.example,192.0.2.7: no scheme, port or path")
		default:
			all = append(all, host)
		}
	}
	return all
}

// networks reads a list of addresses and networks, as networks.
func (r *reader) networks(name string) (all []string) {
	for v := range strings.SplitSeq(r.getenv(name), ",") {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		network, err := netip.ParsePrefix(v)
		if address, bad := netip.ParseAddr(v); bad == nil && address.Zone() == "" {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			r.refuse(name, fmt.Sprintf("%q is no address or network", v), "list addresses such as 192.0.2.7 and networks such as 10.88.0.0/24")
			continue
		}
		all = append(all, network.Masked().String())
	}
	return all
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// count reads a number from 1 to most; 0 is for a variable that is unset.
func (r *reader) count(name string, most int) int {
	v := r.text(name, "0", func(v string) (what, remedy string) {
		if n, err := strconv.Atoi(v); err != nil || n < 1 || n > most {
			return "is no number from 1 to " + strconv.Itoa(most), "set a number in that range"
		}
		return "", ""
	})
	n, _ := strconv.Atoi(v) // what is no number was refused
	return n
}
