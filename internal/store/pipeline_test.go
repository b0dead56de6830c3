package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/resilience"
)

// fakeRedis answers batches in a client's place: each command with its own
// last argument, once the test lets the batch go.
type fakeRedis struct {
	gate  chan struct{} // a token lets one batch go
	mu    sync.Mutex
	sizes []int
}

func (f *fakeRedis) DialHook(redis.DialHook) redis.DialHook {
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("nothing is to be dialled")
	}
}
func (f *fakeRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f *fakeRedis) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		f.mu.Lock()
		f.sizes = append(f.sizes, len(cmds))
		f.mu.Unlock()
		select {
		case <-f.gate:
		case <-ctx.Done():
			for _, c := range cmds {
				c.SetErr(ctx.Err())
			}
			return ctx.Err()
		}
		for _, c := range cmds {
			last := fmt.Sprint(c.Args()[len(c.Args())-1])
			if last == "panic" {
				panic("in the client")
			}
			c.(*redis.Cmd).SetVal(last)
		}
		return nil
	}
}

func newFakeRedis(t *testing.T, queue int) (*pipeline, *fakeRedis) {
	f := &fakeRedis{gate: make(chan struct{})}
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	client.AddHook(f)
	t.Cleanup(func() { _ = client.Close() })
	return &pipeline{db: client, deadline: time.Second, queue: queue}, f
}

func TestPipelineSendsTogetherWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, redis := newFakeRedis(t, 10)
		var callers sync.WaitGroup
		ask := func(i int) {
			callers.Go(func() {
				if got, err := p.Do(t.Context(), "echo", i).Text(); err != nil || got != fmt.Sprint(i) {
					t.Errorf("command %d got %q, %v", i, got, err)
				}
			})
			synctest.Wait()
		}
		for i := range 6 {
			ask(i)
		}
		redis.gate <- struct{}{} // the first left alone
		redis.gate <- struct{}{} // and the five that came meanwhile together
		callers.Wait()
		ask(6)
		redis.gate <- struct{}{}
		callers.Wait()
		p.wait()
		if got := fmt.Sprint(redis.sizes); got != "[1 5 1]" {
			t.Errorf("batches of %s, want [1 5 1]", got)
		}
	})
}

func TestPipelineCallersGiveUpAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, redis := newFakeRedis(t, 2)
		impatient, cancel := context.WithCancel(t.Context())
		answers := make([]error, 5)
		var callers sync.WaitGroup
		ask := func(i int, ctx context.Context) {
			callers.Go(func() { answers[i] = p.Do(ctx, "echo", i).Err() })
			synctest.Wait()
		}
		ask(0, impatient)   // on its way
		ask(1, impatient)   // waits
		ask(2, t.Context()) // waits
		ask(3, t.Context()) // finds no place
		if !errors.Is(answers[3], resilience.ErrFull) {
			t.Errorf("with two waiting already: %v, want ErrFull at once", answers[3])
		}
		cancel()
		synctest.Wait()
		for i := range 2 {
			if !errors.Is(answers[i], context.Canceled) {
				t.Errorf("command %d: %v, want its caller's own end, before the batch's", i, answers[i])
			}
		}
		redis.gate <- struct{}{}
		redis.gate <- struct{}{}
		callers.Wait()
		p.wait()
		if got := fmt.Sprint(redis.sizes); got != "[1 1]" || answers[2] != nil {
			t.Errorf("batches of %s, want [1 1] without the one given up; %v", got, answers[2])
		}
	})
}

func TestPipelineBatchesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, redis := newFakeRedis(t, 2)
		began := time.Now()
		if err := p.Do(t.Context(), "echo", "hung").Err(); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != p.deadline {
			t.Errorf("a batch that hangs: %v after %v, want its deadline's end after %v", err, time.Since(began), p.deadline)
		}
		go func() { redis.gate <- struct{}{} }()
		var panicked *resilience.PanicError
		if err := p.Do(t.Context(), "echo", "panic").Err(); !errors.As(err, &panicked) {
			t.Errorf("a panic in the client: %v", err)
		}
		go func() { redis.gate <- struct{}{} }()
		if got, err := p.Do(t.Context(), "echo", "well").Text(); got != "well" || err != nil {
			t.Errorf("after that %q, %v", got, err)
		}
		p.wait()
	})
}
