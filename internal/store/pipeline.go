package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/resilience"
)

// commander runs one command of Redis: a *redis.Client, or a *pipeline.
type commander interface {
	Do(ctx context.Context, args ...any) *redis.Cmd
}

// A pipeline sends together what is asked for at the same time. Each command by
// itself costs two system calls, and those are most of its price; whatever
// queues up while one batch is under way is the next one. Nothing waits for
// company: the first command leaves at once.
//
// It hurts in that the commands of a batch share its fate, and those behind it
// its slowness. So a batch has a deadline, and who gives up meanwhile leaves.
type pipeline struct {
	db       *redis.Client
	deadline time.Duration // of a batch
	queue    int           // commands that may wait

	mu      sync.Mutex
	waiting []*piped
	sending bool // a goroutine is at it, and will take what is waiting
	running sync.WaitGroup
}

// piped is a command on its way. Only the sender touches cmd until done is
// closed: a caller who gives up leaves it behind.
type piped struct {
	ctx  context.Context
	cmd  *redis.Cmd
	done chan struct{}
}

// Do runs one command, and waits for its answer or the end of ctx. With too
// many waiting already its error is resilience.ErrFull, at once.
func (p *pipeline) Do(ctx context.Context, args ...any) *redis.Cmd {
	c := &piped{ctx: ctx, cmd: redis.NewCmd(ctx, args...), done: make(chan struct{})}
	if err := p.enqueue(c); err != nil {
		return failed(ctx, args, err)
	}
	select {
	case <-c.done:
		return c.cmd
	case <-ctx.Done():
		return failed(ctx, args, ctx.Err())
	}
}

func failed(ctx context.Context, args []any, err error) *redis.Cmd {
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetErr(err)
	return cmd
}

func (p *pipeline) enqueue(c *piped) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) >= p.queue {
		return fmt.Errorf("%w: %d commands wait for Redis", resilience.ErrFull, len(p.waiting))
	}
	p.waiting = append(p.waiting, c)
	if !p.sending {
		p.sending = true
		p.running.Go(p.send)
	}
	return nil
}

// send sends batch after batch, until nothing is waiting.
func (p *pipeline) send() {
	for {
		p.mu.Lock()
		batch := p.waiting
		p.waiting, p.sending = nil, len(batch) > 0
		p.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		p.exec(batch)
	}
}

func (p *pipeline) exec(batch []*piped) {
	ctx, cancel := context.WithTimeout(context.Background(), p.deadline)
	defer cancel()
	pipe := p.db.Pipeline()
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.cmd.SetErr(err) // nobody wants the answer any more
			continue
		}
		_ = pipe.Process(ctx, c.cmd) // only queues it
	}
	// Each command has its own error; a panic has reached none of them.
	_, err := resilience.Isolate(func() ([]redis.Cmder, error) { return pipe.Exec(ctx) })
	var panicked *resilience.PanicError
	for _, c := range batch {
		if errors.As(err, &panicked) {
			c.cmd.SetErr(panicked)
		}
		close(c.done)
	}
}

// wait returns when nothing is on its way any more. A nil pipeline has nothing.
func (p *pipeline) wait() {
	if p != nil {
		p.running.Wait()
	}
}
