package store

import (
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"

	"afloat"
	"afloat/internal/content"
	"afloat/internal/policy"
	"afloat/internal/testenv"
)

func TestPublishIsIdempotent(t *testing.T) {
	_, db := newDatabase(t)
	one, two := article(t, "one", 1, "First."), article(t, "two", 2, "Second.")
	first := publishAll(t, db, one, two)
	if want := (Published{Version: first.Version, Added: 2}); first != want || first.Version == 0 {
		t.Errorf("first %+v, want %+v and a version", first, want)
	}
	again := publishAll(t, db, two, one)
	if want := (Published{Version: first.Version, Same: 2}); again != want {
		t.Errorf("again %+v, want %+v", again, want)
	}
	if v := query[int64](t, db, `select version from site`); v != first.Version {
		t.Errorf("publishing the same raised the version from %d to %d", first.Version, v)
	}

	changed := publishAll(t, db, article(t, "one", 1, "First, corrected."), two)
	if want := (Published{Version: changed.Version, Changed: 1, Same: 1}); changed != want || changed.Version <= first.Version {
		t.Errorf("changed %+v, want %+v and a version above %d", changed, want, first.Version)
	}
	if v := query[int64](t, db, `select version from posts where slug = 'two'`); v != first.Version {
		t.Errorf("an unchanged article's version went from %d to %d", first.Version, v)
	}
}

func TestPublishWithdrawsAndRestores(t *testing.T) {
	url, db := newDatabase(t)
	one, two := article(t, "one", 1, "First."), article(t, "two", 2, "Second.")
	publishAll(t, db, one, two)
	gone := publishAll(t, db, one)
	if want := (Published{Version: gone.Version, Withdrawn: 1, Same: 1}); gone != want {
		t.Errorf("withdrawing: %+v, want %+v", gone, want)
	}
	if again := publishAll(t, db, one); again.Withdrawn != 0 || again.Version != gone.Version {
		t.Errorf("withdrawn twice: %+v", again)
	}
	if v := query[int64](t, db, `select version from posts where slug = 'two' and withdrawn`); v != gone.Version {
		t.Errorf("the tombstone has version %d, want %d", v, gone.Version)
	}
	b := newBlog(t, setup{postgres: url})
	_, _, err := b.Post(t.Context(), "two")
	wantErr(t, err, ErrWithdrawn)
	if _, _, ok := b.PeekPost(t.Context(), "two"); ok {
		t.Error("a peek shows a withdrawn article")
	}
	if back := publishAll(t, db, one, two); back.Changed != 1 {
		t.Errorf("publishing it again: %+v", back)
	}
	if _, _, err := newBlog(t, setup{postgres: url}).Post(t.Context(), "two"); err != nil {
		t.Errorf("published again: %v", err)
	}
}

func TestPublishIsAllOrNothing(t *testing.T) {
	_, db := newDatabase(t, article(t, "one", 1, "First."))
	before := query[int64](t, db, `select version from site`)
	broken := article(t, "broken", 3, "Third.")
	broken.Title = "not\x00text"
	if _, err := Publish(t.Context(), db, append(one(t), article(t, "two", 2, "Second."), broken)); err == nil {
		t.Fatal("an article that can't be stored was published")
	}
	if n := query[int](t, db, `select count(*) from posts where not withdrawn`); n != 1 {
		t.Errorf("%d articles are left, want the one from before", n)
	}
	if v := query[int64](t, db, `select version from site`); v != before {
		t.Errorf("the version went from %d to %d for nothing", before, v)
	}
}

