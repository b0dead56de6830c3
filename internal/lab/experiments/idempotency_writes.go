package experiments

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/lab"
	"afloat/internal/resilience"
)

// A lossyConn loses one reply when told to: what the other side has sent has arrived here, and the reader gets a reset
// instead. Postgres sends the reply to a statement after its commit, so the statement is carried out.
type lossyConn struct {
	net.Conn
	lose atomic.Bool
}

func (c *lossyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.lose.Load() {
		_ = c.Conn.Close()
		return 0, &net.OpError{Op: "read", Net: c.RemoteAddr().Network(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
	return n, err
}

// lossy is the connection below a database's one, and below its TLS where it has that.
func lossy(conn net.Conn) (*lossyConn, error) {
	if tls, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = tls.NetConn()
	}
	c, ok := conn.(*lossyConn)
	if !ok {
		return nil, errors.New("a connection to Postgres is none of the experiment's own")
	}
	return c, nil
}

// A guestbook is a table of comments like the blog's, in a schema of the experiment's own, behind connections that can
// lose a reply.
type guestbook struct {
	owner *pgxpool.Pool // loses nothing
	pool  *pgxpool.Pool
}

// guestbookConns is how many connections callers share; as many more are the lab's own.
const guestbookConns = 16

// newGuestbook makes schema and table. Close it.
func newGuestbook(ctx context.Context, rig *lab.Rig) (*guestbook, error) {
	if rig.Postgres == nil {
		return nil, errNoPostgres
	}
	config := rig.Postgres.Config() // a copy
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lossyConn{Conn: conn}, nil
	}
	config.MaxConns = guestbookConns
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	b := &guestbook{rig.Postgres, pool}
	for _, sql := range []string{
		`drop schema if exists lab_idempotency cascade`, // of a run that was killed
		`create schema lab_idempotency`,
		`create table lab_idempotency.comments (
			id      bigint generated always as identity primary key,
			call    integer not null, -- which caller meant it
			body    text not null,
			key     text unique, -- idempotency key; null has no equal
			created timestamptz not null default now())`,
	} {
		if _, err := b.owner.Exec(ctx, sql); err != nil {
			b.close()
			return nil, fmt.Errorf("making a table of its own: %w", err)
		}
	}
	return b, nil
}

// close drops all of it, after a run that was cancelled, too.
func (b *guestbook) close() {
	b.pool.Close()
	_, _ = b.owner.Exec(context.Background(), `drop schema if exists lab_idempotency cascade`) // else the next run drops it
}

// write is one try, one exchange with Postgres: the statement by which the blog writes comments. Without a key it finds
// nothing, and inserts.
func (b *guestbook) write(ctx context.Context, call int, key *string, lose bool) error {
	conn, err := b.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	wire, err := lossy(conn.Conn().PgConn().Conn())
	if err != nil {
		return err
	}
	wire.lose.Store(lose)
	_, err = conn.Exec(ctx, `
		insert into lab_idempotency.comments (call, body, key) values ($1, $2, $3)
		on conflict (key) do update set key = excluded.key
		returning id`, pgx.QueryExecModeExec, call, "Thank you for this article.", key)
	return err
}

// count is how many comments there are, and how many callers' they are.
func (b *guestbook) count(ctx context.Context) (rows, calls int, err error) {
	err = b.owner.QueryRow(ctx, `select count(*), count(distinct call) from lab_idempotency.comments`).Scan(&rows, &calls)
	return rows, calls, err
}

// prune forgets, until ctx ends, the keys that are older than they are kept. The comments stay.
func (b *guestbook) prune(ctx context.Context, keep time.Duration) error {
	for sleep(ctx, keep/4) == nil {
		_, err := b.owner.Exec(ctx, `update lab_idempotency.comments set key = null where key is not null and created < now() - make_interval(secs => $1)`, keep.Seconds())
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("pruning keys: %w", err)
		}
	}
	return nil
}

// A posting is what callers are to do.
type posting struct {
	at       []time.Duration
	seed     uint64
	lost     float64       // share of tries whose reply is lost
	attempts int           // of a call
	wait     time.Duration // between two
	keyed    bool
	keep     time.Duration // how long a key is kept; 0 is for good
}

// A posted is both sides: what the callers were told, and what was written.
type posted struct {
	calls, told, tries int // told: that it succeeded
	lost               int // replies
	otherwise          int // calls that failed for another reason
	rows, written      int // written: calls of which there is a row
}

func (p posted) duplicates() int { return p.rows - p.written }

// per100 is the duplicates for a hundred calls.
func (p posted) per100() float64 { return 100 * share(p.duplicates(), p.calls) }

// add counts another trial, too.
func (p *posted) add(o posted) {
	p.calls, p.told, p.tries, p.lost = p.calls+o.calls, p.told+o.told, p.tries+o.tries, p.lost+o.lost
	p.otherwise, p.rows, p.written = p.otherwise+o.otherwise, p.rows+o.rows, p.written+o.written
}

// post lets callers write a comment each, into the empty table.
func (b *guestbook) post(ctx context.Context, p posting) (got posted, err error) {
	if _, err := b.owner.Exec(ctx, `truncate lab_idempotency.comments`); err != nil {
		return got, err
	}
	// That a try may be repeated is true of those with a key alone. The others claim it: that is the mistake on show.
	guard, err := resilience.NewGuard(resilience.Policy{
		Name: "comments", Idempotent: true,
		Retry: resilience.RetryPolicy{Attempts: p.attempts, Backoff: resilience.Backoff{Base: p.wait, Cap: p.wait}},
	}, nil, nil)
	if err != nil {
		return got, err
	}
	pruning, enough := context.WithCancel(ctx)
	var pruner sync.WaitGroup
	var pruned error
	if p.keep > 0 {
		pruner.Go(func() { pruned = b.prune(pruning, p.keep) })
	}
	var mu sync.Mutex
	sent, _, err := openLoop(ctx, p.at, func(ctx context.Context, call int) {
		random := rand.New(rand.NewPCG(p.seed, uint64(call))) // the same replies are lost in every run
		var key *string
		if p.keyed {
			k := fmt.Sprintf("call-%d", call)
			key = &k
		}
		lost := 0
		_, report, err := resilience.Call(ctx, guard, func(ctx context.Context) (struct{}, error) {
			lose := random.Float64() < p.lost
			err := b.write(ctx, call, key, lose)
			if lose && resilience.ErrClass(err) == "reset" {
				lost++
			}
			return struct{}{}, err
		})
		mu.Lock()
		defer mu.Unlock()
		got.tries, got.lost = got.tries+report.Attempts, got.lost+lost
		switch {
		case err == nil:
			got.told++
		case resilience.ErrClass(err) != "reset":
			got.otherwise++
		}
	})
	enough()
	pruner.Wait()
	if err = errors.Join(err, pruned); err != nil {
		return got, err
	}
	got.calls = sent
	got.rows, got.written, err = b.count(ctx)
	return got, err
}
