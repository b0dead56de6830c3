package store

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"afloat/internal/fault"
	"afloat/internal/policy"
	"afloat/internal/resilience"
	"afloat/internal/testenv"
)

// aServer is what one server does about comments, on links of its own.
type aServer struct {
	*Comments
	toDB, toRedis *fault.Link
}

// newServer starts nothing: tests drain by hand.
func newServer(t testing.TB, postgres, location string) *aServer {
	t.Helper()
	s := &aServer{toDB: fault.NewLink("postgres"), toRedis: fault.NewLink("redis")}
	t.Cleanup(s.toDB.Close)
	t.Cleanup(s.toRedis.Close)
	table, server := policy.Afloat(), policy.Serve()
	for _, row := range []*policy.Row{&table.OutboxOrder, &table.Outbox} { // this machine may be slow
		row.AttemptDeadline, row.Deadline, row.Bulkhead.Wait = time.Second, time.Minute, time.Minute
		row.Breaker = resilience.BreakerPolicy{}
	}
	db := openDB(t, postgres, Dial(s.toDB.Dialer(dialer)), table.Postgres)
	client, err := OpenRedis(location, Dial(s.toRedis.Dialer(dialer)), table.RedisLib)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	o, err := NewOutbox(OutboxOptions{Redis: client, DB: db, Table: table, Server: server, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.Comments = newComments(t, db, nil).WithOutbox(o)
	return s
}

func known() bool   { return true }
func unknown() bool { return false }

// hold adds a comment that has to wait.
func (s *aServer) hold(t testing.TB, n NewComment) Comment {
	t.Helper()
	c, _, err := s.Add(t.Context(), n, known)
	if err != nil || c.Entry == "" || c.Disks != 1 {
		t.Fatalf("%+v, %v; want it to wait, on one disk", c, err)
	}
	return c
}

func (s *aServer) drain(t testing.TB) {
	t.Helper()
	eventually(t, "all is written", func() bool {
		_, err := s.outbox.Drain(t.Context())
		return err == nil && s.outbox.redis.XLen(t.Context(), outboxStream).Val() == 0
	})
}

func comment(slug string, i int) NewComment {
	return NewComment{Slug: slug, Author: "Ada", Body: fmt.Sprint("Comment ", i), HTML: fmt.Sprintf("<p>Comment %d</p>", i), Key: fmt.Sprintf("key-%s-%d", slug, i)}
}

func bodies(t testing.TB, db *DB, slug string) string {
	t.Helper()
	return query[string](t, db, `select coalesce(string_agg(body, ',' order by id), '') from comments where slug = $1`, slug)
}

func TestCommentWaitsForTheDatabase(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	location := testenv.Redis(t)
	s, other := newServer(t, url, location), newServer(t, url, location)
	down(s.toDB)
	down(other.toDB)
	first := s.hold(t, hello)
	if shown := s.outbox.Waiting("one"); len(shown) != 1 || shown[0] != first {
		t.Errorf("shown %+v, want %+v", shown, first)
	}
	if again := other.hold(t, hello); again.Entry != first.Entry || !again.Created.Equal(first.Created) {
		t.Errorf("a replay elsewhere is %+v, want %+v", again, first)
	}
	reused := hello
	reused.Body = "Goodbye."
	_, _, err := other.Add(t.Context(), reused, known)
	wantErr(t, err, ErrKeyReused)
	if ref := other.outbox.Resolve(t.Context(), first.Entry); ref != first.Entry {
		t.Errorf("it is %q, want %q", ref, first.Entry)
	}

	s.toDB.Clear()
	other.toDB.Clear()
	second := s.hold(t, comment("one", 2)) // it goes behind the first, though the database would take it
	other.drain(t)
	if got := bodies(t, db, "one"); got != "Hello.,Comment 2" {
		t.Errorf("written: %s", got)
	}
	id := query[int64](t, db, `select id from comments where key = $1`, hello.Key)
	if ref := s.outbox.Resolve(t.Context(), first.Entry); ref != fmt.Sprint(id) {
		t.Errorf("it became %q, want %d", ref, id)
	}
	if at := query[time.Time](t, db, `select created from comments where key = $1`, hello.Key); !at.Equal(first.Created) {
		t.Errorf("created %v, want %v, when it was accepted", at, first.Created)
	}
	s.outbox.look(t.Context())
	if shown := s.outbox.Waiting("one"); len(shown) != 2 || shown[1].Entry != second.Entry {
		t.Errorf("a moment after they were written, shown are %+v", shown)
	}
	if n, _ := s.outbox.Count(); n != 0 {
		t.Errorf("%d wait", n)
	}
	if again, _, err := s.Add(t.Context(), hello, known); err != nil || again.ID != id || again.Entry != "" {
		t.Errorf("a replay is %+v, %v; want comment %d", again, err, id)
	}
	_, _, err = s.Add(t.Context(), reused, known)
	wantErr(t, err, ErrKeyReused)
	if direct, _, err := s.Add(t.Context(), comment("one", 3), known); err != nil || direct.ID == 0 {
		t.Errorf("once none waits: %+v, %v", direct, err)
	}
	for _, key := range []string{claimKey(hello.Key), writtenKey(first.Entry)} {
		if ttl := s.outbox.redis.TTL(t.Context(), key).Val(); ttl <= 0 {
			t.Errorf("%s never goes", key)
		}
	}
	if left := s.outbox.redis.Exists(t.Context(), outboxSlugs, outboxDisks).Val(); left != 0 {
		t.Errorf("%d keys are left over", left)
	}
}

// Several servers drain at once, while comments come and the database goes.
func TestCommentsAreWrittenOnceAndInOrder(t *testing.T) {
	const writers, each = 4, 25
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	location := testenv.Redis(t)
	servers := []*aServer{newServer(t, url, location), newServer(t, url, location), newServer(t, url, location)}
	ctx, stop := context.WithCancel(t.Context())
	var draining, writing sync.WaitGroup
	for _, s := range servers {
		draining.Go(func() {
			for ctx.Err() == nil {
				_, _ = s.outbox.Drain(ctx)
			}
		})
	}
	for w := range writers {
		slug := []string{"one", "two"}[w%2]
		writing.Go(func() {
			for i := range each {
				s := servers[rand.IntN(len(servers))]
				n := comment(slug, i)
				n.Body, n.Key = fmt.Sprintf("%d-%d", w, i), fmt.Sprintf("key-%d-%d", w, i)
				switch rand.IntN(3) {
				case 0:
					down(s.toDB)
				case 1:
					s.toDB.Clear()
				}
				for {
					if _, _, err := s.Add(t.Context(), n, known); err == nil {
						break
					}
				}
			}
		})
	}
	writing.Wait()
	for _, s := range servers {
		s.toDB.Clear()
	}
	stop()
	draining.Wait()
	servers[0].drain(t)
	if n := query[int](t, db, `select count(*) from comments`); n != writers*each {
		t.Errorf("%d rows, want %d", n, writers*each)
	}
	for w := range writers {
		var want []string
		for i := range each {
			want = append(want, fmt.Sprintf("%d-%d", w, i))
		}
		var got []string
		for _, b := range strings.Split(bodies(t, db, []string{"one", "two"}[w%2]), ",") {
			if strings.HasPrefix(b, fmt.Sprint(w, "-")) {
				got = append(got, b)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("writer %d's comments are in the order %v", w, got)
		}
	}
}

// A server crashes after the commit, and before the entry is gone.
func TestCrashBetweenCommitAndDeletion(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	location := testenv.Redis(t)
	s, other := newServer(t, url, location), newServer(t, url, location)
	down(s.toDB)
	s.hold(t, hello)
	s.hold(t, comment("one", 2))
	s.toDB.Clear()
	eventually(t, "they are committed", func() bool {
		batch := s.outbox.redis.XRange(t.Context(), outboxStream, "-", "+").Val()
		done, mine, err := s.outbox.write(t.Context(), batch, map[string]bool{})
		return err == nil && mine && len(done) == 2
	})
	other.drain(t)
	if got := bodies(t, db, "one"); got != "Hello.,Comment 2" {
		t.Errorf("written: %s", got)
	}
}

// An old primary's entries come back with it, after their comments were written.
func TestEntriesThatComeBackAreNoSecondComments(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	down(s.toDB)
	s.hold(t, hello)
	r, keys := s.outbox.redis, []string{outboxStream, outboxSlugs, outboxDisks, claimKey(hello.Key)}
	var dumps []string
	for _, key := range keys {
		dumps = append(dumps, must(r.Dump(t.Context(), key).Result())(t))
	}
	s.toDB.Clear()
	s.drain(t)
	for i, key := range keys {
		if err := r.RestoreReplace(t.Context(), key, 0, dumps[i]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.drain(t)
	if n := query[int](t, db, `select count(*) from comments`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// A key whose comment the database has, accepted with other content while the database was out of sight.
func TestKeyOfTwoHomes(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	if c, _, err := s.Add(t.Context(), hello, known); err != nil || c.ID == 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	down(s.toDB)
	same := s.hold(t, hello) // its answer had got lost
	s.toDB.Clear()
	s.drain(t)
	if ref := s.outbox.Resolve(t.Context(), same.Entry); ref != "1" {
		t.Errorf("the same comment became %q, want 1", ref)
	}
	if err := s.outbox.redis.Del(t.Context(), claimKey(hello.Key)).Err(); err != nil { // a day later
		t.Fatal(err)
	}
	other := hello
	other.Body = "Goodbye."
	down(s.toDB)
	s.hold(t, other)
	s.toDB.Clear()
	s.drain(t)
	if got := bodies(t, db, "one"); got != "Hello.,Goodbye." {
		t.Errorf("written: %s; what was accepted is to be kept", got)
	}
}

// What the database lacks waits, and holds up nobody else.
func TestCommentsOnAnArticleToCome(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	_, _, err := s.Add(t.Context(), comment("two", 1), unknown)
	wantErr(t, err, ErrNotFound)
	s.hold(t, comment("two", 1))
	down(s.toDB)
	s.hold(t, hello)
	s.hold(t, comment("two", 2))
	s.toDB.Clear()
	eventually(t, "the others are written", func() bool {
		_, _ = s.outbox.Drain(t.Context())
		return bodies(t, db, "one") == "Hello."
	})
	if n, _ := s.outbox.Count(); n != 2 || bodies(t, db, "two") != "" {
		t.Errorf("%d wait, written of two: %q", n, bodies(t, db, "two"))
	}
	publishAll(t, db, append(one(t), article(t, "two", 2, "Second."))...)
	s.drain(t)
	if got := bodies(t, db, "two"); got != "Comment 1,Comment 2" {
		t.Errorf("written: %s", got)
	}
}

func TestNeitherHomeTakesIt(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	var said strings.Builder
	s.outbox.log = slog.New(slog.NewTextHandler(&said, nil))
	if _, _, err := s.Add(t.Context(), comment("one", 1), known); err != nil || said.String() != "" || s.outbox.Stats().Passed != 0 {
		t.Errorf("with both: %v, %d passed, log %q", err, s.outbox.Stats().Passed, said.String())
	}
	down(s.toRedis)
	c, _, err := s.Add(t.Context(), hello, known)
	if err != nil || c.ID == 0 {
		t.Errorf("without Redis: %+v, %v; want it in the database", c, err)
	}
	if !strings.Contains(said.String(), "key_hash="+c.KeyHash) || !strings.Contains(said.String(), PassesOutbox) || s.outbox.Stats().Passed != 1 {
		t.Errorf("that it passed the outbox: %d, log %q", s.outbox.Stats().Passed, said.String())
	}
	down(s.toDB)
	if c, _, err := s.Add(t.Context(), comment("one", 2), known); err == nil {
		t.Errorf("with neither: %+v", c)
	}
	if n := s.outbox.Stats().Passed; n != 2 {
		t.Errorf("%d passed: a write without an answer may have been done", n)
	}
	if got := said.String(); strings.Count(got, PassesOutbox) != 2 || strings.Count(got, "level=WARN") != 1 {
		t.Errorf("both are told, but one of them as a warning: %s", got)
	}
	if n := query[int](t, db, `select count(*) from comments`); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestRefusedCommentIsOfferedOnceMore: an outbox that was out of reach for a moment takes a comment that nobody took, while
// there is time.
// TestCommentsAreWrittenAsTheyCome: no poll comes in this test's time. While the
// database takes comments they don't wait for one; while it doesn't, many
// comments are no more attempts than one.
func TestCommentsAreWrittenAsTheyCome(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	var said testenv.Buffer
	failed := func() int { return strings.Count(said.String(), "comments go on waiting") }
	s.outbox.poll, s.outbox.log = time.Hour, slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.outbox.Run(ctx) })
	defer running.Wait()
	defer cancel()
	want := ""
	for i := range 3 {
		if _, _, err := s.outbox.Add(ctx, comment("one", i)); err != nil {
			t.Fatal(err)
		}
		want = strings.TrimPrefix(fmt.Sprintf("%s,Comment %d", want, i), ",")
		eventually(t, "it is written", func() bool { return bodies(t, s.db, "one") == want })
	}
	down(s.toDB)
	for i := range 10 {
		s.hold(t, comment("one", 10+i))
		time.Sleep(10 * time.Millisecond)
	}
	eventually(t, "an attempt has failed", func() bool { return failed() > 0 })
	if n := failed(); n > 2 { // the last one before may have been told late
		t.Errorf("%d attempts for ten comments that can't be written", n)
	}
}

func TestRefusedCommentIsOfferedOnceMore(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	s := newServer(t, url, testenv.Redis(t))
	down(s.toDB, s.toRedis)
	s.outbox.policy.Again = time.Nanosecond
	if c, _, err := s.Add(t.Context(), comment("one", 1), known); err == nil {
		t.Errorf("with neither, and no time: %+v", c)
	}
	refusals := func() (n int) {
		for _, of := range s.outbox.Stats().Refused {
			n += of
		}
		return n
	}
	if n := refusals(); n != 1 {
		t.Errorf("without time it was offered %d times", n)
	}
	s.outbox.policy.Again = 2 * time.Second
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for refusals() < 2 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		s.toRedis.Clear()
	}()
	if c, _, err := s.Add(ctx, comment("one", 2), known); err != nil || c.Entry == "" {
		t.Errorf("the outbox is back: %+v, %v; want it to wait there", c, err)
	}
}

// Redis answers before its disk has it: that is no promise.
func TestOutboxOfARedisThatMayForget(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	server := testenv.NewRedis(t)
	s := newServer(t, url, server.URL)
	down(s.toDB)
	set := func(name, value string) {
		if err := s.outbox.redis.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for name, values := range map[string][2]string{"appendfsync": {"everysec", "always"}, "no-appendfsync-on-rewrite": {"yes", "no"}, "appendonly": {"no", "yes"}, "maxmemory-policy": {"allkeys-lru", "noeviction"}} {
		set(name, values[0])
		_, _, err := s.Add(t.Context(), hello, known)
		wantErr(t, err, errNotOnDisk)
		if n := s.outbox.redis.XLen(t.Context(), outboxStream).Val(); n != 0 {
			t.Errorf("with %s %s it was added all the same", name, values[0])
		}
		set(name, values[1])
	}
	eventually(t, "the log that was switched on is made", func() bool {
		return strings.Contains(s.outbox.redis.Info(t.Context(), "persistence").Val(), "aof_rewrite_in_progress:0")
	})
	s.hold(t, hello)
	server.Kill()
	server.Restart()
	eventually(t, "it is still there", func() bool { return s.outbox.redis.XLen(t.Context(), outboxStream).Val() == 1 })
}

func TestJudgeDisks(t *testing.T) {
	for _, c := range []struct {
		counts []int64
		want   int
	}{{[]int64{1, 2}, 3}, {[]int64{1, 3}, 3}, {[]int64{1, 1}, 2}, {[]int64{1, 0}, 0}, {[]int64{0, 2}, 0}, {[]int64{0, 0}, 0}, {nil, 0}} {
		disks, err := judgeDisks(c.counts)
		if disks != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("%v: %d disks, %v; want %d", c.counts, disks, err, c.want)
		}
	}
}

// Copies crowd nobody out.
func TestCopiesAreBounded(t *testing.T) {
	url, _ := newDatabase(t, one(t)...)
	server := testenv.NewRedis(t)
	s := newServer(t, url, server.URL)
	r := s.outbox.redis
	if err := r.ConfigSet(t.Context(), "maxmemory", "16mb").Err(); err != nil {
		t.Fatal(err)
	}
	table := policy.Afloat()
	table.Copies.Bytes, table.Copies.Number = 1<<20, 200
	guard := must(resilience.NewGuard(resilience.Policy{Name: "copies"}, Classify, nil))(t)
	c := &copies[string]{kind: "test", db: r, guard: guard, life: table.Copies}
	page := strings.Repeat("x", 10_000)
	for i := range 3000 { // 30 MB
		c.put(t.Context(), fmt.Sprint(i), Versioned[string]{V: page, AsOf: 1}, time.UnixMilli(int64(i)))
	}
	stored := r.Keys(t.Context(), "afloat:copy:*").Val()
	if n := len(stored); n < 80 || n > 104 {
		t.Errorf("%d copies of 10 KB are kept in 1 MiB", n)
	}
	if _, found := c.get(t.Context(), "2999"); !found {
		t.Error("the newest is gone")
	}
	if _, found := c.get(t.Context(), "0"); found {
		t.Error("the oldest is there")
	}
	for i := range 400 {
		c.put(t.Context(), fmt.Sprint("small", i), Versioned[string]{V: "x", AsOf: 1}, time.UnixMilli(int64(10_000+i)))
	}
	if n := r.ZCard(t.Context(), copiesByAge).Val(); n != 200 || len(r.Keys(t.Context(), "afloat:copy:*").Val()) != 200 {
		t.Errorf("%d copies, want 200", n)
	}
	for _, key := range r.Keys(t.Context(), "*").Val() {
		if r.TTL(t.Context(), key).Val() <= 0 {
			t.Errorf("%s never goes", key)
		}
	}
	down(s.toDB)
	s.hold(t, hello)
}

// A Redis with no room refuses, it doesn't forget.
func TestFullRedisRefuses(t *testing.T) {
	url, db := newDatabase(t, one(t)...)
	server := testenv.NewRedis(t)
	s := newServer(t, url, server.URL)
	down(s.toDB)
	s.hold(t, hello)
	if err := s.outbox.redis.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Add(t.Context(), comment("one", 2), known)
	if !redis.HasErrorPrefix(err, "OOM") && !strings.Contains(fmt.Sprint(err), "OOM") {
		t.Errorf("%v, want a refusal for want of room", err)
	}
	s.toDB.Clear()
	s.drain(t) // which makes room
	if got := bodies(t, db, "one"); got != "Hello." {
		t.Errorf("written: %s", got)
	}
}