func TestShippedArticlesGiveWayToOnesOwn(t *testing.T) {
	_, db := newDatabase(t)
	shipped := one(t)
	ship := func() Published {
		t.Helper()
		done, err := PublishShipped(t.Context(), db, shipped)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	if done := ship(); done.Added != 1 {
		t.Errorf("into an empty database: %+v", done)
	}
	shipped = append(shipped, article(t, "release", 2, "From a later release."))
	if done := ship(); done.Added != 1 || done.Same != 1 {
		t.Errorf("a later release: %+v", done)
	}

	// Publishing the shipped articles oneself changes no article, but whose blog it is.
	mine := publishAll(t, db, shipped...)
	if mine.Same != 2 || mine.Added+mine.Changed+mine.Withdrawn != 0 {
		t.Errorf("the same as one's own: %+v", mine)
	}
	shipped = one(t)
	if done := ship(); done != (Published{Version: mine.Version}) {
		t.Errorf("shipped articles over one's own: %+v", done)
	}
	if n := query[int](t, db, `select count(*) from posts where not withdrawn`); n != 2 {
		t.Errorf("%d articles are left of one's own 2", n)
	}
}

func TestPublishersTakeTurns(t *testing.T) {
	_, db := newDatabase(t)
	articles := append(one(t), article(t, "two", 2, "Second."))
	tx, err := db.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := publishTx(t.Context(), tx, articles, false)
	if err != nil {
		t.Fatal(err)
	}
	var others sync.WaitGroup
	done := make([]Published, 2)
	for i := range done {
		others.Go(func() {
			var err error
			if done[i], err = Publish(t.Context(), db, articles); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "the others wait", func() bool {
		return len(done) == query[int](t, db, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	others.Wait()
	for _, got := range done {
		if want := (Published{Version: first.Version, Same: 2}); got != want {
			t.Errorf("another publisher did %+v, want %+v: the articles were published already", got, want)
		}
	}
}

func TestServersMigrateAtOnce(t *testing.T) {
	t.Run("an empty database", func(t *testing.T) { migrateAtOnce(t, testenv.Postgres(t), afloat.Migrations(), steps(t)) })
	t.Run("a new release", func(t *testing.T) {
		url := testenv.Postgres(t)
		files := fstest.MapFS{"00001_quick.sql": {Data: []byte("-- +goose Up\ncreate table quick (x int);\n")}}
		if _, err := Migrate(t.Context(), openDB(t, url, dialer, policy.Postgres{}), files); err != nil {
			t.Fatal(err)
		}
		// Slow, so that without a lock the others begin it as well.
		files["00002_slow.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nselect pg_sleep(0.2);\ncreate table slow (x int);\n")}
		migrateAtOnce(t, url, files, 1)
	})
}

// steps is how many migrations there are.
func steps(t *testing.T) int {
	t.Helper()
	files, err := fs.Glob(afloat.Migrations(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// migrateAtOnce has four servers run what is due, each migration once.
func migrateAtOnce(t *testing.T, url string, files fs.FS, due int) {
	var all sync.WaitGroup
	ran := make([]int, 4)
	start := make(chan struct{})
	for i := range ran {
		db := openDB(t, url, dialer, policy.Postgres{})
		if err := db.Ping(t.Context()); err != nil { // so that none is late
			t.Fatal(err)
		}
		all.Go(func() {
			<-start
			var err error
			if ran[i], err = Migrate(t.Context(), db, files); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	all.Wait()
	total := 0
	for _, n := range ran {
		total += n
	}
	if total != due {
		t.Errorf("%v migrations ran, want %d in all", ran, due)
	}
}

// counted is an article that tells when it is rendered.
type counted struct {
	content.Article
	rendered *int
	problem  error
}

func (c counted) Render() (content.Article, error) { *c.rendered++; return c.Article, c.problem }

func TestPublishRendersWhatHasChanged(t *testing.T) {
	_, db := newDatabase(t)
	rendered := 0
	drafts := []counted{{Article: article(t, "one", 1, "First."), rendered: &rendered}, {Article: article(t, "two", 2, "Second."), rendered: &rendered}}
	publish := func(want int) {
		t.Helper()
		rendered = 0
		if _, err := Publish(t.Context(), db, drafts); err != nil || rendered != want {
			t.Errorf("%d articles were rendered, %v; want %d", rendered, err, want)
		}
	}
	publish(2)
	publish(0)
	drafts[1].Article = article(t, "two", 2, "Second, corrected.")
	publish(1)

	first, second := errors.New("the first mistake"), errors.New("the second")
	drafts = append(drafts, counted{article(t, "three", 3, "Third."), &rendered, first}, counted{article(t, "four", 4, "Fourth."), &rendered, second})
	drafts = append(drafts, counted{article(t, "five", 5, "Fifth."), &rendered, nil})
	_, err := Publish(t.Context(), db, drafts)
	wantErr(t, err, first)
	wantErr(t, err, second)
	if n := query[int](t, db, `select count(*) from posts`); n != 2 {
		t.Errorf("there are %d articles after a publication that failed, want the 2 from before", n)
	}
}
