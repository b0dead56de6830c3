package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// A beat is left out where another server's is young enough.
func TestBeatsAreShared(t *testing.T) {
	_, db := newDatabase(t)
	comments := NewComments(db, must(resilience.NewGuard(resilience.Policy{Name: "writes"}, Classify, nil))(t))
	at := func() time.Time { return query[time.Time](t, db, `select at from heartbeat`) }
	first := at()
	if err := comments.beat(t.Context(), time.Hour); err != nil || !at().Equal(first) {
		t.Errorf("a beat right after another: %v, at %v and then %v", err, first, at())
	}
	if err := comments.beat(t.Context(), 0); err != nil || !at().After(first) {
		t.Errorf("a beat that was due: %v, at %v and then %v", err, first, at())
	}
}

// After an outage the beat closes the breaker of writes, with no writer about; and where there are no replicas it writes
// nothing while that is closed.
func TestBeatIsTheProbeOfWrites(t *testing.T) {
	_, db := newDatabase(t)
	row := testenv.Table().CommentWrites
	guard := must(resilience.NewGuard(row.Policy, Classify, nil))(t)
	comments := NewComments(db, guard)
	before := query[time.Time](t, db, `select at from heartbeat`)
	ctx, stop := context.WithCancel(t.Context())
	var beating sync.WaitGroup
	beating.Go(func() { comments.Beat(ctx, 5*ms) })
	time.Sleep(50 * ms)
	if at := query[time.Time](t, db, `select at from heartbeat`); !at.Equal(before) {
		t.Error("a database of one server was told the time")
	}
	stop()
	beating.Wait()

	for range 10 {
		_, _, _ = resilience.Call(t.Context(), guard, func(context.Context) (int, error) { return 0, errors.New("down") })
	}
	if guard.Closed() {
		t.Fatal("the breaker is still closed")
	}
	ctx, stop = context.WithCancel(t.Context())
	defer beating.Wait()
	defer stop()
	beating.Go(func() { comments.Beat(ctx, 5*ms) })
	eventually(t, "the breaker is closed", guard.Closed)
}
