package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"afloat/internal/policy"
	"afloat/internal/testenv"
)

// TestLingerKeepsTheConnection: a query that is late by less than the grace costs its caller no more time, and the next
// one no new connection. One that is later costs the connection.
func TestLingerKeepsTheConnection(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t)
	for _, c := range []struct {
		name    string
		grace   time.Duration
		letting time.Duration // the query sleeps so long
		kept    bool
	}{
		{"at once", 0, 500 * ms, false},
		{"within the grace", 30 * time.Second, 500 * ms, true},
		{"past the grace", 100 * ms, 30 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := openDB(t, url, dialer, policy.Postgres{MaxConns: 1})
			backend := func() (pid int) {
				if err := db.QueryRow(t.Context(), `select pg_backend_pid()`).Scan(&pid); err != nil {
					t.Fatal(err)
				}
				return pid
			}
			before := backend()
			ctx, cancel := context.WithTimeout(t.Context(), 50*ms)
			defer cancel()
			answered := make(chan struct{})
			_, err := linger(ctx, db.Pool, c.grace, func(ctx context.Context, conn *pgxpool.Conn) (string, error) {
				_, err := conn.Exec(ctx, `select pg_sleep($1)`, c.letting.Seconds())
				close(answered)
				return "slept", err
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the caller's own deadline", err)
			}
			select {
			case <-answered:
				if c.grace > 0 {
					t.Error("the caller waited for the query")
				}
			default:
			}
			if kept := backend() == before; kept != c.kept {
				t.Errorf("the same connection afterwards: %v, want %v", kept, c.kept)
			}
		})
	}
}

// TestLingerReturnsAPanic: the query runs on a goroutine of its own, which nobody else guards.
func TestLingerReturnsAPanic(t *testing.T) {
	t.Parallel()
	db := openDB(t, testenv.Postgres(t), dialer, policy.Postgres{MaxConns: 1})
	_, err := linger(t.Context(), db.Pool, time.Second, func(context.Context, *pgxpool.Conn) (int, error) { panic("a bug") })
	if err == nil || err.Error() != "panic: a bug" {
		t.Errorf("got %v", err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Errorf("the connection's place is gone: %v", err)
	}
}

// TestALateWriteEndsByItself: the writer has left, the connection stays, and the next try with the key finds the row.
func TestALateWriteEndsByItself(t *testing.T) {
	t.Parallel()
	url, admin := newDatabase(t, one(t)...)
	db := openDB(t, url, dialer, policy.Postgres{MaxConns: 1, Grace: 30 * time.Second})
	c := newComments(t, db, nil)
	before := query[int](t, db, `select pg_backend_pid()`)
	lock, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), `lock table comments in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, _, err := c.Add(ctx, hello, nil)
		left <- err
	}()
	eventually(t, "the write waits", func() bool {
		return query[int](t, admin, `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`) == 1
	})
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the writer who left got %v", err)
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, _, err := c.Add(t.Context(), hello, nil)
	if err != nil || again.ID != 1 {
		t.Errorf("the next try: %+v, %v; want the row of the first", again, err)
	}
	if after := query[int](t, db, `select pg_backend_pid()`); after != before {
		t.Error("the write that came too late cost its connection")
	}
}
