package store

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"afloat/internal/resilience"
)

func snapshotOf(t testing.TB, version int64) []byte {
	t.Helper()
	articles := []Article{
		{Post: Post{Summary: Summary{Slug: "three", Title: "Three", Tags: []string{"odd", "all"}}, HTML: "<p>3</p>"}, Text: "third"},
		{Post: Post{Summary: Summary{Slug: "two", Title: "Two", Tags: []string{"all"}}, Withdrawn: true}, Text: "second"},
		{Post: Post{Summary: Summary{Slug: "one", Title: "One", Tags: []string{"odd", "all"}}, HTML: "<p>1</p>"}, Text: "first"},
	}
	var b bytes.Buffer
	err := WriteSnapshot(&b, version, time.Now(), func() (a Article, err error) {
		if len(articles) == 0 {
			return a, io.EOF
		}
		a, articles = articles[0], articles[1:]
		return a, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSnapshotHoldsWhatWasWritten(t *testing.T) {
	raw := snapshotOf(t, 7)
	s, err := ReadSnapshot(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Version != 7 || s.At.IsZero() {
		t.Errorf("version %d of %v", s.Version, s.At)
	}
	three, err := s.Article("three")
	if err != nil || three.HTML != "<p>3</p>" || three.Newer != nil || three.Older == nil || *three.Older != (Ref{"one", "One"}) {
		t.Errorf("three is %+v, %v", three, err)
	}
	if older, err := s.Article("one"); err != nil || older.Older != nil || older.Newer == nil || older.Newer.Slug != "three" {
		t.Errorf("one is %+v, %v", older, err)
	}
	if two, err := s.Article("two"); err != nil || !two.Withdrawn || two.Newer != nil || two.Older != nil {
		t.Errorf("the tombstone is %+v, %v", two, err)
	}
	_, err = s.Article("unheard-of")
	wantErr(t, err, ErrNotFound)
	if found, err := s.Search(t.Context(), "third", 1, 10); err != nil || slugs(found) != "three" || found[0].More {
		t.Errorf("the text of three finds %+v, %v", found, err)
	}

	for _, c := range []struct {
		tag        string
		page, size int
		want       string
		total      int
	}{{"", 1, 10, "three one", 2}, {"", 2, 1, "one", 2}, {"odd", 1, 1, "three", 2}} {
		l, err := s.List(c.tag, c.page, c.size)
		var slugs []string
		for _, item := range l.Items {
			slugs = append(slugs, item.Slug)
		}
		if got := strings.Join(slugs, " "); err != nil || got != c.want || l.Total != c.total {
			t.Errorf("list %q, page %d of %d: %q of %d, %v", c.tag, c.page, c.size, got, l.Total, err)
		}
	}
	_, err = s.List("even", 1, 10)
	wantErr(t, err, ErrNotFound)
	_, err = s.List("", 3, 1)
	wantErr(t, err, ErrNotFound)
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	whole := snapshotOf(t, 7)
	for cut := range whole {
		if _, err := ReadSnapshot(bytes.NewReader(whole[:cut]), int64(cut)); err == nil {
			t.Fatalf("cut off after %d of %d bytes, and accepted", cut, len(whole))
		}
		flipped := bytes.Clone(whole)
		flipped[cut] ^= 1
		if s, err := ReadSnapshot(bytes.NewReader(flipped), int64(len(flipped))); err == nil && readAll(s) == nil {
			t.Fatalf("byte %d damaged, and everything read", cut)
		}
	}
	if err := readAll(must(ReadSnapshot(bytes.NewReader(whole), int64(len(whole))))(t)); err != nil {
		t.Fatalf("with nothing damaged: %v", err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	missing := bytes.Join(append(lines[:1:1], lines[2:]...), nil)
	if _, err := ReadSnapshot(bytes.NewReader(missing), int64(len(missing))); err == nil {
		t.Error("an article is missing, and nothing was noticed")
	}
}

// readAll reads every line of a snapshot.
func readAll(s *Snapshot) error {
	for i, slug := range s.Slugs {
		if _, err := s.Article(slug); err != nil {
			return err
		}
		if _, _, err := s.text(i); err != nil {
			return err
		}
	}
	return nil
}

// A line that is damaged while the file is in use costs one article, and is told as what it is.
func TestDamagedArticleIsNotServed(t *testing.T) {
	raw := snapshotOf(t, 7)
	s := must(ReadSnapshot(bytes.NewReader(raw), int64(len(raw))))(t)
	raw[bytes.Index(raw, []byte("<p>3</p>"))+3] = '4'
	if three, err := s.Article("three"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("the damaged article is %+v, %v", three, err)
	}
	if one, err := s.Article("one"); err != nil || one.HTML != "<p>1</p>" {
		t.Errorf("another article is %+v, %v", one, err)
	}
}

func TestShippedArticlesStandInForADamagedSnapshot(t *testing.T) {
	for name, raw := range map[string][]byte{
		"cut": snapshotOf(t, 7)[:100], "empty": {}, "another format": []byte(`{"afloat_snapshot":1,"version":9}` + "\n" + `{"end":0,"crc32":1234567}` + "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "snapshot.jsonl"), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			newBlog(t, setup{dir: dir, shipped: one(t)}).expect(t, "one", "First.", resilience.FromSnapshot, resilience.Fallback)
		})
	}
}

func TestSaveSnapshot(t *testing.T) {
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."))...)
	s := setup{postgres: url, dir: t.TempDir(), shipped: one(t)}
	path := filepath.Join(s.dir, "snapshot.jsonl")
	leftover := filepath.Join(s.dir, ".snapshot-123")
	if err := os.WriteFile(leftover, []byte("of a save that a crash ended"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBlog(t, s)
	if _, err := os.Stat(leftover); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a crash left is still there: %v", err)
	}
	save := func() os.FileInfo {
		t.Helper()
		if err := b.SaveSnapshot(t.Context()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := save()
	if !os.SameFile(first, save()) {
		t.Error("the same version was written twice")
	}
	held := b.snapshot.load()
	publishAll(t, db, one(t)...)
	if os.SameFile(first, save()) {
		t.Error("a newer version was not written")
	}
	if two, err := held.Article("two"); err != nil || two.Withdrawn {
		t.Errorf("the replaced snapshot can't be read by those who hold it: %+v, %v", two, err)
	}
	newest := b.snapshot.load()
	if two, err := newest.Article("two"); err != nil || !two.Withdrawn || newest.Version <= held.Version {
		t.Errorf("the new snapshot, of version %d after %d, has %+v, %v", newest.Version, held.Version, two, err)
	}
	// Neighbours and order are as the database has them.
	publishAll(t, db, article(t, "one", 1, "First."), article(t, "two", 2, "Second."), article(t, "three", 2, "Third."))
	save()
	for _, slug := range []string{"one", "two", "three"} {
		want, _, err := b.Post(t.Context(), slug)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.snapshot.load().Article(slug)
		if err != nil || !sameRef(got.Newer, want.Newer) || !sameRef(got.Older, want.Older) || got.HTML != want.HTML || got.Version != want.Version || !got.Published.Equal(want.Published) {
			t.Errorf("%s is %+v in the snapshot and %+v in the database, %v", slug, got, want, err)
		}
	}
	// A database restored from a backup has a lower version.
	latest := b.snapshot.load().Version
	before := save()
	exec(t, db, `update site set version = 5`)
	if !os.SameFile(before, save()) {
		t.Error("an older state of the database was written over a newer one")
	}
	if v := b.snapshot.load().Version; v != latest {
		t.Errorf("version %d replaced %d", v, latest)
	}
}

func sameRef(a, b *Ref) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// A crash may come at any time: readers find the old file or the new one.
func TestSnapshotIsReplacedAtomically(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot.jsonl")
	save := func(version int64) error {
		return saveSnapshot(path, func(w io.Writer) error { _, err := w.Write(snapshotOf(t, version)); return err })
	}
	if err := save(1); err != nil {
		t.Fatal(err)
	}
	failed := saveSnapshot(path, func(w io.Writer) error {
		_, err := w.Write(snapshotOf(t, 2)[:50])
		return errors.Join(err, io.ErrUnexpectedEOF)
	})
	wantErr(t, failed, io.ErrUnexpectedEOF)
	if s, err := openSnapshot(path); err != nil || s.Version != 1 {
		t.Errorf("after a save that failed: %+v, %v", s, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("%d files are left, %v; want the snapshot alone", len(files), err)
	}

	var writing sync.WaitGroup
	done := make(chan struct{})
	writing.Go(func() {
		defer close(done)
		for version := range int64(30) {
			if err := save(version + 2); err != nil {
				t.Error(err)
			}
		}
	})
	for last := int64(0); ; {
		s, err := openSnapshot(path)
		if err != nil || s.Version < last {
			t.Fatalf("while it is replaced: %+v after version %d, %v", s, last, err)
		}
		last = s.Version
		if _, err := s.Article("one"); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			writing.Wait()
			return
		default:
		}
	}
}

// An error in the middle of reading must not pass for the end.
func TestHalfASnapshotIsNone(t *testing.T) {
	broken := errors.New("the connection broke")
	n := 0
	err := WriteSnapshot(io.Discard, 1, time.Now(), func() (Article, error) {
		n++
		if n > 2 {
			return Article{}, broken
		}
		return Article{}, nil
	})
	wantErr(t, err, broken)
}

func TestArticlesAreThosePublished(t *testing.T) {
	url, db := newDatabase(t, append(one(t), article(t, "two", 2, "Second."), article(t, "three", 3, "Third."))...)
	publishAll(t, db, append(one(t), article(t, "three", 3, "Third."))...)
	b := newBlog(t, setup{postgres: url})
	var got []string
	err := b.Articles(t.Context(), func(a Article) error { got = append(got, a.Slug+": "+strings.TrimSpace(a.Text)); return nil })
	if want := "three: Third.; one: First."; err != nil || strings.Join(got, "; ") != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	stop := errors.New("enough")
	wantErr(t, b.Articles(t.Context(), func(Article) error { return stop }), stop)
	wantErr(t, newBlog(t, setup{shipped: one(t)}).Articles(t.Context(), func(Article) error { return nil }), errNoDatabase)
}
