package experiments

import (
	"math"
	"strings"
	"testing"

	"afloat/internal/lab"
)

func TestIdempotency(t *testing.T) {
	rig := newRig(t)
	met(t, "idempotency", rig)
	noGuestbook(t, rig)
}

func TestIdempotencyCancelled(t *testing.T) {
	rig := newRig(t)
	cancelled(t, "idempotency", rig, 0.3)
	noGuestbook(t, rig)
}

// noGuestbook wants the schema gone.
func noGuestbook(t *testing.T, rig *lab.Rig) {
	t.Helper()
	var left int
	if err := rig.Postgres.QueryRow(t.Context(), `select count(*) from pg_namespace where nspname like 'lab\_%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left behind: %v", left, err)
	}
}

func TestIdempotencyNeedsPostgres(t *testing.T) {
	e := Find("idempotency")
	if _, err := e.Run(t.Context(), &lab.Rig{}, lab.QuickValues(e.Params, 1), func(lab.Progress) {}); err == nil || !strings.Contains(err.Error(), "DATABASE_URL") {
		t.Errorf("%v, want an error that says what to set", err)
	}
}

// TestALostReplyIsACommit: the caller gets a reset, and the row is there.
func TestALostReplyIsACommit(t *testing.T) {
	book, err := newGuestbook(t.Context(), newRig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer book.close()
	for i := range 20 {
		if err := book.write(t.Context(), i, nil, true); err == nil || !strings.Contains(err.Error(), "connection reset") {
			t.Fatalf("a lost reply is %v", err)
		}
	}
	if rows, calls, err := book.count(t.Context()); err != nil || rows != 20 || calls != 20 {
		t.Errorf("%d rows of %d calls: %v", rows, calls, err)
	}
	if err := book.write(t.Context(), 20, nil, false); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// TestTriesSpread: by hand, for one retry: 1 try with probability 1 − p, else 2.
func TestTriesSpread(t *testing.T) {
	if got, want := triesSD(0.2, 1), 0.4; math.Abs(got-want) > 1e-9 { // the root of 0.2 × 0.8
		t.Errorf("%v, want %v", got, want)
	}
	if got := triesSD(0.2, 0); got > 1e-6 {
		t.Errorf("of a single try: %v", got)
	}
}
