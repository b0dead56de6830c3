package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// Each error is what pgx makes of the fault itself.
func TestClassify(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	cases := []struct {
		name string
		want resilience.Class
		fail func(t *testing.T, db *DB, link *fault.Link) error
	}{
		{"refused", resilience.Transient, func(t *testing.T, db *DB, link *fault.Link) error {
			down(link)
			return db.Ping(t.Context())
		}},
		{"reset in a query", resilience.Transient, func(t *testing.T, db *DB, link *fault.Link) error {
			link.Set(fault.Fault{Kind: fault.Flaky, Rate: 1})
			return ask(t.Context(), db, `select 1`)
		}},
		{"deadline in a query", resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(limited(t, 50*ms), db, `select pg_sleep(10)`)
		}},
		{"deadline while dialing", resilience.Transient, func(t *testing.T, db *DB, link *fault.Link) error {
			db.Reset()
			link.Set(fault.Fault{Kind: fault.Hang})
			return ask(limited(t, 50*ms), db, `select 1`)
		}},
		{"pool exhausted", resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			for range db.Config().MaxConns {
				c, err := db.Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Release()
			}
			return ask(limited(t, 50*ms), db, `select 1`)
		}},
		{"connection terminated", resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(t.Context(), db, `select pg_terminate_backend(pg_backend_pid())`)
		}},
		{"statement_timeout", resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(t.Context(), db, `set statement_timeout = 10; select pg_sleep(10)`)
		}},
		{"read-only", resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(t.Context(), db, `begin read only; update site set version = 1; commit`)
		}},
		{"no such table", resilience.Permanent, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(t.Context(), db, `select * from nowhere`)
		}},
		{"no text", resilience.Neutral, func(t *testing.T, db *DB, _ *fault.Link) error {
			_, err := db.Exec(t.Context(), `select $1::text`, "\xff")
			return err
		}},
		{"wrong password", resilience.Permanent, func(t *testing.T, _ *DB, _ *fault.Link) error {
			return openDB(t, url+"&user=nobody-of-this-name", dialer, policy.Postgres{}).Ping(t.Context())
		}},
		{"canceled", resilience.Neutral, func(t *testing.T, db *DB, _ *fault.Link) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ask(ctx, db, `select 1`)
		}},
	}
	for _, code := range []string{"40001", "40P01", "53300", "57P03"} {
		cases = append(cases, struct {
			name string
			want resilience.Class
			fail func(t *testing.T, db *DB, link *fault.Link) error
		}{"SQLSTATE " + code, resilience.Transient, func(t *testing.T, db *DB, _ *fault.Link) error {
			return ask(t.Context(), db, fmt.Sprintf(`do $$ begin raise exception 'on purpose' using errcode = '%s'; end $$`, code))
		}})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			link := fault.NewLink("postgres")
			t.Cleanup(link.Close)
			db := openDB(t, url, Dial(link.Dialer(dialer)), policy.Postgres{MaxConns: 2, ReadCap: time.Second})
			if err := ask(t.Context(), db, `select 1`); err != nil {
				t.Fatal(err)
			}
			err := c.fail(t, db, link)
			if err == nil {
				t.Fatal("no error")
			}
			if got := Classify(fmt.Errorf("wrapped: %w", err)); got != c.want {
				t.Errorf("%v (SafeToRetry %v) is %v, want %v", err, pgconn.SafeToRetry(err), got, c.want)
			}
		})
	}
	for _, err := range []error{ErrNotFound, ErrKeyReused, errNoDatabase, errNothingPublished} {
		if got := Classify(fmt.Errorf("wrapped: %w", err)); got != resilience.Neutral {
			t.Errorf("%v is %v, want neutral", err, got)
		}
	}
	if got := Classify(errors.New("unheard of")); got != resilience.Permanent {
		t.Errorf("an unknown error is %v, want permanent", got)
	}
}

// A server that is killed leaves connections that look alive.
func TestClassifyConnectionsOfADeadServer(t *testing.T) {
	srv := testenv.NewPostgres(t)
	db := openDB(t, srv.URL, dialer, policy.Postgres{PingIdle: time.Hour})
	if err := ask(t.Context(), db, `select 1`); err != nil {
		t.Fatal(err)
	}
	srv.Kill()
	for range 3 { // the idle connection, then none
		err := ask(t.Context(), db, `select 1`)
		if err == nil || Classify(err) != resilience.Transient {
			t.Errorf("%v is not transient", err)
		}
	}
}

func ask(ctx context.Context, db *DB, sql string) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().Exec(ctx, sql).ReadAll()
	return err
}

func limited(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
