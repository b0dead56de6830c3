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

	"github.com/jackc/pgx/v5"

	"afloat/internal/content"
	"afloat/internal/resilience"
)

// Shipped makes a snapshot of the articles in the binary. Version 0 makes it
// older than anything that was ever published.
func Shipped(articles []content.Article) (*Snapshot, error) {
	var all []Article
	var newest time.Time
	for _, a := range articles {
		all = append(all, fromContent(a))
		if a.Updated.After(newest) {
			newest = a.Updated
		}
	}
	sortNewestFirst(all)
	return NewSnapshot(0, newest, all)
}

// snapshotHolder is the snapshot in use: the one in the data directory, else
// the one shipped.
type snapshotHolder struct {
	path    string // "" keeps none
	current atomic.Pointer[Snapshot]
}

func newSnapshotHolder(dir string, shipped *Snapshot, log *slog.Logger) *snapshotHolder {
	h := &snapshotHolder{}
	if shipped != nil {
		h.current.Store(shipped)
	}
	if dir == "" {
		return h
	}
	h.path = filepath.Join(dir, "snapshot.jsonl")
	leftovers, _ := filepath.Glob(filepath.Join(dir, unfinished)) // of saves that a crash ended
	for _, file := range leftovers {
		_ = os.Remove(file) // it only takes up room
	}
	s, err := openSnapshot(h.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		log.Warn("the saved snapshot can't be used, the shipped articles stand in until the next one is written", "path", h.path, "err", err)
	default:
		h.current.Store(s)
	}
	return h
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
	return Versioned[Post]{a.Post, s.Version, true}, s.At, err
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
		return struct{}{}, p.eachArticle(ctx, func(v int64, next func() (Article, error)) error {
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
	p.log.Info("snapshot saved", "path", p.snapshot.path, "version", s.Version, "articles", len(s.summaries))
	return nil
}

// Articles calls use with each article that is published, in one consistent
// read.
func (p *Posts) Articles(ctx context.Context, use func(Article) error) error {
	if p.bulkDB == nil {
		return errNoDatabase
	}
	_, _, err := resilience.Call(ctx, p.bulk, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.eachArticle(ctx, func(_ int64, next func() (Article, error)) error {
			for {
				a, err := next()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if a.Withdrawn {
					continue
				}
				if err := use(a); err != nil {
					return err
				}
			}
		})
	})
	return err
}

// eachArticle streams all articles and tombstones, newest first, with the
// version they are of: both from one snapshot of the database.
func (p *Posts) eachArticle(ctx context.Context, use func(version int64, next func() (Article, error)) error) error {
	return pgx.BeginTxFunc(ctx, p.bulkDB, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var version int64
		if err := tx.QueryRow(ctx, `select version from site`).Scan(&version); err != nil {
			return err
		}
		if version == 0 {
			return errNothingPublished
		}
		rows, err := tx.Query(ctx, `select to_jsonb(q) from (
			select `+summaryColumns+`, html, toc, version, withdrawn, body as text
			from posts order by published desc, slug desc) q`)
		if err != nil {
			return err
		}
		defer rows.Close()
		return use(version, func() (a Article, err error) {
			if rows.Next() {
				return a, rows.Scan(&a)
			}
			if err := rows.Err(); err != nil {
				return a, err // half a snapshot must not pass for a whole one
			}
			return a, io.EOF
		})
	})
}

// Gone reports whether an article is known to have been withdrawn. It looks
// only at what this server holds in memory.
func (p *Posts) Gone(slug string) bool {
	s := p.snapshot.load()
	if s == nil {
		return false
	}
	_, known := s.places[slug]
	_, listed := s.ordinal[slug]
	return known && !listed
}
