package fleet

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

const redisPassword, sentinelPassword = "of-redis", "of-sentinel"

// redisProcess runs redis-server with this configuration on a port of its own, until the test ends or kill is called.
func redisProcess(t *testing.T, lines ...string) (port string, kill func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf") // a Sentinel writes to it
	lines = append([]string{"bind 127.0.0.1", "port " + port, "dir " + dir}, lines...)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{file}
	if strings.HasPrefix(lines[len(lines)-1], "sentinel ") {
		args = append(args, "--sentinel")
	}
	command := exec.Command("redis-server", args...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = command.Process.Kill()
		_ = command.Wait() // it was killed, and says so
	}
	t.Cleanup(kill)
	return port, kill
}

// TestFailoverOfRedis: real servers, a real Sentinel, and a primary that is killed.
func TestFailoverOfRedis(t *testing.T) {
	common := []string{`save ""`, "repl-diskless-sync-delay 0", "requirepass " + redisPassword, "masterauth " + redisPassword}
	one, kill := redisProcess(t, common...)
	two, _ := redisProcess(t, append(common, "replicaof 127.0.0.1 "+one)...)
	three, _ := redisProcess(t, "requirepass "+sentinelPassword, "sentinel monitor afloat 127.0.0.1 "+one+" 1", "sentinel auth-pass afloat "+redisPassword,
		"sentinel down-after-milliseconds afloat 500", "sentinel failover-timeout afloat 3000")
	at := func(port string) string { return "redis://127.0.0.1:" + port }
	f := Fleet{[]Node{{"r1", Redis, at(one)}, {"r2", Redis, at(two)}, {"s1", Sentinel, at(three)}}}
	access := Access{Password: redisPassword, SentinelPassword: sentinelPassword, Primary: "afloat"}

	w := watch(t, f, access)
	p := until(t, w, "healthy", func(p Picture) bool {
		return roles(p) == "r1 up primary, r2 up replica, s1 up" && p.Nodes[1].Lag != nil && p.Nodes[1].Lag.Bytes == 0
	})
	if s := p.Nodes[2]; !s.Quorum || s.Follows != "r1" {
		t.Errorf("the Sentinel: %+v", s)
	}
	c := redis.NewSentinelClient(&redis.Options{Addr: "127.0.0.1:" + three, Password: sentinelPassword, Protocol: 2})
	defer c.Close()
	until(t, w, "the Sentinel has heard of the replica, without which it can't fail over", func(Picture) bool {
		known, err := c.Replicas(t.Context(), "afloat").Result()
		return err == nil && len(known) == 1
	})
	kill()
	until(t, w, "lost", func(p Picture) bool { return p.Nodes[0].State == Down && !p.Lost[Redis].IsZero() })
	until(t, w, "r2 has taken over", func(p Picture) bool {
		return p.Nodes[1].Role == Primary && p.Nodes[2].Follows == "r2" && len(p.Lost) == 0
	})

	for _, wrong := range []string{"", "wrong"} {
		w := watch(t, Fleet{f.Nodes[1:]}, Access{Password: wrong, SentinelPassword: wrong, Primary: "afloat"})
		until(t, w, "the password is wrong", func(p Picture) bool {
			return p.Nodes[0].Saw == "wants another password" && p.Nodes[1].Saw == p.Nodes[0].Saw && len(p.Lost) == 0
		})
	}
	access.Primary = "other"
	stranger := watch(t, Fleet{f.Nodes[2:]}, access)
	until(t, stranger, "no such primary", func(p Picture) bool { return p.Nodes[0].Saw == "knows of no such primary" })
}
