package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
)

func newComments(t testing.TB, db *DB, observe func(resilience.Event)) *Comments {
	t.Helper()
	p := policy.Afloat().CommentWrites.Policy
	p.AttemptDeadline, p.Deadline, p.Bulkhead.Wait = time.Second, time.Minute, time.Minute // this machine may be slow
	p.Budget.Ratio = 1                                                                     // a first call may be retried
	writes, err := resilience.NewGuard(p, Classify, observe)
	if err != nil {
		t.Fatal(err)
	}
	return NewComments(db, writes)
}

var hello = NewComment{Slug: "one", Author: "Ada", Body: "Hello.", HTML: "<p>Hello.</p>", Key: "key-1"}

func TestCommentIsWrittenOnce(t *testing.T) {
	_, db := newDatabase(t, one(t)...)
	c := newComments(t, db, nil)
	first, _, err := c.Add(t.Context(), hello, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID == 0 || first.Created.IsZero() || first.Hidden || first.HTML != hello.HTML {
		t.Errorf("%+v", first)
	}
	if again, _, err := c.Add(t.Context(), hello, nil); err != nil || again != first {
		t.Errorf("a replay is %+v, %v, want the first answer, %+v", again, err, first)
	}
	for _, other := range []NewComment{
		{Slug: "one", Author: "Ada", Body: "Goodbye.", Key: hello.Key},
		{Slug: "one", Author: "Adam", Body: hello.Body, Key: hello.Key},
	} {
		_, _, err = c.Add(t.Context(), other, nil)
		wantErr(t, err, ErrKeyReused)
	}
	if of, err := c.Of(t.Context(), "one", 10); err != nil || len(of) != 1 || of[0] != first {
		t.Errorf("of the article: %+v, %v; want %+v alone", of, err, first)
	}
	if !c.writes.Closed() {
		t.Error("refusing a key opened the breaker")
	}
}

func TestConcurrentCommentsOfOneKeyAreOneRow(t *testing.T) {
	_, db := newDatabase(t, one(t)...)
	c := newComments(t, db, nil)
	var all sync.WaitGroup
	got := make([]Comment, 50)
	for i := range got {
		all.Go(func() {
			var err error
			if got[i], _, err = c.Add(t.Context(), hello, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, comment := range got {
		if comment != got[0] {
			t.Errorf("answers %+v and %+v", comment, got[0])
		}
	}
	if n := query[int](t, db, `select count(*) from comments`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// lossy is a connection that can lose a reply: PostgreSQL has done what it was asked, and the client never hears.
type lossy struct {
	net.Conn
	armed *atomic.Bool
	lost  *atomic.Int64
}

func (c *lossy) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.armed.CompareAndSwap(true, false) {
		c.lost.Add(1)
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func TestReplyLostAfterCommitIsNoSecondComment(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	var armed atomic.Bool
	var lost atomic.Int64
	unreliable := openDB(t, url, func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lossy{conn, &armed, &lost}, nil
	}, policy.Postgres{MaxConns: 1, PingIdle: time.Hour})
	c := newComments(t, unreliable, nil)
	warm := hello
	warm.Key = "another"
	if _, _, err := c.Add(t.Context(), warm, nil); err != nil { // so that the statement is prepared, and its execution is next
		t.Fatal(err)
	}
	armed.Store(true)
	comment, report, err := c.Add(t.Context(), hello, nil)
	if err != nil || report.Attempts != 2 || lost.Load() != 1 {
		t.Fatalf("%v after %d attempts with %d replies lost, want success at the second", err, report.Attempts, lost.Load())
	}
	// Each insert draws an id, so a gap would show that the row had not been there for the second attempt.
	if id := query[int64](t, db, `select id from comments where key = $1`, hello.Key); id != comment.ID || id != 2 {
		t.Errorf("row %d, answer %d: the first attempt wrote row 2, and the second should have found it", id, comment.ID)
	}
	if n := query[int](t, db, `select count(*) from comments where key = $1`, hello.Key); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// Postgres is away while a comment is sent; the form is sent again when it is back.
func TestCommentSentAgainAfterAnOutage(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	link := fault.NewLink("postgres")
	t.Cleanup(link.Close)
	c := newComments(t, openDB(t, url, Dial(link.Dialer(dialer)), policy.Afloat().Postgres), nil)
	down(link)
	if _, _, err := c.Add(t.Context(), hello, nil); err == nil {
		t.Fatal("written to a database that is down")
	}
	link.Clear()
	eventually(t, "the comment is written", func() bool { _, _, err := c.Add(t.Context(), hello, nil); return err == nil })
	if n := query[int](t, db, `select count(*) from comments`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func TestCommentsNeedAnArticle(t *testing.T) {
	_, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	publishAll(t, db, one(t)...)
	c := newComments(t, db, nil)
	for _, slug := range []string{"unheard-of", "two"} {
		n := hello
		n.Slug = slug
		_, _, err := c.Add(t.Context(), n, nil)
		wantErr(t, err, ErrNotFound)
	}
	if n := query[int](t, db, `select count(*) from comments`); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}

func TestHiddenComments(t *testing.T) {
	_, db := newDatabase(t, one(t)...)
	c := newComments(t, db, nil)
	var ids []int64
	for i := range 4 {
		n := hello
		n.Key = fmt.Sprint("key-", i)
		comment, _, err := c.Add(t.Context(), n, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, comment.ID)
	}
	if err := errors.Join(c.Hide(t.Context(), ids[1], true), c.Hide(t.Context(), ids[1], true)); err != nil {
		t.Fatal(err)
	}
	if shown, err := c.Of(t.Context(), "one", 10); err != nil || len(shown) != 3 {
		t.Errorf("shown %+v, %v; want three without the hidden one", shown, err)
	}
	if shown, err := c.Of(t.Context(), "one", 2); err != nil || len(shown) != 2 || shown[0].ID != ids[2] || shown[1].ID != ids[3] {
		t.Errorf("shown %+v, %v; want the newest two, oldest first", shown, err)
	}
	if counts, err := c.Counts(t.Context(), []string{"one", "two"}); err != nil || len(counts) != 1 || counts["one"] != 3 {
		t.Errorf("counts %v, %v; want 3 of one", counts, err)
	}
	if latest, err := c.Latest(t.Context(), 10); err != nil || len(latest) != 4 || !latest[2].Hidden || latest[0].ID != ids[3] {
		t.Errorf("for moderation: %+v, %v; want all four, newest first", latest, err)
	}
	replay := hello
	replay.Key = "key-1"
	if comment, _, err := c.Add(t.Context(), replay, nil); err != nil || !comment.Hidden || comment.ID != ids[1] {
		t.Errorf("a replay of a hidden one: %+v, %v", comment, err)
	}
	if err := c.Hide(t.Context(), ids[1], false); err != nil {
		t.Error(err)
	}
	if shown, err := c.Of(t.Context(), "one", 10); err != nil || len(shown) != 4 {
		t.Errorf("shown again: %d, %v", len(shown), err)
	}
	wantErr(t, c.Hide(t.Context(), 999, true), ErrNotFound)
}

func TestCommentsWithoutDatabase(t *testing.T) {
	c := newComments(t, nil, nil)
	_, of := c.Of(t.Context(), "one", 10)
	_, counts := c.Counts(t.Context(), []string{"one"})
	_, _, add := c.Add(t.Context(), hello, nil)
	for _, err := range []error{of, counts, add, c.Hide(t.Context(), 1, true)} {
		wantErr(t, err, errNoDatabase)
	}
	if !c.writes.Closed() {
		t.Error("what isn't configured opened the breaker")
	}
}
