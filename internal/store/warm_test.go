package store

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"afloat/internal/policy"
)

// TestWarm: each connection that is kept ready has read what a page reads.
func TestWarm(t *testing.T) {
	url, _ := newDatabase(t)
	p := policy.Afloat().Postgres
	db := openDB(t, url, dialer, p)
	db.Warm(t.Context(), ms)
	idle := db.AcquireAllIdle(t.Context())
	if len(idle) < int(p.MinIdleConns) {
		t.Errorf("%d connections, want %d", len(idle), p.MinIdleConns)
	}
	for _, conn := range idle {
		rows, err := conn.Query(t.Context(), `select count(*) filter (where statement like '%from posts%'), count(*) filter (where statement like '%from comments%') from pg_prepared_statements`)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			if counts, err := rows.Values(); err != nil || slices.Contains(counts, any(int64(0))) {
				t.Errorf("statements that read posts and comments: %v, %v", counts, err)
			}
		}
		conn.Release()
	}
}

// TestWarmDoesNotInsist: a server without a database starts.
func TestWarmDoesNotInsist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, err := OpenPostgres("postgres://blog:secret@127.0.0.1/blog?sslmode=disable", new(silentServer).dial, policy.Afloat().Postgres)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		db.Warm(ctx, 10*ms)
		if took := time.Since(began); took != time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}
