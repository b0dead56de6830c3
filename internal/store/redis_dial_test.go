package store

import (
	"context"
	"net"
	"syscall"
	"testing"

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
