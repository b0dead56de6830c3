package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/policy"
	"afloat/internal/resilience"
)

// sentinels know where the primary of a Redis with replicas is. All are asked at
// once, and of their answers the one of the highest configuration epoch counts,
// which is that of the latest failover: a sentinel that was away tells of an
// earlier one.
//
// go-redis has a client for this. It asks one sentinel as long as that one can
// be reached, and hears of failovers from it alone: with that sentinel paused
// each dial ends with its context before another one is asked.
type sentinels struct {
	name    string // the primary's
	options []redis.Options
	dial    Dial // to the primary
	every   time.Duration
	timeout time.Duration
	asking  resilience.Coalescer[string] // who dials at the same time shares one round of questions

	mu      sync.Mutex
	primary string // as watch last heard; "" while nobody watches
	open    map[*primaryConn]bool
	stop    context.CancelFunc // ends the watch
}

// newSentinels takes a URL's options, and how to dial both sentinels and Redis.
func newSentinels(o *redis.FailoverOptions, dial Dial, p policy.RedisLib) *sentinels {
	s := &sentinels{name: o.MasterName, dial: dial, every: p.SentinelEvery, timeout: p.SentinelTimeout, open: map[*primaryConn]bool{}}
	for _, addr := range o.SentinelAddrs {
		s.options = append(s.options, redis.Options{
			Addr: addr, Username: o.SentinelUsername, Password: o.SentinelPassword, Dialer: unbroken(secured(dial, o.TLSConfig)),
			MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DialTimeout: p.SentinelTimeout, ReadTimeout: p.SentinelTimeout,
			PoolSize: 1, PipelinePoolSize: -1, DisableIdentity: true,
		})
	}
	return s
}

// connect dials the primary, whatever address it is given.
func (s *sentinels) connect(ctx context.Context, network, _ string) (net.Conn, error) {
	s.mu.Lock()
	addr := s.primary
	s.mu.Unlock()
	if addr == "" {
		var err error
		if addr, _, err = s.asking.Do(ctx, s.name, s.askOnce); err != nil {
			return nil, err
		}
	}
	conn, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &primaryConn{Conn: conn, addr: addr, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = true
	if len(s.open) == 1 && s.every > 0 {
		watching, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stop = stop
		go s.watch(watching) // ends with the last connection, which the client's Close closes
	}
	return c, nil
}

// watch asks again and again for as long as there are connections, and closes
// those that lead to a server that is the primary no more. It may be silent
// rather than gone: each would otherwise cost a call that waits in vain, and a
// breaker lets through two calls a second.
func (s *sentinels) watch(ctx context.Context) {
	clients := s.clients()
	defer closeAll(clients)
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		if addr, err := s.ask(ctx, clients); err == nil { // without an answer the last one stands
			s.moved(ctx, addr)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *sentinels) moved(ctx context.Context, primary string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return // the last connection is closed: nobody watches from now on
	}
	s.primary = primary
	for c := range s.open {
		if c.addr != primary {
			c.leave()
		}
	}
}

func (s *sentinels) askOnce(ctx context.Context) (string, error) {
	clients := s.clients()
	defer closeAll(clients)
	return s.ask(ctx, clients)
}

func (s *sentinels) clients() []*redis.Client {
	clients := make([]*redis.Client, len(s.options))
	for i, o := range s.options {
		clients[i] = redis.NewClient(&o)
	}
	return clients
}

func closeAll(clients []*redis.Client) {
	for _, c := range clients {
		_ = c.Close() // a connection that can't say goodbye is no loss
	}
}

// ask returns the primary's address. It waits for all sentinels, or until their
// time is up.
func (s *sentinels) ask(ctx context.Context, clients []*redis.Client) (string, error) {
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.timeout)
		defer cancel()
	}
	type told struct {
		addr  string
		epoch int
		err   error
	}
	answers := make([]told, len(clients))
	var asked sync.WaitGroup
	for i, c := range clients {
		asked.Go(func() { a := &answers[i]; a.addr, a.epoch, a.err = s.askOne(ctx, c) })
	}
	asked.Wait()
	latest := answers[0]
	var errs []error
	for _, a := range answers {
		if a.err != nil {
			errs = append(errs, a.err)
		} else if latest.err != nil || cmp.Compare(a.epoch, latest.epoch) > 0 {
			latest = a
		}
	}
	if latest.err != nil {
		return "", fmt.Errorf("no sentinel tells where the primary %q is: %w", s.name, errors.Join(errs...))
	}
	return latest.addr, nil
}

// askOne asks for address and epoch together. The address is not the one beside
// the epoch in "sentinel master": during a failover that is still the old one.
func (s *sentinels) askOne(ctx context.Context, c *redis.Client) (addr string, epoch int, err error) {
	pipe := c.Pipeline()
	where := redis.NewStringSliceCmd(ctx, "sentinel", "get-master-addr-by-name", s.name)
	about := redis.NewMapStringStringCmd(ctx, "sentinel", "master", s.name)
	_, _ = pipe.Process(ctx, where), pipe.Process(ctx, about) // only queues them
	if _, err := pipe.Exec(ctx); err != nil {
		return "", 0, err
	}
	at := where.Val()
	if len(at) != 2 {
		return "", 0, fmt.Errorf("it names no address: %d values", len(at))
	}
	_, err = fmt.Sscan(about.Val()["config-epoch"], &epoch)
	return net.JoinHostPort(at[0], at[1]), epoch, err
}
