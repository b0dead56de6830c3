package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	vars := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		vars[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return vars[name] }
}

var loopbackHosts = []string{"127.0.0.1", "localhost", "::1"}

func TestDefaults(t *testing.T) {
	for _, getenv := range []func(string) string{env(), func(string) string { return " \n" }} {
		c, err := FromEnv(getenv)
		if err != nil {
			t.Fatal(err)
		}
		if c.Addr != "127.0.0.1:8080" || c.DataDir != "" || !c.Lab || c.LogFormat != "text" || c.LogLevel != "info" || !slices.Equal(c.LabHosts, loopbackHosts) {
			t.Errorf("defaults are %+v", c)
		}
		if c.DatabaseURL.IsSet() || c.RedisURL.IsSet() || len(c.RecommendationsURL) > 0 {
			t.Errorf("URLs are set by default: %+v", c)
		}
	}
}

func TestValues(t *testing.T) {
	c, err := FromEnv(env(
		"ADDR", ":0",
		"DATABASE_URL", "postgres://blog:pw@db1:5432,db2:5433/blog?target_session_attrs=read-write&pool_max_conns=4\n",
		"REDIS_URL", "rediss://:pw@cache:6379/2",
		"RECOMMENDATIONS_URL", "http://similar:9000/v1/, https://user:pw@other:9000",
		"DATA_DIR", "data",
		"LAB", "on",
		"LAB_HOSTS", " Blog.Example, [2001:db8::1],localhost,,192.0.2.7 ",
		"TRUSTED_PROXIES", "10.88.0.7/24, 2001:db8::1,,",
		"LOG_FORMAT", "json", "LOG_LEVEL", "debug",
		"COMMENTS_PER_MINUTE", "3000",
	))
	if err != nil {
		t.Fatal(err)
	}
	abs, _ := filepath.Abs("data")
	if c.Addr != ":0" || c.DataDir != abs || !c.Lab || c.LogFormat != "json" || c.LogLevel != "debug" || c.CommentsPerMinute != 3000 {
		t.Errorf("got %+v", c)
	}
	for _, tt := range []struct{ got, want string }{
		{c.DatabaseURL.Reveal(), "postgres://blog:pw@db1:5432,db2:5433/blog?target_session_attrs=read-write&pool_max_conns=4"},
		{c.RedisURL.Reveal(), "rediss://:pw@cache:6379/2"},
		{fmt.Sprint(len(c.RecommendationsURL)), "2"},
		{c.RecommendationsURL[0].Reveal(), "http://similar:9000/v1"},
		{c.RecommendationsURL[1].Reveal(), "https://user:pw@other:9000"},
		{fmt.Sprint(c.RecommendationsURL), "[http://similar:9000 https://other:9000]"},
		{c.DatabaseURL.String(), "postgres://db1:5432,db2:5433"},
		{strings.Join(c.TrustedProxies, " "), "10.88.0.0/24 2001:db8::1/128"},
		{strings.Join(c.LabHosts, " "), "127.0.0.1 localhost ::1 blog.example 2001:db8::1 192.0.2.7"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestLabIsOnWhereOnlyThisMachineReaches(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:80": true, "127.9.9.9:80": true, "[::1]:80": true, "[::ffff:127.0.0.1]:80": true, "LocalHost:80": true,
		":80": false, "0.0.0.0:80": false, "[::]:80": false, "192.0.2.7:80": false, "blog.example:80": false, "localhost.example:80": false,
	} {
		if c, err := FromEnv(env("ADDR", addr)); err != nil || c.Lab != want {
			t.Errorf("ADDR=%s: lab %v, %v; want %v", addr, c.Lab, err, want)
		}
		if c, err := FromEnv(env("ADDR", addr, "LAB", "on")); err != nil || !c.Lab {
			t.Errorf("ADDR=%s LAB=on: lab %v, %v; want on", addr, c.Lab, err)
		}
		if c, err := FromEnv(env("ADDR", addr, "LAB", "off")); err != nil || c.Lab {
			t.Errorf("ADDR=%s LAB=off: lab %v, %v; want off", addr, c.Lab, err)
		}
	}
}

func TestAccepted(t *testing.T) {
	for _, tt := range [][2]string{
		{"DATABASE_URL", "host=/run/postgresql dbname=blog user=blog password='a b'"},
		{"DATABASE_URL", "postgresql://blog@[::1]/blog?sslmode=disable"},
		{"DATABASE_URL", "postgres://"},
		{"REDIS_URL", "redis://localhost"},
		{"REDIS_URL", "unix:///run/redis.sock?db=1"},
		{"REDIS_URL", "redis://:pw@10.0.0.1:26379/0?addr=10.0.0.2:26379&addr=10.0.0.3:26379&master_name=afloat&password=pw"},
		{"RECOMMENDATIONS_URL", "https://user:pw@similar.example"},
	} {
		if _, err := FromEnv(env(tt[0], tt[1])); err != nil {
			t.Errorf("%s=%s: %v", tt[0], tt[1], err)
		}
	}
}

func TestRefused(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"ADDR", "8080", `"8080" is not host:port`},
		{"ADDR", "127.0.0.1:", "has no port"},
		{"ADDR", "127.0.0.1:http", "has no port"},
		{"ADDR", "127.0.0.1:65536", "has no port"},
		{"ADDR", "::1:80", "is not host:port"},
		{"ADDR", "http://localhost:80", "is not host:port"},
		{"ADDR", "a b:80", "is not host:port"},
		{"DATABASE_URL", "mysql://blog@db/blog", "is not a PostgreSQL URL"},
		{"DATABASE_URL", "https://db/blog?a=b", "is not a PostgreSQL URL"},
		{"DATABASE_URL", "just words", "can't be read"},
		{"DATABASE_URL", "postgres://blog:p/w@db/blog", "can't be read"},
		{"DATABASE_URL", "postgres://db/blog?sslmode=sometimes", "near: sslmode"},
		{"DATABASE_URL", "host=db port=none", "near: invalid port"},
		{"DATABASE_URL", "postgres://db/blog?pool_max_conns=0", "near: pool_"},
		{"REDIS_URL", "localhost:6379", "is not a Redis URL"},
		{"REDIS_URL", "http://localhost:6379", "is not a Redis URL"},
		{"REDIS_URL", "redis://localhost/cache", "is not a Redis URL"},
		{"REDIS_URL", "redis://localhost?addr=other:26379", "is not a Redis URL"},
		{"REDIS_URL", "redis://localhost?master_name=", "is not a Redis URL"},
		{"REDIS_URL", "redis://localhost?master_name=afloat&addr=other", "is not a Redis URL"},
		{"RECOMMENDATIONS_URL", "similar:9000", "is not a base URL"},
		{"RECOMMENDATIONS_URL", "http://", "is not a base URL"},
		{"RECOMMENDATIONS_URL", "http://:80", "is not a base URL"},
		{"RECOMMENDATIONS_URL", "http://similar,other:9000", "is not a base URL"},
		{"RECOMMENDATIONS_URL", "http://similar?q=1", "is not a base URL"},
		{"DATA_DIR", "a\x00b", "is not a path"},
		{"LAB", "yes", "set on or off"},
		{"LAB_HOSTS", "blog.example:8080", "is not a Host name"},
		{"LAB_HOSTS", "*.example", "is not a Host name"},
		{"TRUSTED_PROXIES", "proxy.example", "is no address or network"},
		{"TRUSTED_PROXIES", "10.88.0.0/33", "is no address or network"},
		{"TRUSTED_PROXIES", "fe80::1%eth0", "is no address or network"},
		{"LOG_FORMAT", "xml", "set text or json"},
		{"LOG_LEVEL", "warn", "set info or debug"},
		{"COMMENTS_PER_MINUTE", "0", "is no number from 1 to 100000"},
		{"COMMENTS_PER_MINUTE", "ten", "is no number from 1 to 100000"},
	}
	for _, tt := range tests {
		c, err := FromEnv(env(tt.name, tt.value))
		var p *Problem
		if !errors.As(err, &p) || p.Name != tt.name || p.Remedy == "" || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s=%q: %v, want %q", tt.name, tt.value, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || c.Addr != "") {
			t.Errorf("%s=%q: want one line and no configuration, got %q and %+v", tt.name, tt.value, err, c)
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := FromEnv(func(name string) string { return "a\x00://b c" })
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(Table()) {
		t.Fatalf("%d problems, want one for each of %d variables:\n%v", len(lines), len(Table()), err)
	}
	for i, v := range Table() {
		if !strings.HasPrefix(lines[i], v.Name+": ") {
			t.Errorf("problem %d is %q, want one of %s", i, lines[i], v.Name)
		}
	}
}

func TestDocumentationIsTheTable(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Table() {
		row := fmt.Sprintf("\t%-20s %-15s %s\n", v.Name, v.Default, v.Meaning)
		if !strings.Contains(f.Doc.Text(), row) {
			t.Errorf("the package comment lacks the row\n%s", row)
		}
	}
}

func TestSecretShowsHostsWhereTheyAreCertain(t *testing.T) {
	for raw, want := range map[string]string{
		"":                                "",
		"postgres://u:pw@db:5432/blog":    "postgres://db:5432",
		"postgres://db/blog?password=pw":  "postgres://db",
		"redis://cache":                   "redis://cache",
		"unix://u:pw@/run/redis.sock":     "unix://",
		"host=db password=pw":             "[hidden]",
		"password=postgres://pw host=db":  "[hidden]",
		"postgres://u:p@w@db/blog":        "postgres://[hidden]",
		"postgres://u:1/pw@db/blog":       "postgres://[hidden]",
		"postgres://u:1?pw@db/blog":       "postgres://[hidden]",
		"redis://:1#pw@cache":             "redis://[hidden]",
		"postgres://db/blog?password=p@w": "postgres://[hidden]",
	} {
		if got := NewSecret(raw).String(); got != want {
			t.Errorf("%q shows as %q, want %q", raw, got, want)
		}
	}
}

// FuzzFromEnv plants a password in each place where one may stand, amid
// whatever else, and looks for it in all that a configuration can print.
func FuzzFromEnv(f *testing.F) {
	for _, seed := range [][3]string{
		{"blog", "", "db:5432/blog"}, {"b@d", "/", "db"}, {"", "?", "db1,db2/x?sslmode=never"}, {"u", "#", ""},
		{"u", "%zz", "db"}, {" ", "' host=", "\x00"}, {"u:p", "@", "[::1]:port"}, {"\n", "1/", "db?connect_timeout=x"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	const planted = "s3cr3tMARK"
	f.Fuzz(func(t *testing.T, user, amid, rest string) {
		if strings.Contains(user+amid+rest, planted) {
			return
		}
		password := amid + planted + amid
		for _, url := range []string{
			"postgres://" + user + ":" + password + "@" + rest,
			"postgres://db/" + user + "?password=" + password + "&" + rest,
			"user=" + user + " password=" + password + " " + rest,
			"password='" + password + "' " + rest,
			"redis://" + user + ":" + password + "@" + rest,
			"rediss://cache/0?password=" + password + "&" + rest,
			"redis://:" + password + "@sentinel/0?master_name=m&password=" + password + "&" + rest,
			"unix://" + user + ":" + password + "@" + rest,
			"https://" + user + ":" + password + "@" + rest,
		} {
			c, err := FromEnv(env("DATABASE_URL", url, "REDIS_URL", url, "RECOMMENDATIONS_URL", url))
			kept := Config{DatabaseURL: NewSecret(url)}
			for _, c := range []Config{c, kept} {
				if text := prints(t, c, err); strings.Contains(text, planted) {
					t.Fatalf("%q: the password is printed:\n%s", url, text)
				}
			}
		}
		_, _ = FromEnv(func(string) string { return user + amid + rest })
	})
}

// prints returns a configuration and an error as every printer shows them.
func prints(t *testing.T, c Config, err error) string {
	t.Helper()
	var b bytes.Buffer
	below := struct{ c *Config }{&c}
	inside := struct{ c Config }{c}
	fmt.Fprintf(&b, "%v %+v %#v %s %q %x %v %+v %#v %v", c, c, c, c.DatabaseURL, c.RedisURL, c.DatabaseURL, below, inside, inside, &c)
	fmt.Fprintf(&b, "%v %+v %#v", err, err, err)
	slog.New(slog.NewTextHandler(&b, nil)).Info("text", "config", c, "url", c.DatabaseURL, "err", err)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("json", "config", c, "url", c.DatabaseURL, "err", err)
	if err := json.NewEncoder(&b).Encode(c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
