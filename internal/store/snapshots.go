package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"afloat/internal/resilience"
)

// Shipped makes a snapshot of the articles in the binary, when it is called for.
// Version 0 makes it older than anything that was ever published.
func Shipped[D Draft](articles []D) func() (*Snapshot, error) {
	return func() (*Snapshot, error) {
		var all []Article
		var newest time.Time
		for _, d := range articles {
			a, err := d.Render()
			if err != nil {
				return nil, err
			}
			all = append(all, fromContent(a))
			if a.Updated.After(newest) {
				newest = a.Updated
			}
		}
		sortNewestFirst(all)
		return NewSnapshot(0, newest, all)
	}
}

// snapshotHolder is the snapshot in use: the one in the data directory, else
// the one shipped.
type snapshotHolder struct {
	path      string // "" keeps none
	current   atomic.Pointer[Snapshot]
	searching *resilience.Bulkhead // a search takes a while of processor time, which articles need as well
}

// newSnapshotHolder makes the shipped snapshot only where no saved one can be
// used: rendering it is work that no reader should wait for.
func newSnapshotHolder(dir string, shipped func() (*Snapshot, error), searches resilience.BulkheadPolicy, log *slog.Logger) (*snapshotHolder, error) {
	searching, err := resilience.NewBulkhead(searches)
	if err != nil {
		return nil, err
	}
	h := &snapshotHolder{searching: searching}
	if dir == "" {
		return h, h.ship(shipped)
	}
	h.path = filepath.Join(dir, "snapshot.jsonl")
	leftovers, _ := filepath.Glob(filepath.Join(dir, unfinished)) // of saves that a crash ended
	for _, file := range leftovers {
		_ = os.Remove(file) // it only takes up room
	}
	s, err := openSnapshot(h.path)
	if err == nil {
		h.current.Store(s)
		return h, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the saved snapshot can't be used, the shipped articles stand in until the next one is written", "path", h.path, "err", err)
	}
	return h, h.ship(shipped)
}

func (h *snapshotHolder) ship(shipped func() (*Snapshot, error)) error {
	if shipped == nil {
		return nil
	}
	s, err := shipped()
	h.current.Store(s)
	return err
}

// openSnapshot keeps the file open for reading; a newer one renamed over it
// leaves it readable until the last reader lets go.
func openSnapshot(path string) (*Snapshot, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s, err := ReadSnapshot(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

func (h *snapshotHolder) load() *Snapshot { return h.current.Load() }

var errNoSnapshot = errors.New("there is no snapshot of a higher version")

const anyVersion = -1 // below that of the shipped articles

// post is an article in the snapshot, if that is of a version above the given.
func (h *snapshotHolder) post(slug string, above int64) (Versioned[Post], time.Time, error) {
	s := h.load()
	if s == nil || s.Version <= above {
		return Versioned[Post]{}, time.Time{}, errNoSnapshot
	}
	a, err := s.Article(slug)
	return Versioned[Post]{a, s.Version, true}, s.At, err
}

func (h *snapshotHolder) list(key string, above int64) (Versioned[Listing], time.Time, error) {
	s := h.load()
	if s == nil || s.Version <= above {
		return Versioned[Listing]{}, time.Time{}, errNoSnapshot
	}
	l, err := s.list(parseListKey(key))
	return Versioned[Listing]{l, s.Version, true}, s.At, err
}

// SaveSnapshot writes everything published to the data directory and puts it
// into use. It does nothing where the snapshot there is of that version, or of
// a higher one.
func (p *Posts) SaveSnapshot(ctx context.Context) error {
	if p.snapshot.path == "" || p.bulkDB == nil {
		return nil
	}
	var version int64
	_, _, err := resilience.Call(ctx, p.bulk, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.eachArticle(ctx, true, func(v int64, next func() (Article, error)) error {
			version = v
			if held := p.snapshot.load(); held != nil && held.Version >= v {
				return nil
			}
			return saveSnapshot(p.snapshot.path, func(w io.Writer) error { return WriteSnapshot(w, v, time.Now(), next) })
		})
	})
	if err != nil {
		return fmt.Errorf("saving the snapshot: %w", err)
	}
	if held := p.snapshot.load(); held != nil && held.Version >= version {
		return nil
	}
	s, err := openSnapshot(p.snapshot.path)
	if err != nil {
		return fmt.Errorf("opening the new snapshot: %w", err)
	}
	p.snapshot.current.Store(s)
	p.log.Info("snapshot saved", "path", p.snapshot.path, "version", s.Version, "articles", len(s.Slugs))
	return nil
}

// Gone reports whether an article is known to have been withdrawn. It looks
// only at what this server holds in memory.
func (p *Posts) Gone(slug string) bool {
	s := p.snapshot.load()
	return s != nil && s.withdrawn(slug)
}

// Holds reports whether this server's snapshot has an article. As Gone, it
// looks only at what is in memory: it is for links, which may lag a moment
// behind a publication, and must not wait.
func (p *Posts) Holds(slug string) bool {
	s := p.snapshot.load()
	if s == nil {
		return false
	}
	_, ok := s.number(slug)
	return ok
}
